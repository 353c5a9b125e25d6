/**
 * Wanted placement: which node should hold which copy of each shard. A pure function of the nodes
 * that can hold data and of where copies are; the store's reconcile loop walks from the actual
 * placement to this one, one small step at a time. It never looks at clocks, processes or sync
 * state beyond the order in which the caller lists existing copies (best copy first).
 *
 * What it promises (property-tested): copies of a shard are on different nodes, and in different
 * server groups as far as there are such; as many copies as wanted or as there are nodes; copies
 * per node, and primaries per node where the copies allow it, differ by at most one as far as
 * groups allow; a placement that is already good is left as it is.
 */
import { Spread } from './placement-groups.ts'
import { firstPrimary, levelPrimaries, relievePrimaries } from './placement-roles.ts'

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
  /** Server group of each node; without it all are in one. */
  groups?: ReadonlyMap<number, string>
  /** False: only fill up what is missing and tidy up what is too much; nothing else moves. */
  level?: boolean
  /** Nodes that keep their copies and lead nothing, as long as another copy can. */
  withoutPrimaries?: ReadonlySet<number>
}

/** The placement on its way to be good: node lists that change in place. */
interface Work {
  nodes: readonly number[]
  spread: Spread
  /** Copies of each shard as wanted so far. */
  held: number[][]
  /** Nodes that have data of each shard. */
  existing: readonly ReadonlySet<number>[]
}

/**
 * The placement to walk to.
 *
 * @example
 * wantedPlacement({ nodes: [1, 2], shards: [{ primary: 1, replicas: [] }], replicaCount: 1 })
 * // [{ primary: 1, replicas: [2] }]
 */
export function wantedPlacement(input: PlacementInput): ShardPlacement[] {
  const { shards, level = true, withoutPrimaries = new Set() } = input
  const nodes = [...input.nodes].sort((a, b) => a - b)
  if (nodes.length === 0) return shards.map(() => ({ primary: null, replicas: [] }))
  const copies = Math.min(input.replicaCount + 1, nodes.length)
  const spread = new Spread(nodes, input.groups)
  const existing = shards.map((shard) => new Set(copiesOf(shard)))
  const work: Work = { nodes, spread, existing, held: [] }
  work.held = level ? keepBest(work, copies) : keepSettled(work, shards, copies)
  fillMissing(work, copies)
  if (level) {
    spreadOverGroups(work)
    levelCopies(work)
  }
  const { held } = work
  const primaries = shards.map((shard, index) => firstPrimary(shard, held[index] ?? []))
  relievePrimaries(primaries, { nodes, held, withoutPrimaries })
  if (level) levelPrimaries(primaries, { nodes, held, withoutPrimaries })
  return held.map((members, index) => {
    const primary = primaries[index] ?? null
    return { primary, replicas: members.filter((node) => node !== primary) }
  })
}

function copiesOf(shard: ShardPlacement): number[] {
  return shard.primary === null ? [...shard.replicas] : [shard.primary, ...shard.replicas]
}

/** The best copies, but rather a lesser one in another group than two in the same. */
function keepBest({ nodes, spread, existing }: Work, copies: number): number[][] {
  return existing.map((all) => {
    const usable = [...all].filter((node) => nodes.includes(node))
    const kept: number[] = []
    for (const node of usable) if (spread.mayAdd(kept, node)) kept.push(node)
    const rest = usable.filter((node) => !kept.includes(node))
    const chosen = new Set([...kept, ...rest].slice(0, copies))
    return usable.filter((node) => chosen.has(node))
  })
}

/** Of copies that are too many, those on the fullest nodes go: a move that has begun is ended. */
function keepSettled(work: Work, shards: readonly ShardPlacement[], copies: number): number[][] {
  const held = work.existing.map((all) => [...all].filter((node) => work.nodes.includes(node)))
  const load = loads(held, work.nodes)
  return held.map((members, index) => {
    const lead = shards[index]?.primary
    const byLoad = members
      .filter((node) => node !== lead)
      .sort((a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0))
    const first = members.filter((node) => node === lead)
    const kept = new Set([...first, ...byLoad].slice(0, copies))
    return members.filter((node) => kept.has(node))
  })
}

function loads(held: readonly number[][], nodes: readonly number[]): Map<number, number> {
  const load = new Map(nodes.map((node) => [node, 0]))
  for (const members of held) {
    for (const node of members) load.set(node, (load.get(node) ?? 0) + 1)
  }
  return load
}

