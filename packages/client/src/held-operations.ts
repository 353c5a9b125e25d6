/**
 * Operations that wait in a link for a connection, or for room in it, oldest first; bounded by
 * count and bytes. What an upstream gives up meanwhile is forgotten.
 */
import { Fifo } from './fifo.ts'
import type { Operation } from './operation.ts'

/** Most operations that wait in a link. */
export const HELD_OPS_MAX = 50_000
/** Most bytes of operations that wait in a link. */
export const HELD_BYTES_MAX: number = 64 * 1024 * 1024

export class HeldOperations {
  readonly #queue: Fifo<Operation> = new Fifo()
  #bytes = 0

  get length(): number {
    return this.#queue.length
  }

  get full(): boolean {
    return this.#queue.length >= HELD_OPS_MAX || this.#bytes >= HELD_BYTES_MAX
  }

  push(operation: Operation): void {
    this.#bytes += operation.bytesHeld
    this.#queue.push(operation)
  }

  /** Puts operations in front, in their order; they were let in before. */
  giveBack(operations: readonly Operation[]): void {
    for (const operation of operations.toReversed()) {
      this.#bytes += operation.bytesHeld
      this.#queue.unshift(operation)
    }
  }

  /** The oldest that is undecided. */
  shift(): Operation | undefined {
    for (;;) {
      const operation = this.#queue.shift()
      if (operation !== undefined) this.#bytes -= operation.bytesHeld
      if (operation?.settled !== true) return operation
    }
  }

  /** Removes and returns what is undecided, oldest first. */
  drain(): Operation[] {
    this.#bytes = 0
    return this.#queue.drain().filter((operation) => !operation.settled)
  }

  /** Forgets what its upstream has given up. */
  sweep(): void {
    if (this.#queue.peek()?.settled === true) this.giveBack(this.drain())
  }
}
