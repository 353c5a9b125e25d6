/**
 * Keeps the order of operations on one key while a policy takes several steps for each: without it
 * a later delete would overtake an earlier read that is on its way to the second pool, and what is
 * brought over from one pool would undo what was just deleted in the other.
 *
 * Keys are spread over lanes by their hash. Reads of a lane are under way together; anything else
 * has its lane for itself, in the order of arrival, whoever asks. flush_all has all lanes for
 * itself.
 */
import { Fifo, type Fork, type Operation } from '@holdfast/client'
import { Op } from '@holdfast/protocol'
import { crc32 } from '@holdfast/topology'

const LANES = 4096
/** Most operations that may wait in all lanes. */
const WAITING_MAX = 100_000
/** Reply line of an operation that cannot wait. */
export const LANES_FULL_LINE = 'SERVER_ERROR proxy too many operations are waiting for their turn'

/** Begins an operation and returns the fork that will settle it. */
export type LaneStart = (operation: Operation) => Fork

export class KeyLanes {
  readonly #start: LaneStart
  readonly #lanes: (Lane | undefined)[] = new Array<Lane | undefined>(LANES)
  /** What came after a flush_all that has not begun or is under way, led by it. */
  readonly #gate: Fifo<Operation> = new Fifo()
  #underWay = 0
  #waiting = 0
  #flushing = false
  #opening = false

  constructor(start: LaneStart) {
    this.#start = start
  }

  /** Operations that wait for others. */
  get waiting(): number {
    return this.#waiting + this.#gate.length
  }

  /** Begins the operation when its turn has come. */
  submit(operation: Operation): void {
    if (this.waiting >= WAITING_MAX) {
      operation.fail(LANES_FULL_LINE)
    } else if (operation.kind === Op.FlushAll || this.#flushing || this.#gate.length > 0) {
      this.#gate.push(operation)
      this.#openGate()
    } else {
      this.#enter(operation)
    }
  }

  #enter(operation: Operation): void {
    const { buf, keyStart, keyEnd } = operation
    const index = crc32(buf, keyStart, keyEnd) % LANES
    const lane = this.#lanes[index] ?? new Lane()
    this.#lanes[index] = lane
    if (lane.admits(operation)) {
      this.#begin(operation, lane)
      return
    }
    lane.waiting ??= new Fifo()
    lane.waiting.push(operation)
    this.#waiting++
  }

  #begin(operation: Operation, lane: Lane | undefined): void {
    const reads = operation.readsOnly
    if (lane !== undefined) {
      if (reads) lane.reads++
      else lane.writes++
    }
    this.#underWay++
    const fork = this.#start(operation)
    const done = (): void => {
      this.#underWay--
      if (lane === undefined) this.#flushing = false
      else if (reads) lane.reads--
      else lane.writes--
      if (lane !== undefined) this.#goOn(lane)
      this.#openGate()
    }
    if (operation.settled) {
      done()
      return
    }
    // The fork has registered itself; it is told first, so that its children are given up.
    operation.accountTo({
      operationSettled: (settled) => {
        fork.operationSettled(settled)
        done()
      },
    })
  }

  #goOn(lane: Lane): void {
    const { waiting } = lane
    // What begins and ends in this loop comes here again; the loop goes on with what is next.
    if (waiting === undefined || lane.moving) return
    lane.moving = true
    for (let next = waiting.peek(); next !== undefined; next = waiting.peek()) {
      if (!next.settled && !lane.hasRoomFor(next)) break
      waiting.shift()
      this.#waiting--
      // Those whose deadline has passed meanwhile are left out.
      if (!next.settled) this.#begin(next, lane)
    }
    lane.moving = false
  }

  #openGate(): void {
    if (this.#opening) return
    this.#opening = true
    while (!this.#flushing) {
      const next = this.#gate.peek()
      if (next === undefined) break
      const flushes = next.kind === Op.FlushAll && !next.settled
      if (flushes && this.#underWay + this.#waiting > 0) break
      this.#gate.shift()
      if (next.settled) continue
      this.#flushing = flushes
      if (flushes) this.#begin(next, undefined)
      else this.#enter(next)
    }
    this.#opening = false
  }
}

/** The operations on keys of one hash. */
class Lane {
  reads = 0
  writes = 0
  /** True while waiting operations are let in. */
  moving = false
  waiting: Fifo<Operation> | undefined = undefined

  /** True when the operation can begin at once without overtaking another. */
  admits(operation: Operation): boolean {
    return (this.waiting?.length ?? 0) === 0 && this.hasRoomFor(operation)
  }

  hasRoomFor(operation: Operation): boolean {
    return this.writes === 0 && (this.reads === 0 || operation.readsOnly)
  }
}
