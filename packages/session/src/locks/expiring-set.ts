/*
 * A set of texts with a limit of members and a life for each: the member used longest ago goes
 * first. It has no clock: the time is an argument.
 */
/** When it is full, this part of its members goes at once. */
const DROP_SHARE = 64

export class ExpiringSet {
  readonly #sizeMax: number
  readonly #lifeMs: number
  /** When each expires, the one used longest ago first. */
  readonly #members = new Map<string, number>()

  constructor(sizeMax: number, lifeMs: number) {
    this.#sizeMax = sizeMax
    this.#lifeMs = lifeMs
  }

  get size(): number {
    return this.#members.size
  }

  has(member: string, nowMs: number): boolean {
    const expiresMs = this.#members.get(member)
    if (expiresMs === undefined) return false
    this.#members.delete(member)
    if (expiresMs <= nowMs) return false
    this.#members.set(member, expiresMs)
    return true
  }

  /** Begins a life anew when it is a member already. */
  add(member: string, nowMs: number): void {
    const known = this.#members.delete(member)
    if (!known && this.#members.size >= this.#sizeMax) this.#dropOldest()
    this.#members.set(known ? member : ownCopy(member), nowMs + this.#lifeMs)
  }

  delete(member: string): void {
    this.#members.delete(member)
  }

  /** Several at once: a Map is slow to find its first member behind many deleted ones. */
  #dropOldest(): void {
    let left = Math.ceil(this.#sizeMax / DROP_SHARE)
    for (const oldest of this.#members.keys()) {
      this.#members.delete(oldest)
      if (--left === 0) return
    }
  }
}

/** A part of a long URL would keep the whole URL in memory. */
function ownCopy(text: string): string {
  return Buffer.from(text).toString()
}
