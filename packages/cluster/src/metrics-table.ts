/**
 * Every metric of a store node: name, type, meaning, and how its values are read when they are
 * asked for. docs/reference/store-metrics.md is made from this table. Numbers of engines are
 * those of the last sample of the statistics, at most a second or two old.
 */
import { wantedReplicas } from './document/cluster-document.ts'
import type { StoreNode } from './node.ts'
import { ALERT_KEYS } from './observe/alert-settings.ts'
import type { EngineSample } from './observe/engine-sampler.ts'
import type { MachineFigures } from './observe/machine-figures.ts'

export interface StoreMetricValue {
  labels: Record<string, string>
  value: number
}

export interface StoreMetric {
  name: string
  type: 'counter' | 'gauge'
  /** What it is about: the table that it stands in. */
  of: 'node' | 'bucket' | 'shard' | 'engine'
  help: string
  labels: readonly string[]
  read: (node: StoreNode) => StoreMetricValue[]
}

const REFUSALS = ['disabled', 'quota', 'too-many', 'no-copy', 'no-majority'] as const
const STATES = ['unknown', 'stopped', 'starting', 'loading', 'silent', 'running'] as const

export const STORE_METRICS: readonly StoreMetric[] = [
  node('holdfast_node_leader', '1 while this node leads the cluster', (n) =>
    Number(n.heartbeats.leading),
  ),
  node('holdfast_node_has_leader', '1 while this node has a leader', (n) =>
    Number(n.heartbeats.leader !== null),
  ),
  node('holdfast_document_revision', 'revision of the cluster document', (n) => n.document.rev),
  node('holdfast_document_term', 'term of the cluster document', (n) => n.document.term),
  node('holdfast_members', 'members of the cluster', (n) => n.document.members.length),
  node('holdfast_members_live', 'members that this node hears', (n) => {
    return n.document.members.filter((m) => n.heartbeats.isLive(m.id)).length
  }),
  node('holdfast_rebalance_running', '1 while a rebalance runs', (n) =>
    Number(n.document.rebalancing),
  ),
  node('holdfast_proxies', 'proxies that report to this node', (n) => proxyCounts(n).seen),
  node('holdfast_proxies_behind', 'those of them that route by an older map', (n) => {
    return proxyCounts(n).behind
  }),
  {
    ...{ name: 'holdfast_logins_wrong_total', type: 'counter', of: 'node', labels: [] },
    help: 'wrong logins at the REST port',
    read: (n) => [{ labels: {}, value: n.logins.wrong }],
  },
  {
    ...{ name: 'holdfast_logins_refused_total', type: 'counter', of: 'node', labels: [] },
    help: 'logins refused unchecked, from addresses that had guessed too often',
    read: (n) => [{ labels: {}, value: n.logins.refused }],
  },
  machine('holdfast_node_cpu_percent', 'share of all processors in use', (m) => m.cpuPercent),
  machine('holdfast_node_memory_total_bytes', 'memory', (m) => m.memoryTotalBytes),
  machine('holdfast_node_memory_free_bytes', 'memory that can be had', (m) => m.memoryFreeBytes),
  machine('holdfast_node_swap_used_bytes', 'swap in use', (m) => m.swapUsedBytes),
  machine('holdfast_node_disk_total_bytes', "size of the data folder's disk", (m) => {
    return m.disk.totalBytes
  }),
  machine('holdfast_node_disk_free_bytes', 'what may still be written to it', (m) => {
    return m.disk.freeBytes
  }),
  {
    ...{ name: 'holdfast_alerts', type: 'gauge', of: 'node', labels: ['key'] },
    help: 'alerts that this node has raised, by kind',
    read: (n) => {
      const own = n.observer.alerts().filter((alert) => alert.member === n.keeper.self)
      return ALERT_KEYS.map((key) => ({
        labels: { key },
        value: own.filter((alert) => alert.key === key).length,
      }))
    },
  },
  {
    ...{ name: 'holdfast_failovers_refused', type: 'gauge', of: 'node', labels: ['reason'] },
    help: 'failovers that do not happen at present, by reason',
    read: (n) => {
      const all = n.reconciler.refusals()
      return REFUSALS.map((reason) => ({
        labels: { reason },
        value: all.filter((refusal) => refusal.reason === reason).length,
      }))
    },
  },
  {
    ...{ name: 'holdfast_failovers_refused_total', type: 'counter', of: 'node' },
    labels: ['reason'],
    help: 'failovers refused since this node started, by reason',
    read: (n) => {
      const counts = n.reconciler.refusalCounts()
      return REFUSALS.map((reason) => ({ labels: { reason }, value: counts.get(reason) ?? 0 }))
    },
  },
  {
    ...{ name: 'holdfast_shards', type: 'gauge', of: 'bucket', labels: ['bucket', 'state'] },
    help: 'shards by state: whole, degraded (fewer copies than wanted), down (no primary)',
    read: shardStates,
  },
  bucket('holdfast_bucket_quota_bytes', 'memory quota on each node', (b) => {
    return b.ramMegabytes * 1024 * 1024
  }),
  bucket('holdfast_bucket_replicas_wanted', 'replicas that each shard should have', (b) => {
    return b.replicaCount
  }),
  {
    ...{ name: 'holdfast_shard_replicas', type: 'gauge', of: 'shard', labels: ['bucket', 'shard'] },
    help: 'replicas in sync, as the cluster document has it',
    read: (n) => eachShard(n, (shard) => shard.replicas.length),
  },
  {
    ...{ name: 'holdfast_shard_has_primary', type: 'gauge', of: 'shard' },
    labels: ['bucket', 'shard'],
    help: '1 while an engine takes its writes',
    read: (n) => eachShard(n, (shard) => Number(shard.created && shard.primary !== null)),
  },
  {
    ...{ name: 'holdfast_engine_state', type: 'gauge', of: 'engine' },
    labels: ['bucket', 'shard', 'state'],
    help: "1 for the state that this node's engine is in",
    read: engineStates,
  },
  {
    ...{ name: 'holdfast_engine_trouble', type: 'gauge', of: 'engine' },
    labels: ['bucket', 'shard', 'trouble'],
    help: '1 for what keeps an engine from its work; no series without trouble',
    read: engineTroubles,
  },
  engine('gauge', 'primary', '1 for a primary', (s) => Number(s.figures.role === 'primary')),
  engine('gauge', 'items', 'items', ({ figures }) => figures.gauges.items),
  engine('gauge', 'items_expiring', 'items that expire', (s) => s.figures.gauges.expiringItems),
  engine('gauge', 'memory_bytes', 'memory in use', (s) => s.figures.gauges.usedBytes),
  engine('gauge', 'memory_resident_bytes', 'memory of the process', (s) => {
    return s.figures.gauges.residentBytes
  }),
  engine('gauge', 'memory_max_bytes', 'memory it may use', (s) => s.figures.gauges.maxBytes),
  engine('gauge', 'connections', 'connections', (s) => s.figures.gauges.clients),
  engine('gauge', 'aof_bytes', 'size of the append-only file', (s) => s.figures.gauges.aofBytes),
  engine('gauge', 'replication_lag_bytes', 'what the replica furthest behind lacks', (s) => {
    return s.figures.gauges.lagBytes
  }),
  engine('counter', 'hits_total', 'keys found', (s) => s.figures.counters.hits),
  engine('counter', 'misses_total', 'keys not found', (s) => s.figures.counters.misses),
  engine('counter', 'sets_total', 'values stored', (s) => s.figures.counters.sets),
  engine('counter', 'deletes_total', 'deletes', (s) => s.figures.counters.deletes),
  engine('counter', 'touches_total', 'expiry set anew', (s) => s.figures.counters.touches),
  engine('counter', 'functions_total', 'cas, incr, append and their like', (s) => {
    return s.figures.counters.functions
  }),
  engine('counter', 'command_seconds_total', 'time spent in commands', (s) => {
    return s.figures.counters.commandMicroseconds / 1e6
  }),
  engine('counter', 'expired_total', 'items that expired', (s) => s.figures.counters.expired),
  engine('counter', 'evicted_total', 'items dropped for want of memory', (s) => {
    return s.figures.counters.evicted
  }),
  engine('counter', 'refused_for_memory_total', 'writes refused for want of memory', (s) => {
    return s.figures.counters.outOfMemory
  }),
  engine('counter', 'read_bytes_total', 'bytes received', (s) => s.figures.counters.readBytes),
  engine('counter', 'written_bytes_total', 'bytes sent', (s) => s.figures.counters.writtenBytes),
  engine('counter', 'delayed_syncs_total', 'writes to disk that were late', (s) => {
    return s.figures.counters.delayedSyncs
  }),
  engine('counter', 'cpu_seconds_total', 'processor time', (s) => s.figures.counters.cpuSeconds),
]

