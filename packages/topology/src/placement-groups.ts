/**
 * Server groups in placement: which sets of nodes spread a shard's copies over the groups as well
 * as they can be. Groups fail as a whole (a rack, a zone), so two copies are in one group only when
 * every other group has as many copies of the shard or no node left for one.
 */

/** Groups of the usable nodes. Without groups all nodes are in one, and any set of nodes is well. */
export class Spread {
  readonly #groupOf: ReadonlyMap<number, string>
  readonly #size = new Map<string, number>()

  constructor(nodes: readonly number[], groupOf: ReadonlyMap<number, string> | undefined) {
    this.#groupOf = groupOf ?? new Map()
    for (const node of nodes) {
      const group = this.#group(node)
      this.#size.set(group, (this.#size.get(group) ?? 0) + 1)
    }
  }

  /** There is more than one group, so that it matters where copies are. */
  get matters(): boolean {
    return this.#size.size > 1
  }

  /** No copy could leave its group for one that has fewer: differences are for want of nodes. */
  isWell(members: readonly number[]): boolean {
    return this.#size.size <= 1 || this.crowded(members) === null
  }

  /** The set with `to` in the place of `from`, were it spread as well as can be? */
  mayMove(members: readonly number[], from: number, to: number): boolean {
    if (!this.matters || this.#group(from) === this.#group(to)) return true
    return this.isWell(members.map((node) => (node === from ? to : node)))
  }

  /** May this node get the next copy? Its group has, among those with room, the fewest. */
  mayAdd(members: readonly number[], node: number): boolean {
    if (!this.matters) return true
    const own = this.#count(members, this.#group(node))
    for (const [group, size] of this.#size) {
      const count = this.#count(members, group)
      if (count < size && count < own) return false
    }
    return true
  }

  /** A group that has two copies more than another with room for one; null when there is none. */
  crowded(members: readonly number[]): string | null {
    for (const group of this.#size.keys()) {
      const count = this.#count(members, group)
      for (const [other, size] of this.#size) {
        const there = this.#count(members, other)
        if (there < size && count - there >= 2) return group
      }
    }
    return null
  }

  isIn(node: number, group: string): boolean {
    return this.#group(node) === group
  }

  #group(node: number): string {
    return this.#groupOf.get(node) ?? ''
  }

  #count(members: readonly number[], group: string): number {
    let count = 0
    for (const node of members) if (this.#group(node) === group) count++
    return count
  }
}
