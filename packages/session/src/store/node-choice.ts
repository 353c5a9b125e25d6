/*
 * Which node a session is given, and whether it has to move.
 *
 * Pure: it sees the nodes as they stand. Failover nodes are used only when no primary is up. A node
 * that was away and has only just come back (up, not steady) is chosen only when there is no
 * steadier one, and nothing moves to it for its sake.
 */
export interface ChoosableNode {
  readonly id: string | undefined
  readonly isUp: boolean
  /** Up for a while. */
  readonly isSteady: boolean
  /** Used only when no primary is up. */
  readonly isFailover: boolean
}

/** The node for a new session; `random` is 0 to below 1. Undefined: none is up. */
export function chooseNode<Node extends ChoosableNode>(
  nodes: readonly Node[],
  random: number,
): Node | undefined {
  const primaries = nodes.filter(({ isFailover }) => !isFailover)
  const failovers = nodes.filter(({ isFailover }) => isFailover)
  const ranks = [
    primaries.filter(({ isSteady }) => isSteady),
    primaries.filter(({ isUp }) => isUp),
    failovers.filter(({ isSteady }) => isSteady),
    failovers.filter(({ isUp }) => isUp),
  ]
  const candidates = ranks.find((rank) => rank.length > 0) ?? []
  return candidates[Math.floor(random * candidates.length)]
}

/** The node that a session on `current` moves to; undefined: it stays. */
export function chooseMove<Node extends ChoosableNode>(
  current: Node | undefined,
  nodes: readonly Node[],
  random: number,
): Node | undefined {
  if (current === undefined || !current.isUp) return chooseNode(nodes, random)
  if (!current.isFailover) return undefined
  const steady = nodes.filter(({ isFailover, isSteady }) => !isFailover && isSteady)
  return chooseNode(steady, random)
}

/** The nodes for a copy of what is on `current`: the primaries after it in configured order. */
export function nodesAfter<Node extends ChoosableNode>(
  current: Node,
  nodes: readonly Node[],
): Node[] {
  const place = nodes.indexOf(current)
  const after = [...nodes.slice(place + 1), ...nodes.slice(0, Math.max(place, 0))]
  return after.filter(({ isFailover }) => !isFailover)
}
