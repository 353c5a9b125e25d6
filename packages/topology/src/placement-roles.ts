/**
 * Which of a shard's copies is its primary: the other half of wanted placement. Roles are cheap to
 * move, copies are not, so roles are levelled over the copies as they are.
 */
import type { ShardPlacement } from './placement.ts'

/** What the roles are given over. */
export interface RoleInput {
  nodes: readonly number[]
  /** Wanted copies of each shard. */
  held: readonly (readonly number[])[]
  /** Nodes that shall lead nothing as long as another copy can. */
  withoutPrimaries: ReadonlySet<number>
}

/** The role where it is, or on the best copy that is kept. */
export function firstPrimary(shard: ShardPlacement, members: readonly number[]): number {
  if (shard.primary !== null && members.includes(shard.primary)) return shard.primary
  const node = shard.replicas.find((replica) => members.includes(replica)) ?? members[0]
  if (node === undefined) throw new Error('a shard without copies has no primary')
  return node
}

/** Takes roles off the nodes that shall have none. */
export function relievePrimaries(primaries: number[], input: RoleInput): void {
  const { held, withoutPrimaries } = input
  for (const [index, node] of primaries.entries()) {
    if (!withoutPrimaries.has(node)) continue
    const others = (held[index] ?? []).filter((member) => !withoutPrimaries.has(member))
    const count = (member: number): number => primaries.filter((p) => p === member).length
    const [first] = others
    if (first === undefined) continue
    primaries[index] = others.reduce((a, b) => (count(b) < count(a) ? b : a), first)
  }
}

/**
 * Shifts the primary role along chains of shards (u to v where a shard led by u has a copy on v)
 * from a node with too many primaries to one with two fewer, until no such chain is left.
 */
export function levelPrimaries(primaries: number[], input: RoleInput): void {
  const { nodes } = input
  for (let round = 0; round < primaries.length * nodes.length; round++) {
    const count = new Map(nodes.map((node) => [node, 0]))
    for (const node of primaries) count.set(node, (count.get(node) ?? 0) + 1)
    const byCount = [...nodes].sort((a, b) => (count.get(b) ?? 0) - (count.get(a) ?? 0))
    const chain = byCount
      .map((from) => findChain(from, count, primaries, input))
      .find((found) => found !== null)
    if (chain === undefined || chain === null) return
    for (const [shard, to] of chain) primaries[shard] = to
  }
}

/** Breadth first from `from` to a node with two fewer primaries: [shard, new primary][]. */
function findChain(
  from: number,
  count: ReadonlyMap<number, number>,
  primaries: readonly number[],
  { held, withoutPrimaries }: RoleInput,
): [number, number][] | null {
  const limit = (count.get(from) ?? 0) - 2
  if (limit < 0) return null
  const reached = new Map<number, [number, number][]>([[from, []]])
  const queue = [from]
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    const path = reached.get(node) ?? []
    if (node !== from && (count.get(node) ?? 0) <= limit) return path
    for (const [shard, members] of held.entries()) {
      if (primaries[shard] !== node) continue
      for (const next of members) {
        if (reached.has(next) || withoutPrimaries.has(next)) continue
        reached.set(next, [...path, [shard, next]])
        queue.push(next)
      }
    }
  }
  return null
}
