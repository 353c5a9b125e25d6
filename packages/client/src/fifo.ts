/**
 * A first-in first-out queue on a ring that doubles when full. Push, shift and unshift are O(1)
 * and leave no reference behind, so a long-lived queue does not keep settled operations alive.
 * It has no bound of its own: whoever owns it counts what it lets in.
 */
const INITIAL_SLOTS = 16

export class Fifo<T> {
  #ring: (T | undefined)[] = new Array<T | undefined>(INITIAL_SLOTS)
  #mask: number = INITIAL_SLOTS - 1
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** The oldest entry without removing it. */
  peek(): T | undefined {
    return this.#ring[this.#head]
  }

  /** The entry `index` places behind the oldest. */
  at(index: number): T | undefined {
    return index < this.#length ? this.#ring[(this.#head + index) & this.#mask] : undefined
  }

  push(entry: T): void {
    if (this.#length > this.#mask) this.#grow()
    this.#ring[(this.#head + this.#length) & this.#mask] = entry
    this.#length++
  }

  /** Puts an entry in front of the oldest. */
  unshift(entry: T): void {
    if (this.#length > this.#mask) this.#grow()
    this.#head = (this.#head - 1) & this.#mask
    this.#ring[this.#head] = entry
    this.#length++
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const entry = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & this.#mask
    this.#length--
    return entry
  }

  /** Keeps only the entries that pass, in order. */
  retain(keep: (entry: T) => boolean): void {
    const count = this.#length
    for (let i = 0; i < count; i++) {
      const entry = this.shift()
      if (entry !== undefined && keep(entry)) this.push(entry)
    }
  }

  /** Removes and returns everything, oldest first. */
  drain(): T[] {
    const entries: T[] = []
    for (let entry = this.shift(); entry !== undefined; entry = this.shift()) entries.push(entry)
    return entries
  }

  #grow(): void {
    const entries = this.drain()
    this.#mask = this.#mask * 2 + 1
    this.#ring = new Array<T | undefined>(this.#mask + 1)
    this.#head = 0
    for (const entry of entries) this.push(entry)
  }
}
