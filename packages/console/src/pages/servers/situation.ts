/**
 * What has happened to the servers and what a person can do about it, in sentences: the first thing
 * on the page when something is wrong. Says no more than the REST has said. Pure.
 */
import { count, counted, duration } from '../../parts/units.ts'
import type { Alert, AutoFailover, Topology, TopologyNode } from '../../rest/types.ts'
import { isGone } from './server-row.ts'

export type Step =
  | { kind: 'remove' | 'failOver' | 'reAdd'; otpNode: string; label: string }
  | { kind: 'rebalance' | 'add' | 'resetCount'; label: string }

export interface Situation {
  tone: 'bad' | 'warning'
  title: string
  lines: string[]
  /** The one to take first comes first. */
  steps: Step[]
}

export interface SituationFacts {
  topology: Topology
  autoFailover: AutoFailover | null
  /** The alerts that last. */
  alerts: readonly Alert[]
}

/** The most urgent first; empty while all is well. */
export function situationsOf(facts: SituationFacts): Situation[] {
  const { topology } = facts
  const gone = topology.nodes.filter(isGone)
  const failed = topology.nodes.filter((n) => n.clusterMembership === 'inactiveFailed')
  return [
    ...gone.map((node) => goneSituation(node, facts)),
    ...failed.map((node) => failedSituation(node)),
    ...spentSituation(facts),
    ...(gone.length + failed.length === 0 ? aloneSituation(topology) : []),
  ]
}

function goneSituation(node: TopologyNode, facts: SituationFacts): Situation {
  const { topology } = facts
  const { otpNode, hostname } = node
  const { shards, items } = onlyOn(topology, otpNode)
  const copies =
    shards === 0
      ? 'Other servers have a copy of everything it leads: failing it over loses nothing.'
      : `${counted(items, 'item')} in ${counted(shards, 'shard')} have no other copy that serves.`
  const { active } = node.vBuckets
  const led =
    active === 0
      ? 'It leads no vBuckets: the other servers serve everything.'
      : `Its ${count(active)} active vBuckets are not served until another server leads them.`
  return {
    tone: active > 0 ? 'bad' : 'warning',
    title: `${hostname} does not answer`,
    lines: [
      active === 0 ? led : `${led} ${copies}`,
      ...whyNotByItself(otpNode, facts),
      'If it comes back, it goes on where it was. If it is gone for good: remove it, then rebalance.',
    ],
    steps: [
      { kind: 'remove', otpNode, label: `Remove ${hostname}` },
      { kind: 'failOver', otpNode, label: 'Only fail it over' },
    ],
  }
}

function whyNotByItself(
  otpNode: string,
  { topology, autoFailover, alerts }: SituationFacts,
): string[] {
  if (topology.leader === null) {
    const voters = topology.nodes.filter((n) => n.clusterMembership === 'active')
    const up = voters.filter((n) => n.status !== 'unhealthy').length
    return [
      `Nothing fails over by itself: ${up} of ${voters.length} servers are no majority, and to the others this one may look dead as well. Only a person can know which it is.`,
    ]
  }
  const refusals = alerts.filter(
    ({ key, text }) => /^auto_failover_(?!node)/.test(key) && text.includes(otpNode),
  )
  if (refusals.length > 0) return [...new Set(refusals.map(({ text }) => text))]
  if (autoFailover === null) return []
  const { enabled, timeout } = autoFailover
  if (!enabled) return ['Automatic failover is switched off: nothing happens by itself.']
  return [`It is failed over by itself after ${spanOf(timeout)} without a word.`]
}

function failedSituation({ otpNode, hostname, status }: TopologyNode): Situation {
  if (status === 'unhealthy') {
    return {
      tone: 'warning',
      title: `${hostname} was failed over and is down`,
      lines: [
        'The other servers serve its data. Rebalance to go on without it for good; or repair it first and take it in again.',
      ],
      steps: [{ kind: 'rebalance', label: 'Rebalance without it' }],
    }
  }
  return {
    tone: 'warning',
    title: `${hostname} was failed over and is up`,
    lines: [
      'It holds nothing that counts. Take it in again, and the next rebalance gives it copies; without that the next rebalance removes it.',
    ],
    steps: [
      { kind: 'reAdd', otpNode, label: `Re-add ${hostname}` },
      { kind: 'rebalance', label: 'Rebalance without it' },
    ],
  }
}

function spentSituation({ autoFailover, topology }: SituationFacts): Situation[] {
  if (!autoFailover?.enabled || autoFailover.count < autoFailover.maxCount) return []
  if (topology.nodes.filter((n) => n.clusterMembership === 'active').length < 2) return []
  const { count: done, maxCount } = autoFailover
  return [
    {
      tone: 'warning',
      title: 'The next dead server is not failed over by itself',
      lines: [
        `${done} of ${maxCount} automatic ${maxCount === 1 ? 'failover has' : 'failovers have'} happened. The count is 0 again once all copies are whole, or when you reset it.`,
      ],
      steps: [{ kind: 'resetCount', label: 'Reset the count' }],
    },
  ]
}

function aloneSituation({ nodes, buckets }: Topology): Situation[] {
  const holders = nodes.filter((n) => !n.arbiter)
  if (holders.length !== 1 || !buckets.some((b) => b.replicaNumber > 0)) return []
  return [
    {
      tone: 'warning',
      title: 'There is one server',
      lines: ['Nothing has a second copy: what happens to it happens to the data.'],
      steps: [{ kind: 'add', label: 'Add a server' }],
    },
  ]
}

/**
 * Shards that the node leads and of which no living server has a copy that counts. Whether a copy
 * has everything cannot be seen while its primary is gone, but one that does not count says so.
 */
function onlyOn({ nodes, buckets }: Topology, otpNode: string): { shards: number; items: number } {
  const alive = new Set(nodes.filter((n) => n.status !== 'unhealthy').map((n) => n.otpNode))
  const only = buckets
    .flatMap((bucket) => bucket.shards)
    .filter((s) => s.primary === otpNode)
    .filter(
      (s) =>
        !s.copies.some(
          (c) => c.otpNode !== otpNode && c.state === 'running' && alive.has(c.otpNode),
        ),
    )
  const items = only.map((s) => s.copies.find((c) => c.otpNode === otpNode)?.items ?? 0)
  return { shards: only.length, items: items.reduce((sum, one) => sum + one, 0) }
}

/** A whole second and more as people say it; less than one in its digits. */
function spanOf(seconds: number): string {
  return seconds < 10 ? `${seconds} s` : duration(seconds)
}
