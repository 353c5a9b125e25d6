/**
 * Wanted placement: which node should hold which copy of each shard. A pure function of the nodes
 * that can hold data and of where copies are; the store's reconcile loop walks from the actual
 * placement to this one, one small step at a time. It never looks at clocks, processes or sync
 * state beyond the order in which the caller lists existing copies (best copy first).
 *
 * What it promises (property-tested): copies of a shard are on different nodes; as many copies as
 * wanted or as there are nodes; copies per node, and primaries per node where the copies allow
 * it, differ by at most one; a placement that is already good is left as it is.
 */

/** Where the copies of one shard are, or should be. Node ids are the cluster's member ids. */
export interface ShardPlacement {
  /** The node whose copy takes writes; null when no node holds one. */
  primary: number | null
  /** The other copies, best (most complete) first. */
  replicas: number[]
}

/** Input of {@link wantedPlacement}. */
export interface PlacementInput {
  /** Ids of the nodes that can hold data now. */
  nodes: readonly number[]
  /** Existing copies of each shard. */
  shards: readonly ShardPlacement[]
  /** Wanted replicas per shard besides the primary. */
  replicaCount: number
}

/**
 * The placement to walk to.
 *
 * @example
 * wantedPlacement({ nodes: [1, 2], shards: [{ primary: 1, replicas: [] }], replicaCount: 1 })
 * // [{ primary: 1, replicas: [2] }]
 */
export function wantedPlacement(input: PlacementInput): ShardPlacement[] {
  const nodes = [...input.nodes].sort((a, b) => a - b)
  if (nodes.length === 0) return input.shards.map(() => ({ primary: null, replicas: [] }))
  const copies = Math.min(input.replicaCount + 1, nodes.length)
  const held = keepExisting(input.shards, new Set(nodes), copies)
  const existing = input.shards.map((shard) => new Set(copiesOf(shard)))
  fillMissing(held, nodes, copies, existing)
  levelCopies(held, nodes, existing)
  const primaries = input.shards.map((shard, index) => firstPrimary(shard, held[index] ?? []))
  levelPrimaries(primaries, held, nodes)
  return held.map((members, index) => {
    const primary = primaries[index] ?? null
    return { primary, replicas: members.filter((node) => node !== primary) }
  })
}

function copiesOf(shard: ShardPlacement): number[] {
  return shard.primary === null ? [...shard.replicas] : [shard.primary, ...shard.replicas]
}

function keepExisting(
  shards: readonly ShardPlacement[],
  usable: Set<number>,
  copies: number,
): number[][] {
  return shards.map((shard) => {
    const kept = [...new Set(copiesOf(shard))].filter((node) => usable.has(node))
    return kept.slice(0, copies)
  })
}

function loads(held: readonly number[][], nodes: readonly number[]): Map<number, number> {
  const load = new Map(nodes.map((node) => [node, 0]))
  for (const members of held) {
    for (const node of members) load.set(node, (load.get(node) ?? 0) + 1)
  }
  return load
}

/** Adds missing copies on the least loaded node, one that already has the shard's data first. */
function fillMissing(
  held: number[][],
  nodes: readonly number[],
  copies: number,
  existing: readonly Set<number>[],
): void {
  const load = loads(held, nodes)
  for (const [index, members] of held.entries()) {
    while (members.length < copies) {
      const free = nodes.filter((node) => !members.includes(node))
      const cost = (node: number): number =>
        (load.get(node) ?? 0) * 2 - (existing[index]?.has(node) ? 1 : 0)
      const best = free.reduce((a, b) => (cost(b) < cost(a) ? b : a))
      members.push(best)
      load.set(best, (load.get(best) ?? 0) + 1)
    }
  }
}

/**
 * Moves single copies from the fullest to the emptiest node until they differ by at most one.
 * Such a move exists whenever they differ by two: the fuller one then holds a shard that the
 * emptier one does not. To places with data before
 * empty ones (a copy costs more than a change of role), replicas before primaries.
 */
function levelCopies(
  held: number[][],
  nodes: readonly number[],
  existing: readonly Set<number>[],
): void {
  const load = loads(held, nodes)
  for (;;) {
    const fullest = nodes.reduce((a, b) => ((load.get(b) ?? 0) > (load.get(a) ?? 0) ? b : a))
    const emptiest = nodes.reduce((a, b) => ((load.get(b) ?? 0) < (load.get(a) ?? 0) ? b : a))
    if ((load.get(fullest) ?? 0) - (load.get(emptiest) ?? 0) <= 1) return
    let chosen: number[] | null = null
    let chosenCost = Number.POSITIVE_INFINITY
    for (const [index, members] of held.entries()) {
      if (!members.includes(fullest) || members.includes(emptiest)) continue
      const cost = (members[0] === fullest ? 1 : 0) + (existing[index]?.has(emptiest) ? 0 : 2)
      if (cost < chosenCost) {
        chosen = members
        chosenCost = cost
      }
    }
    if (chosen === null) return
    chosen.splice(chosen.indexOf(fullest), 1)
    chosen.push(emptiest)
    load.set(fullest, (load.get(fullest) ?? 0) - 1)
    load.set(emptiest, (load.get(emptiest) ?? 0) + 1)
  }
}

function firstPrimary(shard: ShardPlacement, members: readonly number[]): number {
  if (shard.primary !== null && members.includes(shard.primary)) return shard.primary
  const node = shard.replicas.find((replica) => members.includes(replica)) ?? members[0]
  if (node === undefined) throw new Error('a shard without copies has no primary')
  return node
}

/**
 * Shifts the primary role along chains of shards (u to v where a shard led by u has a copy on v)
 * from a node with too many primaries to one with two fewer, until no such chain is left.
 */
function levelPrimaries(
  primaries: number[],
  held: readonly number[][],
  nodes: readonly number[],
): void {
  for (let round = 0; round < primaries.length * nodes.length; round++) {
    const count = new Map(nodes.map((node) => [node, 0]))
    for (const node of primaries) count.set(node, (count.get(node) ?? 0) + 1)
    const byCount = [...nodes].sort((a, b) => (count.get(b) ?? 0) - (count.get(a) ?? 0))
    const chain = byCount
      .map((from) => findChain(from, (count.get(from) ?? 0) - 2, count, primaries, held))
      .find((found) => found !== null)
    if (chain === undefined || chain === null) return
    for (const [shard, to] of chain) primaries[shard] = to
  }
}

/** Breadth first from `from` to a node with at most `limit` primaries: [shard, new primary][]. */
function findChain(
  from: number,
  limit: number,
  count: ReadonlyMap<number, number>,
  primaries: readonly number[],
  held: readonly number[][],
): [number, number][] | null {
  if (limit < 0) return null
  const reached = new Map<number, [number, number][]>([[from, []]])
  const queue = [from]
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    const path = reached.get(node) ?? []
    if (node !== from && (count.get(node) ?? 0) <= limit) return path
    for (const [shard, members] of held.entries()) {
      if (primaries[shard] !== node) continue
      for (const next of members) {
        if (reached.has(next)) continue
        reached.set(next, [...path, [shard, next]])
        queue.push(next)
      }
    }
  }
  return null
}
