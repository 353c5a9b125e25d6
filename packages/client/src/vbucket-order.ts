/**
 * Keeps each client's operations on one vBucket in order while the vBucket goes from one server to
 * another. A vBucket's operations pass one connection after another in order, so only two things
 * can disturb it: strays (operations still at a server that has lost the vBucket) and refused
 * operations that wait for their next attempt. While a vBucket has either, a client that has
 * something unanswered there waits with what it asks next; other clients do not.
 *
 *   refused, in order ──(backoff)──▶ send            strays ──▶ answered, refused or given up
 *   waiting, in order ──(once nothing is refused, no strays)──▶ send
 *
 * Nothing here costs anything while nothing moves. Who owns it bounds how much it is given.
 */
import type { Operation } from './operation.ts'

interface Room {
  refused: Operation[]
  waiting: Operation[]
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

  /** Operations that wait here. */
  get held(): number {
    let sum = 0
    for (const room of this.#rooms.values()) sum += room.refused.length + room.waiting.length
    return sum
  }

  /** Whether what is asked next on the vBucket may have to wait. */
  disturbed(vBucket: number): boolean {
    if (this.#strays.size === 0 && this.#rooms.size === 0) return false
    return this.#rooms.has(vBucket) || this.#strayCounts.has(vBucket)
  }

  /** Keeps an operation back until the vBucket is quiet. */
  wait(operation: Operation): void {
    this.#room(operation.vBucket).waiting.push(operation)
  }

  /** Takes an operation that was refused, to be sent again after the delay. */
  refused(operation: Operation, delayMs: number): void {
    const { vBucket } = operation
    if (delayMs === 0 && (this.#rooms.get(vBucket)?.refused.length ?? 0) === 0) {
      this.#send(operation)
    } else {
      const room = this.#room(vBucket)
      room.refused.push(operation)
      room.timer ??= setTimeout(() => this.#release(vBucket), delayMs)
    }
    this.gone(operation)
  }

  /** Notes that an operation is at a server that has lost its vBucket. */
  stray(operation: Operation): void {
    if (this.#strays.has(operation)) return
    this.#strays.add(operation)
    const { vBucket } = operation
    this.#strayCounts.set(vBucket, (this.#strayCounts.get(vBucket) ?? 0) + 1)
  }

  /** Notes that an operation is settled, or no longer where it was. */
  gone(operation: Operation): void {
    if (this.#strays.size === 0 || !this.#strays.delete(operation)) return
    const { vBucket } = operation
    const left = (this.#strayCounts.get(vBucket) ?? 1) - 1
    if (left > 0) {
      this.#strayCounts.set(vBucket, left)
      return
    }
    this.#strayCounts.delete(vBucket)
    const room = this.#rooms.get(vBucket)
    if (room !== undefined && room.timer === undefined) this.#release(vBucket)
  }

  /** The routes have changed: who strays is to be told anew, then `releaseAll` is due. */
  forgetStrays(): void {
    this.#strays.clear()
    this.#strayCounts.clear()
  }

  /** Sends what may be sent by the routes of this moment, without waiting for a delay. */
  releaseAll(): void {
    for (const vBucket of [...this.#rooms.keys()]) this.#release(vBucket)
  }

  /** Forgets what its upstream has given up. */
  sweep(): void {
    for (const [vBucket, room] of this.#rooms) {
      room.refused = room.refused.filter(undecided)
      room.waiting = room.waiting.filter(undecided)
      if (room.refused.length === 0 && !this.#strayCounts.has(vBucket)) this.#release(vBucket)
    }
  }

  /** Empties it; returns what is undecided. */
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
      room = { refused: [], waiting: [], timer: undefined }
      this.#rooms.set(vBucket, room)
    }
    return room
  }

  #release(vBucket: number): void {
    const room = this.#rooms.get(vBucket)
    if (room === undefined) return
    clearTimeout(room.timer)
    room.timer = undefined
    const { refused, waiting } = room
    room.refused = []
    if (this.#strayCounts.has(vBucket)) {
      this.#sendAll(refused)
      return
    }
    this.#rooms.delete(vBucket)
    this.#sendAll(refused)
    this.#sendAll(waiting)
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