type Bucket = StoreNode['document']['buckets'][number]

function proxyCounts(n: StoreNode): { seen: number; behind: number } {
  return n.observer.proxies.counts(n.document.rev)
}

function node(name: string, help: string, read: (node: StoreNode) => number): StoreMetric {
  const of = (n: StoreNode): StoreMetricValue[] => [{ labels: {}, value: read(n) }]
  return { name, type: 'gauge', of: 'node', help, labels: [], read: of }
}

function machine(
  name: string,
  help: string,
  read: (figures: MachineFigures) => number,
): StoreMetric {
  const of = (n: StoreNode): StoreMetricValue[] => {
    const figures = n.observer.figures(n.keeper.self)
    return figures ? [{ labels: {}, value: read(figures) }] : []
  }
  return { name, type: 'gauge', of: 'node', help, labels: [], read: of }
}

function bucket(name: string, help: string, read: (bucket: Bucket) => number): StoreMetric {
  const of = (n: StoreNode): StoreMetricValue[] =>
    n.document.buckets.map((b) => ({ labels: { bucket: b.name }, value: read(b) }))
  return { name, type: 'gauge', of: 'bucket', help, labels: ['bucket'], read: of }
}

function engine(
  type: StoreMetric['type'],
  name: string,
  help: string,
  read: (sample: EngineSample) => number,
): StoreMetric {
  const of = (n: StoreNode): StoreMetricValue[] =>
    n.statistics.sampler.samples.map((sample) => ({
      labels: { bucket: nameOf(n, sample.bucket), shard: String(sample.shard) },
      value: read(sample),
    }))
  const labels = ['bucket', 'shard']
  return { name: `holdfast_engine_${name}`, type, of: 'engine', help, labels, read: of }
}

