/** Names of what must not count again, kept until it would be over anyway. Bounded. */

/** Beyond it the one that would be over first is forgotten. */
export const SPENT_IDS_MAX = 1000

export class SpentIds {
  readonly #expiresAtMs = new Map<string, number>()

  has(id: string): boolean {
    return this.#expiresAtMs.has(id)
  }

  /** False when it was spent before. */
  add(id: string, expiresAtMs: number, nowMs: number): boolean {
    if (this.has(id)) return false
    let first: [id: string, expiresAtMs: number] | null = null
    for (const entry of this.#expiresAtMs) {
      if (entry[1] <= nowMs) this.#expiresAtMs.delete(entry[0])
      else if (first === null || entry[1] < first[1]) first = entry
    }
    if (first !== null && this.#expiresAtMs.size >= SPENT_IDS_MAX) {
      this.#expiresAtMs.delete(first[0])
    }
    this.#expiresAtMs.set(id, expiresAtMs)
    return true
  }
}