function lowest(nodes: readonly number[], cost: (node: number) => number): number | undefined {
  let best: number | undefined
  for (const node of nodes) if (best === undefined || cost(node) < cost(best)) best = node
  return best
}

/** Adds missing copies on the least loaded node, one that already has the shard's data first. */
function fillMissing({ nodes, spread, held, existing }: Work, copies: number): void {
  const load = loads(held, nodes)
  for (const [index, members] of held.entries()) {
    while (members.length < copies) {
      const free = nodes.filter((node) => !members.includes(node) && spread.mayAdd(members, node))
      const cost = (node: number): number =>
        (load.get(node) ?? 0) * 2 - (existing[index]?.has(node) ? 1 : 0)
      const best = lowest(free, cost)
      if (best === undefined) break
      members.push(best)
      load.set(best, (load.get(best) ?? 0) + 1)
    }
  }
}

/** Takes copies out of groups that hold too many of one shard: the least good one of each. */
function spreadOverGroups({ nodes, spread, held, existing }: Work): void {
  if (!spread.matters) return
  const load = loads(held, nodes)
  for (const [index, members] of held.entries()) {
    for (let group = spread.crowded(members); group !== null; group = spread.crowded(members)) {
      const crowd = group
      const from = members.findLast((node) => spread.isIn(node, crowd))
      const rest = members.filter((node) => node !== from)
      const free = nodes.filter((node) => !members.includes(node) && spread.mayAdd(rest, node))
      const cost = (node: number): number =>
        (load.get(node) ?? 0) * 2 - (existing[index]?.has(node) ? 1 : 0)
      const to = lowest(free, cost)
      if (from === undefined || to === undefined) break
      replace(members, from, to, load)
    }
  }
}

function replace(members: number[], from: number, to: number, load: Map<number, number>): void {
  members.splice(members.indexOf(from), 1)
  members.push(to)
  load.set(from, (load.get(from) ?? 0) - 1)
  load.set(to, (load.get(to) ?? 0) + 1)
}

/** One copy of a shard from one node to another. */
interface Move {
  index: number
  from: number
  to: number
}

/**
 * Moves single copies from full nodes to empty ones until they differ by at most one, or by what
 * the groups enforce. Where groups forbid the direct move, a chain of moves over nodes in between
 * does it: each of these gives one copy and gets one.
 */
function levelCopies(work: Work): void {
  const load = loads(work.held, work.nodes)
  for (;;) {
    const byLoad = [...work.nodes].sort((a, b) => (load.get(b) ?? 0) - (load.get(a) ?? 0))
    const chain = firstFound(byLoad, (from) => findMoves(work, load, from))
    if (chain === null) return
    for (const { index, from, to } of chain) replace(work.held[index] ?? [], from, to, load)
  }
}

function firstFound<T>(nodes: readonly number[], find: (node: number) => T | null): T | null {
  for (const node of nodes) {
    const found = find(node)
    if (found !== null) return found
  }
  return null
}

/** Shortest chain of moves from `from` to the emptiest node that has at least two copies fewer. */
function findMoves(work: Work, load: ReadonlyMap<number, number>, from: number): Move[] | null {
  const limit = (load.get(from) ?? 0) - 2
  if (limit < 0) return null
  const reached = new Map<number, Move[]>([[from, []]])
  let best: Move[] | null = null
  let bestLoad = limit + 1
  const queue = [from]
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    const path = reached.get(node) ?? []
    const own = load.get(node) ?? 0
    if (own < bestLoad) {
      best = path
      bestLoad = own
    }
    for (const to of work.nodes) {
      if (reached.has(to)) continue
      const index = cheapestShard(work, node, to, path)
      if (index === null) continue
      reached.set(to, [...path, { index, from: node, to }])
      queue.push(to)
    }
  }
  return best
}

/**
 * The shard whose copy goes best from one node to another: to a place with data before an empty
 * one (a copy costs more than a change of role), a replica before the primary. None twice a chain.
 */
function cheapestShard(
  { held, existing, spread }: Work,
  from: number,
  to: number,
  path: readonly Move[],
): number | null {
  let chosen: number | null = null
  let chosenCost = Number.POSITIVE_INFINITY
  for (const [index, members] of held.entries()) {
    if (!members.includes(from) || members.includes(to)) continue
    const cost = (members[0] === from ? 1 : 0) + (existing[index]?.has(to) ? 0 : 2)
    if (cost >= chosenCost || path.some((move) => move.index === index)) continue
    if (!spread.mayMove(members, from, to)) continue
    chosen = index
    chosenCost = cost
  }
  return chosen
}
