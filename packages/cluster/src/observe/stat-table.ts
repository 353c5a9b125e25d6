/**
 * Every statistic that is kept: name, meaning, how nodes add up, and how its value comes from what
 * the engines of one node say. Names are the original's where it had them. The directory of
 * statistics and the columns of the store are made from these tables. Pure.
 */
import type { EngineCounters, EngineFigures, EngineGauges } from './engine-figures.ts'
import type { MachineFigures } from './machine-figures.ts'
import type { ProxyFigures } from './proxy-figures.ts'

/** What a bucket's engines on one node say, summed by role. */
export interface BucketMoment {
  vBuckets: { primary: number; replica: number }
  gauges: { primary: EngineGauges; replica: EngineGauges }
  /** Per second. */
  rates: { primary: EngineCounters; replica: EngineCounters }
}

export interface StatRow<Source> {
  name: string
  title: string
  about: string
  block: string
  isBytes?: boolean
  /** How the values of several nodes or buckets become one; sum when it says nothing. */
  over?: 'mean' | 'max'
  /** Null when there is nothing to measure. */
  read: (source: Source) => number | null
}

/** A statistic made from others, after nodes and time have been added up. */
export interface DerivedRow {
  name: string
  title: string
  about: string
  block: string
  maxY?: number
  of: (value: (name: string) => number) => number
}

const ITEMS = 'Summary'
const VBUCKETS = 'vBucket resources'
const DISK = 'Disk and replication'
const PROXIES = 'Proxies'
const SYSTEM = 'Server resources'

type Bucket = StatRow<BucketMoment>

const bucketRow = (
  name: string,
  title: string,
  about: string,
  more: Pick<Bucket, 'read' | 'block'> & Partial<Bucket>,
): Bucket => ({ name, title, about, ...more })

export const BUCKET_STATS: readonly Bucket[] = [
  bucketRow('ops', 'ops per second', 'Gets, sets, deletes, touches and functions.', {
    block: ITEMS,
    read: ({ rates }) => {
      const { hits, misses, sets, deletes, touches, functions } = rates.primary
      return hits + misses + sets + deletes + touches + functions
    },
  }),
  rate('cmd_get', 'gets per sec.', 'Keys asked for.', ({ hits, misses }) => hits + misses),
  rate('get_hits', 'get hits per sec.', 'Keys found.', ({ hits }) => hits),
  rate('get_misses', 'get misses per sec.', 'Keys not found.', ({ misses }) => misses),
  rate('cmd_set', 'sets per sec.', 'Values stored, compare-and-swap apart.', ({ sets }) => sets),
  rate('delete_hits', 'deletes per sec.', 'Deletes.', ({ deletes }) => deletes),
  rate('cmd_touch', 'touches per sec.', 'Expiry set anew.', ({ touches }) => touches),
  rate('cmd_functions', 'cas, incr, append per sec.', 'Run as functions.', (r) => r.functions),
  rate('evictions', 'evictions per sec.', 'Items dropped for want of memory.', (r) => r.evicted),
  rate('vb_active_expired', 'expirations per sec.', 'Items that expired.', (r) => r.expired),
  rate('ep_tmp_oom_errors', 'refused for memory per sec.', 'Writes refused.', (r) => r.outOfMemory),
  rate('bytes_read', 'bytes RX per sec.', 'Received by the engines.', (r) => r.readBytes, true),
  rate('bytes_written', 'bytes TX per sec.', 'Sent by the engines.', (r) => r.writtenBytes, true),
  rate(
    'command_us',
    'microseconds in commands per sec.',
    'Busy time.',
    (r) => r.commandMicroseconds,
  ),
  gauge('curr_items', 'items', 'Items of active vBuckets.', (g) => g.primary.items),
  gauge('curr_items_tot', 'items with replicas', 'Items of all copies.', (g) => {
    return g.primary.items + g.replica.items
  }),
  gauge('curr_connections', 'connections', 'Connections to the engines.', (g) => {
    return g.primary.clients + g.replica.clients
  }),
  bytes('mem_used', 'memory used', 'Memory of all copies.', (g) => {
    return g.primary.usedBytes + g.replica.usedBytes
  }),
  bytes('mem_resident', 'memory resident', 'Memory of the processes.', (g) => {
    return g.primary.residentBytes + g.replica.residentBytes
  }),
  bytes('ep_max_data_size', 'memory limit', 'Memory that the engines may use.', (g) => {
    return g.primary.maxBytes + g.replica.maxBytes
  }),
  vb('vb_active_num', 'active vBuckets', ({ vBuckets }) => vBuckets.primary),
  vb('vb_replica_num', 'replica vBuckets', ({ vBuckets }) => vBuckets.replica),
  vb('vb_active_curr_items', 'active items', ({ gauges }) => gauges.primary.items),
  vb('vb_replica_curr_items', 'replica items', ({ gauges }) => gauges.replica.items),
  vb('vb_active_itm_memory', 'active memory', ({ gauges }) => gauges.primary.usedBytes, true),
  vb('vb_replica_itm_memory', 'replica memory', ({ gauges }) => gauges.replica.usedBytes, true),
  bytes('disk_bytes', 'append-only files', 'Size of the files.', bothOf('aofBytes'), DISK),
  bytes(
    'disk_write_queue',
    'bytes not yet written',
    'To be written.',
    bothOf('aofBufferBytes'),
    DISK,
  ),
  bytes(
    'replication_lag_bytes',
    'replication lag',
    'Bytes on their way to replicas.',
    (g) => {
      return g.primary.lagBytes
    },
    DISK,
  ),
]

