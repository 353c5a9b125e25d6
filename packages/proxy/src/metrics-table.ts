/**
 * Every metric of the proxy: name, type, meaning, and how its values are read from a snapshot. The
 * reference (docs/reference/proxy-metrics.md) is made from these tables.
 */
import { Outcome, type ServerReport } from '@holdfast/client'
import { latencyStep, Op } from '@holdfast/protocol'
import { LATENCY_CLASSES } from './latency-classes.ts'
import {
  type BucketSnapshot,
  commandsOf,
  latencyStepsOf,
  type ProxySnapshot,
  repliesOf,
  type StatisticsCounts,
  valueBytesOf,
} from './stats-snapshot.ts'

export const METRICS_PREFIX = 'holdfast_proxy_'

/** One sample; `metricName` is that of the series when it is not the metric's own. */
export interface MetricValue {
  labels: Record<string, string>
  value: number
  metricName?: string
}

/** One metric. */
export interface MetricRow<Context> {
  name: string
  type: 'counter' | 'gauge' | 'histogram'
  help: string
  /** Labels beside those that all metrics of the table have. */
  labels: readonly string[]
  read: (context: Context) => MetricValue[]
}

/** Upper bounds of the latency histogram: doublings from 64 us to 17 s. */
export const LATENCY_BOUNDS_US: readonly number[] = Array.from({ length: 19 }, (_, i) => {
  return 2 ** (i + 6)
})

/** Metrics of the whole proxy. */
export const PROXY_METRICS: readonly MetricRow<ProxySnapshot>[] = [
  one('gauge', 'workers', 'processes that serve', ({ workers }) => workers),
  one('gauge', 'draining', '1 while the proxy stops', ({ draining }) => Number(draining)),
  one('gauge', 'start_time_seconds', 'unix time of the start', ({ startedAtMs }) => {
    return startedAtMs / 1000
  }),
  one('counter', 'slow_requests_total', 'requests slower than the threshold', ({ slow }) => {
    return slow.seen
  }),
  one('counter', 'slow_requests_suppressed_total', 'of those, not logged', ({ slow }) => {
    return slow.suppressed
  }),
  one('gauge', 'unbound_connections', 'connections without a bucket', ({ unbound }) => {
    return unbound.counts.currentConnections
  }),
  counted('connections_total', 'connections accepted', 'totalConnections'),
  counted('connections_refused_total', 'connections beyond the limit', 'refusedConnections'),
  counted('logins_total', 'successful logins', 'logins'),
  counted('login_failures_total', 'refused logins', 'loginFailures'),
  counted(
    'deadline_closes_total',
    'connections closed as idle, half-open or slow',
    'deadlineCloses',
  ),
  counted(
    'not_my_vbucket_total',
    'requests at a vBucket port for vBuckets of other nodes',
    'notMyVBucket',
  ),
  counted(
    'map_notifications_total',
    'times a client of a vBucket port was told of a new map',
    'mapNotifications',
  ),
  counted('reading_pauses_total', 'times a connection was no longer read', 'readingPauses'),
  counted('invalid_requests_total', 'requests that were no memcached requests', 'invalidRequests'),
]

/** Metrics of each bucket, labelled `bucket`. */
export const BUCKET_METRICS: readonly MetricRow<BucketSnapshot>[] = [
  one('gauge', 'connections', 'application connections open', ({ statistics }) => {
    return statistics.counts.currentConnections
  }),
  one('counter', 'read_bytes_total', 'bytes of requests', ({ statistics }) => {
    return statistics.counts.bytesRead
  }),
  one('counter', 'written_bytes_total', 'bytes of replies', ({ statistics }) => {
    return statistics.counts.bytesWritten
  }),
  {
    name: 'commands_total',
    type: 'counter',
    help: 'commands by name and result; result local: answered by the proxy itself',
    labels: ['command', 'result'],
    read: commandValues,
  },
  {
    name: 'value_bytes_total',
    type: 'counter',
    help: 'bytes of values by command; direction in: from applications, out: to them',
    labels: ['command', 'direction'],
    read: valueByteValues,
  },
  {
    name: 'latency_seconds',
    type: 'histogram',
    help: 'time from requests to their replies, by class of command',
    labels: ['class', 'le'],
    read: latencyValues,
  },
  one('counter', 'timeouts_total', 'operations without outcome at their deadline', (bucket) => {
    return bucket.statistics.counts.timeouts
  }),
  one('gauge', 'usable', '1 when operations can be routed', ({ backend }) => {
    return Number(backend.usable)
  }),
  one('gauge', 'outstanding', 'operations without outcome', ({ backend }) => backend.outstanding),
  one('gauge', 'held', 'operations queued for their turn or for a server', ({ backend }) => {
    return backend.servers.reduce((sum, { held }) => sum + held, 0)
  }),
  one('gauge', 'shards', 'servers or shards of the bucket', ({ backend }) => {
    return backend.servers.length
  }),
  one('gauge', 'shards_connected', 'of those, connected', ({ backend }) => {
    return backend.servers.filter(({ state }) => state === 'connected').length
  }),
  one('gauge', 'config_rev', 'revision of the config in use', ({ source }) => source.configRev),
  one('counter', 'configs_received_total', 'bucket configs received', ({ source }) => {
    return source.configsReceived
  }),
  one('counter', 'configs_refused_total', 'bucket configs that were no use', ({ source }) => {
    return source.configsRefused
  }),
  {
    name: 'events_total',
    type: 'counter',
    help: 'events that the backend counts, such as replays, short_waits, degraded_writes',
    labels: ['event'],
    read: ({ backend }) =>
      Object.entries(backend.counters).map(([event, value]) => ({ labels: { event }, value })),
  },
]

