/**
 * The operations that a memcached server owes replies for, oldest first, and what each reply looks
 * like. A ring of two arrays beside each other, so that an operation costs no entry object.
 *
 * Gets that went out in one line are one group: its members get VALUE items or nothing, and one END
 * comes after the last of them.
 */
import type { Operation } from './operation.ts'

/** What the reply to an operation in flight looks like. */
export const ReplyShape = {
  /** Nothing is in flight. */
  None: 0,
  /** A get with others behind it in the same line. */
  Value: 1,
  /** The last or only get of a line. */
  LastValue: 2,
  /** One line. */
  Line: 3,
  /** A meta reply, perhaps with a value. */
  Meta: 4,
} as const
export type ReplyShape = (typeof ReplyShape)[keyof typeof ReplyShape]

const INITIAL_SLOTS = 16

export class InFlight {
  #operations: (Operation | undefined)[] = new Array<Operation | undefined>(INITIAL_SLOTS)
  #shapes: Uint8Array = new Uint8Array(INITIAL_SLOTS)
  #mask: number = INITIAL_SLOTS - 1
  #head = 0
  #length = 0
  #bytes = 0

  get length(): number {
    return this.#length
  }

  /** Bytes that the operations keep alive. */
  get bytes(): number {
    return this.#bytes
  }

  /** The oldest operation. */
  get head(): Operation | undefined {
    return this.#operations[this.#head]
  }

  get headShape(): number {
    return this.#shapes[this.#head] ?? ReplyShape.None
  }

  /** The operation that `place` others stand before. */
  at(place: number): Operation | undefined {
    return this.#operations[(this.#head + place) & this.#mask]
  }

  shapeAt(place: number): number {
    return this.#shapes[(this.#head + place) & this.#mask] ?? ReplyShape.None
  }

  push(operation: Operation, shape: ReplyShape): void {
    if (this.#length > this.#mask) this.#grow()
    const tail = (this.#head + this.#length) & this.#mask
    this.#operations[tail] = operation
    this.#shapes[tail] = shape
    this.#length++
    this.#bytes += operation.bytesHeld
  }

  /** The youngest operation is the last get of its line. */
  endGroup(): void {
    this.#shapes[(this.#head + this.#length - 1) & this.#mask] = ReplyShape.LastValue
  }

  shift(): Operation {
    const operation = this.#operations[this.#head]
    if (operation === undefined) throw new Error('bug: a reply without an operation in flight')
    this.#operations[this.#head] = undefined
    this.#shapes[this.#head] = ReplyShape.None
    this.#head = (this.#head + 1) & this.#mask
    this.#length--
    this.#bytes -= operation.bytesHeld
    return operation
  }

  #grow(): void {
    const slots = this.#mask + 1
    const operations = new Array<Operation | undefined>(slots * 2)
    const shapes = new Uint8Array(slots * 2)
    for (let i = 0; i < slots; i++) {
      const from = (this.#head + i) & this.#mask
      operations[i] = this.#operations[from]
      shapes[i] = this.#shapes[from] ?? ReplyShape.None
    }
    this.#operations = operations
    this.#shapes = shapes
    this.#mask = slots * 2 - 1
    this.#head = 0
  }
}