const SINCE = 'from a request at a proxy to its reply; of several nodes the worst'

export const PROXY_STATS: readonly StatRow<ProxyFigures>[] = [
  latency('get_p50_ms', 'get p50 ms', `Median time of gets, ${SINCE}.`, (p) => p.getP50Ms),
  latency('get_p99_ms', 'get p99 ms', `Time of 99 in 100 gets, ${SINCE}.`, (p) => p.getP99Ms),
  latency('set_p50_ms', 'set p50 ms', `Median time of sets, ${SINCE}.`, (p) => p.setP50Ms),
  latency('set_p99_ms', 'set p99 ms', `Time of 99 in 100 sets, ${SINCE}.`, (p) => p.setP99Ms),
  {
    ...{ name: 'proxy_connections', title: 'connections to proxies', block: PROXIES },
    about: 'Connections of applications to proxies and gateways.',
    read: ({ connections }) => connections,
  },
  {
    ...{ name: 'proxy_errors', title: 'errors at proxies per sec.', block: PROXIES },
    about: 'Operations that proxies and gateways could not carry out.',
    read: ({ errorsPerSecond }) => errorsPerSecond,
  },
]

export const SYSTEM_STATS: readonly StatRow<MachineFigures>[] = [
  {
    ...{ name: 'cpu_utilization_rate', title: 'CPU utilization %', over: 'mean', block: SYSTEM },
    about: 'Share of all processors in use.',
    read: ({ cpuPercent }) => cpuPercent,
  },
  system('mem_actual_free', 'free memory', 'Memory that can be had.', (m) => m.memoryFreeBytes),
  system('mem_total', 'memory', 'Memory of the machines.', (m) => m.memoryTotalBytes),
  system('swap_used', 'swap used', 'Swap in use.', (m) => m.swapUsedBytes),
  system('hdd_free', 'free disk', 'Space on the disks of the folders.', (m) => m.disk.freeBytes),
]

export const DERIVED_STATS: readonly DerivedRow[] = [
  {
    ...{ name: 'hit_ratio', title: 'hit ratio %', block: ITEMS, maxY: 100 },
    about: 'Share of keys asked for that were found.',
    of: (value) => share(value('get_hits'), value('cmd_get')),
  },
  {
    ...{ name: 'vb_active_resident_items_ratio', title: 'active resident %', block: VBUCKETS },
    about: 'Share of items whose values are in memory: always all.',
    maxY: 100,
    of: () => 100,
  },
  {
    ...{ name: 'ep_io_num_read', title: 'disk fetches per sec.', block: DISK },
    about: 'Values read from disk: none, as all are in memory.',
    of: () => 0,
  },
  {
    ...{ name: 'ep_cache_miss_rate', title: 'cache miss ratio %', block: DISK, maxY: 100 },
    about: 'Share of gets that went to disk: none, as all values are in memory.',
    of: () => 0,
  },
  {
    ...{ name: 'avg_command_us', title: 'microseconds per command', block: ITEMS },
    about: 'Time that a command takes in the engine.',
    of: (value) => share(value('command_us'), value('ops')) / 100,
  },
]