function shardStates({ document }: StoreNode): StoreMetricValue[] {
  return document.buckets.flatMap((b) => {
    const wanted = wantedReplicas(document, b)
    const count = { whole: 0, degraded: 0, down: 0 }
    for (const shard of b.shards) {
      if (shard.primary === null || !shard.created) count.down++
      else if (shard.replicas.length < wanted) count.degraded++
      else count.whole++
    }
    return Object.entries(count).map(([state, value]) => ({
      labels: { bucket: b.name, state },
      value,
    }))
  })
}

function eachShard(
  { document }: StoreNode,
  read: (shard: Bucket['shards'][number]) => number,
): StoreMetricValue[] {
  return document.buckets.flatMap((b) =>
    b.shards.map((shard, index) => ({
      labels: { bucket: b.name, shard: String(index) },
      value: read(shard),
    })),
  )
}

function engineStates(n: StoreNode): StoreMetricValue[] {
  return n.supervisor.status().engines.flatMap((e) =>
    STATES.map((state) => ({
      labels: { bucket: nameOf(n, e.bucket), shard: shardLabel(e.shard), state },
      value: Number(e.state === state),
    })),
  )
}

function engineTroubles(n: StoreNode): StoreMetricValue[] {
  return n.supervisor.status().engines.flatMap(({ trouble, bucket: uuid, shard }) => {
    if (trouble === null) return []
    return [{ labels: { bucket: nameOf(n, uuid), shard: shardLabel(shard), trouble }, value: 1 }]
  })
}

/** An arbiter's voting engine has no shard. */
function shardLabel(shard: number): string {
  return shard < 0 ? 'arbiter' : String(shard)
}

function nameOf({ document }: StoreNode, uuid: string): string {
  return document.buckets.find((b) => b.uuid === uuid)?.name ?? uuid
}
