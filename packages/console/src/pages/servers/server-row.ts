/** One server as its row shows it: what the topology and the pool say of it together. Pure. */
import type { Pool, PoolNode, Topology, TopologyNode } from '../../rest/types.ts'

export interface ServerRow extends TopologyNode {
  /** Null until the pool has answered. */
  load: PoolNode | null
  /** What the next rebalance does with it. */
  next: 'comes' | 'leaves' | null
  /** Whether a person has marked it here, so that the mark can be taken back. */
  marked: boolean
}

/** The servers, with what a rebalance would do with each; `marks` are otpNodes that are to leave. */
export function rowsOf(
  topology: Topology,
  pool: Pool | null,
  marks: ReadonlySet<string>,
): ServerRow[] {
  return topology.nodes.map((node) => ({
    ...node,
    load: pool?.nodes.find((one) => one.otpNode === node.otpNode) ?? null,
    next: nextOf(node, marks),
    marked: marks.has(node.otpNode) && isUp(node),
  }))
}

/** What is in use and answers: only such a server is marked and drained by a rebalance. */
export function isUp({ clusterMembership, status }: TopologyNode): boolean {
  return clusterMembership === 'active' && status !== 'unhealthy'
}

/** Holds data, or shall, and does not answer. */
export function isGone({ clusterMembership, status, arbiter }: TopologyNode): boolean {
  return clusterMembership === 'active' && status === 'unhealthy' && !arbiter
}

function nextOf(node: TopologyNode, marks: ReadonlySet<string>): ServerRow['next'] {
  if (node.clusterMembership === 'inactiveAdded') return 'comes'
  if (node.clusterMembership === 'inactiveFailed') return 'leaves'
  return marks.has(node.otpNode) && isUp(node) ? 'leaves' : null
}