/** Metrics of each server or shard of a bucket, labelled `bucket` and `server`. */
export const SERVER_METRICS: readonly MetricRow<ServerReport>[] = [
  {
    name: 'server_state',
    type: 'gauge',
    help: '1 for the state that the server is in',
    labels: ['state'],
    read: ({ state }) =>
      (['connected', 'connecting', 'idle', 'away'] as const).map((name) => {
        return { labels: { state: name }, value: Number(name === state) }
      }),
  },
  one('gauge', 'server_outstanding', 'operations sent and not answered', (server) => {
    return server.outstanding
  }),
  one('gauge', 'server_held', 'operations queued', ({ held }) => held),
  one('counter', 'server_connects_total', 'connections tried', ({ connects }) => connects),
  one('counter', 'server_failures_total', 'connections failed or lost', ({ failures }) => failures),
]

function one<Context>(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  read: (context: Context) => number,
): MetricRow<Context> {
  return { name, type, help, labels: [], read: (from) => [{ labels: {}, value: read(from) }] }
}

/** Of all buckets and of connections without one. */
function counted(
  name: string,
  help: string,
  count: keyof StatisticsCounts,
): MetricRow<ProxySnapshot> {
  return one('counter', name, help, ({ unbound, buckets }) => {
    return buckets.reduce((sum, { statistics }) => {
      return sum + statistics.counts[count]
    }, unbound.counts[count])
  })
}

function commandValues({ statistics }: BucketSnapshot): MetricValue[] {
  return Object.entries(Op).flatMap(([commandName, op]) => {
    const command = snake(commandName)
    const values = Object.entries(Outcome).map(([result, outcome]): MetricValue => {
      const value = repliesOf(statistics, op, outcome)
      return { labels: { command, result: snake(result) }, value }
    })
    const answered = values.reduce((sum, { value }) => sum + value, 0)
    const local = commandsOf(statistics, op) - answered
    values.push({ labels: { command, result: 'local' }, value: local })
    return values.filter(({ value }) => value > 0)
  })
}

function valueByteValues({ statistics }: BucketSnapshot): MetricValue[] {
  return Object.entries(Op).flatMap(([commandName, op]) => {
    const command = snake(commandName)
    return [
      {
        labels: { command, direction: 'in' },
        value: valueBytesOf(statistics, 'valueBytesIn', op),
      },
      {
        labels: { command, direction: 'out' },
        value: valueBytesOf(statistics, 'valueBytesOut', op),
      },
    ].filter(({ value }) => value > 0)
  })
}

/** Bounds are doublings, as the steps of the scale are, so each bucket is exact. */
function latencyValues({ statistics }: BucketSnapshot): MetricValue[] {
  const metricName = `${METRICS_PREFIX}latency_seconds`
  return LATENCY_CLASSES.flatMap((timed, index) => {
    const steps = latencyStepsOf(statistics, timed)
    const total = steps.reduce((sum, count) => sum + count, 0)
    if (total === 0) return []
    const labels = { class: timed }
    const buckets = LATENCY_BOUNDS_US.map((boundUs): MetricValue => {
      const below = steps.slice(0, latencyStep(boundUs))
      return {
        metricName: `${metricName}_bucket`,
        labels: { ...labels, le: String(boundUs / 1e6) },
        value: below.reduce((sum, count) => sum + count, 0),
      }
    })
    return [
      ...buckets,
      { metricName: `${metricName}_bucket`, labels: { ...labels, le: '+Inf' }, value: total },
      { metricName: `${metricName}_sum`, labels, value: statistics.latencySums[index] ?? 0 },
      { metricName: `${metricName}_count`, labels, value: total },
    ]
  })
}

function snake(name: string): string {
  return name.replace(/(?<=.)[A-Z]/g, '_$&').toLowerCase()
}
