/**
 * What a person should know, found in what is known: conditions of one node and of the cluster.
 * Pure. When a condition becomes an alert, and who is told, is alerts.ts.
 */
import { type ClusterDocument, otpNodeOf, wantedReplicas } from '../document/cluster-document.ts'
import type { EngineStatus, EngineTrouble } from '../membership/messages.ts'
import type { FailoverRefusal, RefusalReason } from '../reconcile/failover-refusals.ts'
import type { AlertKey } from './alert-settings.ts'
import type { MachineFigures } from './machine-figures.ts'

const MEGABYTE = 1024 * 1024
const DISK_PERCENT_MAX = 90
/** Engines may take this much of their quota: buffers and their own memory count too. */
const MEMORY_SHARE_MAX = 1.2
const FRAGMENTATION_MAX = 1.5
/** Below this, fragmentation wastes nothing worth a word. */
const FRAGMENTATION_BYTES_MIN = 200 * MEGABYTE
export const CLOCK_SKEW_MS_MAX = 1000

/** Something that is so at present. */
export interface Condition {
  key: AlertKey
  /** What it is about, within its kind. */
  about: string
  text: string
}

export interface NodeFacts {
  name: string
  machine: MachineFigures
  engines: readonly EngineStatus[]
  /** Memory of the engines' processes, and what they say they use. */
  engineMemory: { residentBytes: number; usedBytes: number }
  /** Address that this node is known by, and whether its machine still has it. */
  address: { host: string; present: boolean }
}

/** Conditions that a node finds in itself. */
export function nodeConditions(document: ClusterDocument, facts: NodeFacts): Condition[] {
  return [
    ...diskConditions(facts),
    ...addressConditions(facts),
    ...memoryConditions(document, facts),
    ...engineConditions(document, facts),
  ]
}

function diskConditions({ machine, name }: NodeFacts): Condition[] {
  const { totalBytes, freeBytes, path } = machine.disk
  if (totalBytes === 0) return []
  const percent = Math.round((1 - freeBytes / totalBytes) * 100)
  if (percent <= DISK_PERCENT_MAX) return []
  const text = `Approaching full disk warning. Usage of disk "${path}" on node "${name}" is around ${percent}%.`
  return [{ key: 'disk', about: name, text }]
}

function addressConditions({ address, name }: NodeFacts): Condition[] {
  if (address.present) return []
  const text = `IP address seems to have changed. Node "${name}" no longer has ${address.host}.`
  return [{ key: 'ip', about: name, text }]
}

function memoryConditions(document: ClusterDocument, facts: NodeFacts): Condition[] {
  const { engineMemory, engines, name } = facts
  const buckets = new Set(engines.map((engine) => engine.bucket))
  const quotaBytes =
    document.buckets
      .filter((bucket) => buckets.has(bucket.uuid))
      .reduce((sum, bucket) => sum + bucket.ramMegabytes, 0) * MEGABYTE
  const { residentBytes, usedBytes } = engineMemory
  if (quotaBytes > 0 && usedBytes > quotaBytes * MEMORY_SHARE_MAX) {
    const percent = Math.round((usedBytes / quotaBytes) * 100)
    const text = `Engines on node "${name}" use ${percent}% of the quota of their buckets.`
    return [{ key: 'memory', about: name, text }]
  }
  const wasted = residentBytes > usedBytes * FRAGMENTATION_MAX
  if (!wasted || residentBytes - usedBytes < FRAGMENTATION_BYTES_MIN) return []
  const megabytes = Math.round((residentBytes - usedBytes) / MEGABYTE)
  const text = `Fragmentation: engines on node "${name}" hold ${megabytes} MB more than they use.`
  return [{ key: 'memory', about: name, text }]
}

const TROUBLES: Readonly<Record<EngineTrouble, string>> = {
  diskFull: 'cannot write its files: the disk is full',
  memoryFull: 'is full and refuses writes',
  dataDamaged: 'cannot read its append-only file',
  nodesDamaged: 'cannot read its nodes.conf',
  portTaken: 'cannot start: its port is taken',
  notStarting: 'ends right after its start; its log says why',
  notConfigured: 'refuses a setting',
}

