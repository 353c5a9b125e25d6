/**
 * What a person should do next, from what the REST says: one sentence and where it is done. The
 * first thing that keeps the cluster from being whole comes first. Pure.
 */
import type { Topology, TopologyNode } from '../../rest/types.ts'

export interface NextAction {
  /** Why, in a sentence. */
  text: string
  /** What the button says. */
  label: string
  page: 'servers' | 'buckets' | 'settings' | 'log'
  /** Must be done by a person; else it is only worth a look. */
  needed: boolean
}

/** Null where there is nothing to do. */
export function nextAction(topology: Topology): NextAction | null {
  const { nodes, health } = topology
  const held = nodes.find((n) => isGone(n) && n.clusterMembership === 'active' && !n.arbiter)
  if (held) return failOverAction(held, topology)
  if (health.word === 'rebalancing') {
    const text = 'Copies are on the move. Nothing to do until they have arrived.'
    return { text, label: 'Watch the rebalance', page: 'servers', needed: false }
  }
  const out = nodes.find((n) => n.clusterMembership === 'inactiveFailed')
  if (out) return failedOverAction(out)
  const added = nodes.filter((n) => n.clusterMembership === 'inactiveAdded')
  if (added.length > 0) {
    const names = added.map((n) => n.hostname).join(', ')
    const verbs = added.length === 1 ? 'was added and holds' : 'were added and hold'
    const text = `${names} ${verbs} no data yet.`
    return { text, label: 'Rebalance', page: 'servers', needed: true }
  }
  if (health.word === 'noBuckets') {
    const text = 'Applications need a bucket to put their sessions into.'
    return { text, label: 'Create a bucket', page: 'buckets', needed: true }
  }
  const holders = nodes.filter((n) => !n.arbiter)
  if (holders.length === 1 && health.word === 'degraded') {
    const text = 'A second server would keep a copy of everything.'
    return { text, label: 'Add a server', page: 'servers', needed: true }
  }
  if (health.word === 'degraded') {
    const text = 'Copies that are missing are being made by themselves, as far as servers allow.'
    return { text, label: 'See the servers', page: 'servers', needed: false }
  }
  if (health.word === 'unavailable') {
    const text = 'The log says what happened, and when.'
    return { text, label: 'Read the log', page: 'log', needed: true }
  }
  return null
}

function isGone(node: TopologyNode): boolean {
  return node.status === 'unhealthy'
}

/** A node that is gone and was not failed over: by itself soon, or it needs a person. */
function failOverAction(node: TopologyNode, { nodes, health }: Topology): NextAction {
  const voters = nodes.filter((n) => n.clusterMembership === 'active')
  const alive = voters.filter((n) => !isGone(n)).length
  const name = node.hostname
  if (alive * 2 > voters.length && health.word !== 'unavailable') {
    const text = `${name} does not answer. Its copies are served by the other servers.`
    return { text, label: `Look at ${name}`, page: 'servers', needed: true }
  }
  const why =
    alive * 2 > voters.length
      ? 'It is failed over by itself if the settings allow it.'
      : 'Without a majority of servers only a person can decide: if it is really down, fail it over.'
  return {
    text: `${name} does not answer. ${why}`,
    label: `Fail over ${name}`,
    page: 'servers',
    needed: true,
  }
}

function failedOverAction(node: TopologyNode): NextAction {
  const name = node.hostname
  if (isGone(node)) {
    const text = `${name} was failed over and is still down. Repair it, or remove it and rebalance.`
    return { text, label: `Remove or replace ${name}`, page: 'servers', needed: true }
  }
  const text = `${name} was failed over and is back. Take it in again: it gets its copies anew.`
  return { text, label: `Re-add ${name}`, page: 'servers', needed: true }
}
