/*
 * What was found out about texts that come again and again, such as the cookies of visitors, for as
 * long as they keep coming. Bounded: there are two generations of half the size; when the younger
 * is full it becomes the older, whose entries are dropped unless they were asked for meanwhile.
 */
export class RecentValues<V> {
  readonly #generationMax: number
  #young = new Map<string, V>()
  #old = new Map<string, V>()

  /** At most `entriesMax` are remembered. */
  constructor(entriesMax: number) {
    this.#generationMax = entriesMax / 2
  }

  get(text: string): V | undefined {
    const young = this.#young.get(text)
    if (young !== undefined) return young
    const old = this.#old.get(text)
    if (old !== undefined) this.set(text, old)
    return old
  }

  set(text: string, value: V): void {
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(text, value)
  }
}