/** One condition for a kind of trouble in a bucket: the shards have the same cause. */
function engineConditions(document: ClusterDocument, facts: NodeFacts): Condition[] {
  const found = new Map<string, Condition>()
  for (const engine of facts.engines) {
    const bucket = document.buckets.find((b) => b.uuid === engine.bucket)?.name ?? engine.bucket
    const silent = engine.state === 'silent'
    if (engine.trouble === null && !silent) continue
    const key = keyOf(engine.trouble)
    const about = `${bucket} on ${facts.name}`
    const what = engine.trouble === null ? 'does not answer' : TROUBLES[engine.trouble]
    const text = `The engine of bucket "${bucket}", shard ${engine.shard}, on node "${facts.name}" ${what}.`
    if (!found.has(`${key}/${about}`)) found.set(`${key}/${about}`, { key, about, text })
  }
  return [...found.values()]
}

function keyOf(trouble: EngineTrouble | null): AlertKey {
  if (trouble === 'memoryFull') return 'ep_oom_errors'
  return trouble === 'diskFull' ? 'write_failed' : 'engine'
}

const REFUSAL_KEYS: Readonly<Record<RefusalReason, AlertKey>> = {
  disabled: 'auto_failover_disabled',
  quota: 'auto_failover_maximum_reached',
  'too-many': 'auto_failover_other_nodes_down',
  'no-copy': 'auto_failover_no_copy',
  'no-majority': 'auto_failover_cluster_too_small',
}

export interface ClusterFacts {
  refusals: readonly FailoverRefusal[]
  /** Milliseconds that a member's clock is ahead at least; negative when it is behind. */
  clockAheadMs: ReadonlyMap<number, number>
}

/** Why failovers do not happen; found by whoever has to decide on them. */
export function refusalConditions(document: ClusterDocument, facts: ClusterFacts): Condition[] {
  const found = new Map<string, Condition>()
  for (const { reason, member, bucket, text } of facts.refusals) {
    const key = REFUSAL_KEYS[reason]
    const of = document.members.find((m) => m.id === member)
    const about = of ? otpNodeOf(of) : (bucket ?? '')
    if (found.has(`${key}/${about}`)) continue
    const full = `Could not fail over${of ? ` node "${about}"` : ''}: ${text}.`
    found.set(`${key}/${about}`, { key, about, text: full })
  }
  return [...found.values()]
}

/** Conditions of the whole cluster; the leader finds them. */
export function clusterConditions(document: ClusterDocument, facts: ClusterFacts): Condition[] {
  return [...copyConditions(document), ...clockConditions(document, facts)]
}

function copyConditions(document: ClusterDocument): Condition[] {
  const conditions: Condition[] = []
  for (const bucket of document.buckets) {
    const wanted = wantedReplicas(document, bucket)
    const made = bucket.shards.filter((shard) => shard.created)
    const down = made.filter((shard) => shard.primary === null).length
    const short = made.filter((s) => s.primary !== null && s.replicas.length < wanted).length
    const of = `of ${bucket.shards.length} shards of bucket "${bucket.name}"`
    if (down > 0) {
      const text = `${down} ${of} have no copy that serves.`
      conditions.push({ key: 'unavailable', about: bucket.name, text })
    }
    if (short > 0) {
      const text = `${short} ${of} have fewer copies than they should have.`
      conditions.push({ key: 'degraded', about: bucket.name, text })
    }
  }
  return conditions
}

function clockConditions(document: ClusterDocument, facts: ClusterFacts): Condition[] {
  return [...facts.clockAheadMs].flatMap(([id, aheadMs]) => {
    const member = document.members.find((m) => m.id === id)
    if (!member || Math.abs(aheadMs) <= CLOCK_SKEW_MS_MAX) return []
    const name = otpNodeOf(member)
    const seconds = (Math.abs(aheadMs) / 1000).toFixed(1)
    const text = `The clock of node "${name}" is ${seconds} s ${aheadMs > 0 ? 'ahead' : 'behind'}.`
    return [{ key: 'clock_skew', about: name, text }]
  })
}