/** Names of the columns, in the order of values. */
export const STORED_STATS: readonly string[] = [
  ...BUCKET_STATS,
  ...PROXY_STATS,
  ...SYSTEM_STATS,
].map(({ name }) => name)

/** Statistics of which the greatest counts, over nodes and buckets. */
export const MAX_STATS: ReadonlySet<string> = new Set(
  PROXY_STATS.filter(({ over }) => over === 'max').map(({ name }) => name),
)

/** Statistics that are averages, not sums, over nodes. */
export const MEAN_STATS: ReadonlySet<string> = new Set(
  [...BUCKET_STATS, ...SYSTEM_STATS].filter(({ over }) => over === 'mean').map(({ name }) => name),
)

/** Adds up the gauges of several engines. */
export function sumGauges(list: readonly EngineFigures[]): EngineGauges {
  return {
    usedBytes: sum(list, (e) => e.gauges.usedBytes),
    residentBytes: sum(list, (e) => e.gauges.residentBytes),
    maxBytes: sum(list, (e) => e.gauges.maxBytes),
    items: sum(list, (e) => e.gauges.items),
    expiringItems: sum(list, (e) => e.gauges.expiringItems),
    clients: sum(list, (e) => e.gauges.clients),
    aofBytes: sum(list, (e) => e.gauges.aofBytes),
    aofBufferBytes: sum(list, (e) => e.gauges.aofBufferBytes),
    aofPendingSyncs: sum(list, (e) => e.gauges.aofPendingSyncs),
    lagBytes: sum(list, (e) => e.gauges.lagBytes),
    replicas: sum(list, (e) => e.gauges.replicas),
  }
}

function rate(
  name: string,
  title: string,
  about: string,
  of: (rates: EngineCounters) => number,
  isBytes = false,
): Bucket {
  return bucketRow(name, title, about, { block: ITEMS, isBytes, read: (m) => of(m.rates.primary) })
}

function gauge(
  name: string,
  title: string,
  about: string,
  of: (gauges: BucketMoment['gauges']) => number,
): Bucket {
  return bucketRow(name, title, about, { block: ITEMS, read: ({ gauges }) => of(gauges) })
}

function bytes(
  ...[name, title, about, of, block = ITEMS]: [
    name: string,
    title: string,
    about: string,
    of: (gauges: BucketMoment['gauges']) => number,
    block?: string,
  ]
): Bucket {
  return bucketRow(name, title, about, { block, isBytes: true, read: ({ gauges }) => of(gauges) })
}

function bothOf(name: keyof EngineGauges): (gauges: BucketMoment['gauges']) => number {
  return ({ primary, replica }) => primary[name] + replica[name]
}

function vb(name: string, title: string, read: Bucket['read'], isBytes = false): Bucket {
  return bucketRow(name, title, `Of this bucket: ${title}.`, { block: VBUCKETS, read, isBytes })
}

function latency(
  name: string,
  title: string,
  about: string,
  read: (figures: ProxyFigures) => number | null,
): StatRow<ProxyFigures> {
  return { name, title, about, block: PROXIES, over: 'max', read }
}

function system(
  name: string,
  title: string,
  about: string,
  read: (machine: MachineFigures) => number,
): StatRow<MachineFigures> {
  return { name, title, about, block: SYSTEM, isBytes: true, read }
}

function sum<T>(list: readonly T[], of: (one: T) => number): number {
  return list.reduce((total, one) => total + of(one), 0)
}

function share(part: number, whole: number): number {
  return whole > 0 ? (part / whole) * 100 : 0
}
