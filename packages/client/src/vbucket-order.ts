/**
 * Keeps each client's operations on one vBucket in order while the vBucket goes from one server to
 * another. A vBucket's operations pass one connection in order, so two things can disturb it:
 * strays (operations still at a server that has lost the vBucket), and refused operations, which
 * have to be sent again to a server that may refuse them as well, or own the vBucket a moment
 * later.
 *
 *   refused, in order ──(delay)──▶ the first alone, as a probe ──(answered)──▶ the others
 *   waiting, in order ──(nothing refused, no probe, no strays)──▶ send
 *
 * While there is a probe all that is asked on the vBucket waits for it; while there are only
 * strays, only those clients wait that have something unanswered there. So a frozen server holds up
 * nobody else. Nothing here costs anything while nothing moves. Who owns it bounds how much it is
 * given.
 */
import type { Operation } from './operation.ts'

interface Room {
  refused: Operation[]
  waiting: Operation[]
  probe: Operation | undefined
  timer: NodeJS.Timeout | undefined
}

export class VBucketOrder {
  readonly #send: (operation: Operation) => void
  readonly #strays: Set<Operation> = new Set()
  readonly #strayCounts: Map<number, number> = new Map()
  readonly #rooms: Map<number, Room> = new Map()

  /** `send` hands an operation to the server that has its vBucket. */
  constructor(send: (operation: Operation) => void) {
    this.#send = send
  }

  /** True while nothing moves, and `mustWait` need not be asked. */
  get quiet(): boolean {
    return this.#strays.size === 0 && this.#rooms.size === 0
  }

  /** Whether what is asked next on the vBucket has to wait; by a client with unanswered ones? */
  mustWait(vBucket: number, followsUnanswered: boolean): boolean {
    const room = this.#rooms.get(vBucket)
    if (followsUnanswered) return room !== undefined || this.#strayCounts.has(vBucket)
    if (room === undefined) return false
    if (room.probe !== undefined) return !this.#strays.has(room.probe)
    return room.refused.length > 0
  }

  /** Keeps an operation back until the vBucket is quiet. */
  wait(operation: Operation): void {
    this.#room(operation.vBucket).waiting.push(operation)
  }

  /** Takes an operation that was refused or has to go elsewhere, to be sent after the delay. */
  refused(operation: Operation, delayMs: number): void {
    const { vBucket } = operation
    const room = this.#room(vBucket)
    if (room.probe === operation) {
      room.probe = undefined
      room.refused.unshift(operation)
    } else {
      room.refused.push(operation)
    }
    this.#strayGone(operation)
    if (room.probe !== undefined || room.timer !== undefined) return
    if (delayMs === 0) this.#probe(vBucket, room)
    else room.timer = setTimeout(() => this.#probe(vBucket, room), delayMs)
  }

  /** Notes that an operation is at a server that has lost its vBucket. */
  stray(operation: Operation): void {
    if (this.#strays.has(operation)) return
    this.#strays.add(operation)
    const { vBucket } = operation
    this.#strayCounts.set(vBucket, (this.#strayCounts.get(vBucket) ?? 0) + 1)
  }

  /** Notes that an operation is settled. */
  gone(operation: Operation): void {
    if (this.quiet) return
    const { vBucket } = operation
    const room = this.#rooms.get(vBucket)
    this.#strayGone(operation)
    if (room === undefined) return
    if (room.probe === operation) {
      room.probe = undefined
      const { refused } = room
      room.refused = []
      this.#sendAll(refused)
    }
    this.#leave(vBucket, room)
  }

  /** The routes have changed: who strays is to be told anew, then `releaseAll` is due. */
  forgetStrays(): void {
    this.#strays.clear()
    this.#strayCounts.clear()
  }

  /** Goes on by the routes of this moment, without waiting for a delay. */
  releaseAll(): void {
    for (const [vBucket, room] of [...this.#rooms]) {
      if (room.probe === undefined) this.#probe(vBucket, room)
    }
  }

  /** Forgets what its upstream has given up. */
  sweep(): void {
    for (const [vBucket, room] of [...this.#rooms]) {
      room.refused = room.refused.filter(undecided)
      room.waiting = room.waiting.filter(undecided)
      this.#leave(vBucket, room)
    }
  }

  /** Empties it; returns what is undecided and here. */
  drain(): Operation[] {
    const all = [...this.#rooms.values()].flatMap((room) => {
      clearTimeout(room.timer)
      return [...room.refused, ...room.waiting]
    })
    this.#rooms.clear()
    this.forgetStrays()
    return all.filter(undecided)
  }

  #room(vBucket: number): Room {
    let room = this.#rooms.get(vBucket)
    if (room === undefined) {
      room = { refused: [], waiting: [], probe: undefined, timer: undefined }
      this.#rooms.set(vBucket, room)
    }
    return room
  }

  #probe(vBucket: number, room: Room): void {
    clearTimeout(room.timer)
    room.timer = undefined
    room.refused = room.refused.filter(undecided)
    const probe = room.refused.shift()
    room.probe = probe
    if (probe === undefined) this.#leave(vBucket, room)
    else this.#send(probe)
  }

  /** Ends a room that has nothing to wait for any more. */
  #leave(vBucket: number, room: Room): void {
    const busy = room.probe !== undefined || room.timer !== undefined || room.refused.length > 0
    if (busy || this.#strayCounts.has(vBucket) || this.#rooms.get(vBucket) !== room) return
    this.#rooms.delete(vBucket)
    this.#sendAll(room.waiting)
  }

  #strayGone(operation: Operation): void {
    if (!this.#strays.delete(operation)) return
    const { vBucket } = operation
    const left = (this.#strayCounts.get(vBucket) ?? 1) - 1
    if (left > 0) this.#strayCounts.set(vBucket, left)
    else this.#strayCounts.delete(vBucket)
  }

  #sendAll(operations: readonly Operation[]): void {
    for (const operation of operations) {
      if (!operation.settled) this.#send(operation)
    }
  }
}

function undecided(operation: Operation): boolean {
  return !operation.settled
}
