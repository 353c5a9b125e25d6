/**
 * What the topology says of one bucket: whether all its copies are there, in a word, and what each
 * server holds of it. A copy on a server that does not answer does not count. Pure.
 */

import type { Tone } from '../../parts/tone.ts'
import { counted } from '../../parts/units.ts'
import type { Copy, Topology, TopologyBucket, TopologyNode, VBuckets } from '../../rest/types.ts'

export interface BucketState {
  word: string
  tone: Tone
  /** What is missing, as a sentence; null when nothing is. */
  reason: string | null
}

/** The state of a bucket's copies. */
export function stateOf(bucket: TopologyBucket, nodes: readonly TopologyNode[]): BucketState {
  const silent = silentOf(nodes)
  const all = counted(bucket.shards.length, 'shard')
  const unserved = bucket.shards.filter(({ primary, copies }) => {
    return !copies.some((copy) => copy.otpNode === primary && isWhole(copy, silent))
  })
  if (unserved.length > 0) {
    const reason = `${unserved.length} of ${all} have no primary that serves.`
    return { word: 'Not all served', tone: 'bad', reason }
  }
  const thin = bucket.shards.filter(({ copies }) => {
    return copies.filter((copy) => isWhole(copy, silent)).length < 1 + bucket.replicaNumber
  })
  if (thin.length > 0) {
    const reason = `${thin.length} of ${all} have fewer copies than wanted.`
    return { word: 'Fewer copies', tone: 'warning', reason }
  }
  const word = bucket.replicaNumber > 0 ? 'All copies there' : 'Served'
  return { word, tone: 'good', reason: null }
}

function isWhole(copy: Copy, silent: ReadonlySet<string>): boolean {
  return copy.inSync && !silent.has(copy.otpNode)
}

function silentOf(nodes: readonly TopologyNode[]): Set<string> {
  return new Set(nodes.filter((n) => n.status === 'unhealthy').map((n) => n.otpNode))
}

/** What one server holds of a bucket. */
export interface ServerShare {
  node: TopologyNode
  vBuckets: VBuckets
  /** Of shards that it leads, and of those of which it has a replica. */
  items: { active: number; replica: number }
  memoryBytes: number
  /** Replicas that are not in sync, and by how much all of them are behind. */
  behind: number
  lagBytes: number
}

/** By server, in the order of the topology; those that hold no data by design are left out. */
export function sharesOf(bucket: TopologyBucket, { nodes }: Topology): ServerShare[] {
  return nodes.filter((node) => !node.arbiter).map((node) => shareOf(bucket, node))
}

function shareOf(bucket: TopologyBucket, node: TopologyNode): ServerShare {
  const share: ServerShare = {
    node,
    vBuckets: { active: 0, replica: 0 },
    items: { active: 0, replica: 0 },
    memoryBytes: 0,
    behind: 0,
    lagBytes: 0,
  }
  for (const { vBuckets, primary, copies } of bucket.shards) {
    const copy = copies.find((one) => one.otpNode === node.otpNode)
    if (!copy) continue
    const [from, to] = vBuckets
    const role = primary === node.otpNode ? 'active' : 'replica'
    share.vBuckets[role] += to - from + 1
    share.items[role] += copy.items
    share.memoryBytes += copy.memoryBytes
    share.lagBytes += copy.lagBytes ?? 0
    if (!copy.inSync) share.behind++
  }
  return share
}

export interface CopyWords {
  word: string
  tone: Tone
}

/** The state of a copy in words; `node` is the server that has it. */
export function copyWords(copy: Copy, node: TopologyNode | undefined): CopyWords {
  if (node?.status === 'unhealthy') return { word: 'server does not answer', tone: 'bad' }
  const isPrimary = copy.role === 'primary'
  if (copy.state === 'running' && copy.inSync) {
    return { word: isPrimary ? 'serves' : 'in sync', tone: 'good' }
  }
  if (copy.state === 'running' || copy.state === 'syncing') return { word: 'syncing', tone: 'busy' }
  if (copy.state === 'starting') return { word: 'starting', tone: 'busy' }
  if (copy.state === 'unknown') return { word: 'not known yet', tone: 'plain' }
  return STATES[copy.state] ?? { word: copy.state, tone: 'warning' }
}

/** States of an engine that does not serve. */
const STATES: Record<string, CopyWords> = {
  stopped: { word: 'not running', tone: 'warning' },
  silent: { word: 'does not answer', tone: 'bad' },
  resting: { word: 'failed, tried again soon', tone: 'bad' },
}

const TROUBLES: Record<string, string> = {
  diskFull: 'the disk is full',
  memoryFull: 'the memory is full',
  dataDamaged: 'a file of its data is damaged',
  nodesDamaged: 'its list of engines is damaged',
  portTaken: 'its port is taken by another process',
  notStarting: 'it does not start',
  notConfigured: 'it cannot be configured',
}

/** What keeps engines of a bucket from their work, as sentences. */
export function troubleSentences(troubles: Readonly<Record<string, number>> = {}): string[] {
  return Object.entries(troubles).map(
    ([kind, count]) => `${counted(count, 'engine')}: ${TROUBLES[kind] ?? kind}.`,
  )
}
