/**
 * `stats proxy ...`: every name that moxi answers with, either with where its value comes from or
 * with why it is left out. Each group is shown by the sub-command of its name; those of a bucket
 * once for each bucket, under `PORT:BUCKET:`.
 */
import { commandRows } from './stats-commands.ts'
import { absent, type BucketContext, type StatRow, type StatsContext, shown } from './stats-row.ts'
import type { BucketSnapshot } from './stats-snapshot.ts'

/** What follows `stats proxy`; without a word it is `all`. */
export type ProxyTopic =
  | 'basic'
  | 'info'
  | 'settings'
  | 'behaviors'
  | 'frontcache'
  | 'keystats'
  | 'stats'
  | 'timings'

/** Rows with the same prefix. */
export interface StatGroup<Context> {
  topics: readonly ProxyTopic[]
  prefix: string
  rows: readonly StatRow<Context>[]
}

const ONE_CONNECTION = 'requests share pipelined connections; none is reserved for one request'
const NO_BLACKLIST = 'servers are never blacklisted: one that is away is tried in the background'
const NO_FRONT_CACHE = 'there is no front cache: it would not be coherent between proxies'
const NO_KEY_STATS = 'there are no counters by key: a key may be a secret'
const NO_AUTH_STEP = 'a connection counts as made when it has authenticated'
const NO_WAIT_QUEUE = 'waiting requests are held by the backend within their deadline'
const NEVER = 'cannot happen here'

/** Groups that a proxy has once. */
export const PROXY_GROUPS: readonly StatGroup<StatsContext>[] = [
  {
    topics: ['basic', 'info'],
    prefix: 'basic:',
    rows: [
      shown('version', 'version of the proxy', ({ snapshot }) => snapshot.version),
      shown('nthreads', 'workers', ({ snapshot }) => snapshot.workers),
      absent(['hostname'], 'the log and the metrics name the host'),
    ],
  },
  {
    topics: ['info', 'stats'],
    prefix: 'proxy_main:',
    rows: [
      shown('conf_type', '`dynamic` when configs come from a stream, else `static`', (context) => {
        return context.settings.dynamic ? 'dynamic' : 'static'
      }),
    ],
  },
  {
    topics: ['stats'],
    prefix: 'proxy_main:stats:',
    rows: [
      shown('stat_configs', 'bucket configs received', ({ snapshot }) =>
        snapshot.buckets.reduce((sum, { source }) => sum + source.configsReceived, 0),
      ),
      shown('stat_config_fails', 'bucket configs that were no use', ({ snapshot }) =>
        snapshot.buckets.reduce((sum, { source }) => sum + source.configsRefused, 0),
      ),
      shown('stat_proxy_starts', 'buckets served', ({ snapshot }) => snapshot.buckets.length),
      absent(
        ['stat_proxy_start_fails', 'stat_proxy_existings', 'stat_proxy_shutdowns'],
        'a listener outlives the buckets behind it',
      ),
    ],
  },
  {
    topics: ['behaviors'],
    prefix: 'proxy_main:behavior:',
    rows: behaviorRows(),
  },
]

/** Groups that each bucket has, under `PORT:BUCKET:`. */
export const BUCKET_GROUPS: readonly StatGroup<BucketContext>[] = [
  {
    topics: ['info'],
    prefix: 'info:',
    rows: [
      shown('port', 'port of the listener', ({ settings }) => settings.port),
      shown('name', 'name of the bucket', ({ of }) => of.name),
      absent(['config'], 'the config text may hold passwords'),
      shown('config_ver', 'revision of the config in use', ({ of }) => of.source.configRev),
      shown('behaviors_num', 'servers or shards', ({ of }) => of.backend.servers.length),
    ],
  },
  { topics: ['behaviors'], prefix: 'behavior:', rows: behaviorRows() },
  {
    topics: ['info', 'stats'],
    prefix: 'stats:',
    rows: [
      shown('listening', '1 while the proxy accepts connections', ({ snapshot }) => {
        return snapshot.draining ? 0 : 1
      }),
      absent(['listening_failed'], 'a port that is taken is an error at the start'),
    ],
  },
  {
    topics: ['frontcache'],
    prefix: 'frontcache:',
    rows: [
      absent(
        [
          ...['size', 'max', 'oldest_live', 'tot_get_hits', 'tot_get_expires', 'tot_get_misses'],
          ...['tot_get_bytes', 'tot_adds', 'tot_add_skips', 'tot_add_fails', 'tot_add_bytes'],
          ...['tot_deletes', 'tot_evictions'],
        ],
        NO_FRONT_CACHE,
      ),
    ],
  },
  { topics: ['keystats'], prefix: 'keystats:', rows: [absent(['…'], NO_KEY_STATS)] },
  { topics: ['stats'], prefix: 'pstd_stats:', rows: [...connectionRows(), ...requestRows()] },
  {
    topics: ['stats'],
    prefix: 'pstd_stats_cmd:regular_',
    rows: commandRows('regular'),
  },
  { topics: ['stats'], prefix: 'pstd_stats_cmd:quiet_', rows: commandRows('quiet') },
]

function behaviorRows(): StatRow<StatsContext>[] {
  return [
    shown('port_listen', 'port of the listener', ({ settings }) => settings.port),
    shown('default_bucket_name', 'bucket of connections without login', ({ settings }) => {
      return settings.anonymousBucket
    }),
    shown('downstream_max', 'requests of a connection that may be outstanding', (context) => {
      return context.settings.outstandingMax
    }),
    shown('downstream_timeout', 'ms from a request to its reply', ({ settings }) => {
      return settings.operationTimeoutMs
    }),
    shown('connect_timeout', 'ms to connect to a server', ({ settings }) => {
      return settings.connectTimeoutMs
    }),
    absent(['usr', 'pwd'], 'credentials are not shown'),
    absent(['downstream_conn_max', 'downstream_conn_queue_timeout'], ONE_CONNECTION),
    absent(['wait_queue_timeout', 'auth_timeout', 'cycle'], NO_WAIT_QUEUE),
    absent(['connect_max_errors', 'connect_retry_interval'], NO_BLACKLIST),
    absent(
      [
        ...['downstream_retry', 'downstream_protocol', 'downstream_weight', 'time_stats'],
        ...['mcs_opts', 'optimize_set', 'host', 'port', 'bucket'],
      ],
      'set by backend, see the configuration',
    ),
    absent(['front_cache_*'], NO_FRONT_CACHE),
    absent(['key_stats_*'], NO_KEY_STATS),
  ]
}

function connectionRows(): StatRow<BucketContext>[] {
  return [
    shown('num_upstream', 'application connections open', ({ of }) => {
      return of.statistics.counts.currentConnections
    }),
    shown('tot_upstream', 'application connections accepted', ({ of }) => {
      return of.statistics.counts.totalConnections
    }),
    shown('num_downstream_conn', 'servers or shards connected', ({ of }) => {
      return of.backend.servers.filter(({ state }) => state === 'connected').length
    }),
    shown('tot_downstream_conn', 'connections to servers tried', ({ of }) => {
      return sumOf(of, 'connects')
    }),
    shown('tot_downstream_connect_failed', 'of those, failed or lost', ({ of }) => {
      return sumOf(of, 'failures')
    }),
    absent(
      [
        ...['tot_downstream_conn_acquired', 'tot_downstream_conn_released'],
        ...['tot_downstream_released', 'tot_downstream_reserved', 'tot_downstream_freed'],
        ...['tot_downstream_quit_server', 'tot_downstream_max_reached'],
        ...['tot_downstream_create_failed', 'tot_downstream_waiting_errors'],
        ...['tot_downstream_close_on_upstream_close', 'tot_downstream_propagate_failed'],
        ...['tot_downstream_conn_queue_timeout', 'tot_downstream_conn_queue_add'],
        ...['tot_downstream_conn_queue_remove', 'tot_downstream_connect_max_reached'],
      ],
      ONE_CONNECTION,
    ),
    absent(
      [
        ...['tot_downstream_connect_started', 'tot_downstream_connect_wait'],
        ...['tot_downstream_connect', 'tot_downstream_connect_timeout'],
        ...['tot_downstream_auth', 'tot_downstream_auth_failed'],
        ...['tot_downstream_bucket', 'tot_downstream_bucket_failed', 'tot_auth_timeout'],
      ],
      NO_AUTH_STEP,
    ),
    absent(['tot_downstream_connect_interval'], NO_BLACKLIST),
  ]
}

function requestRows(): StatRow<BucketContext>[] {
  return [
    shown('tot_downstream_timeout', 'operations without outcome at their deadline', ({ of }) => {
      return of.statistics.counts.timeouts
    }),
    absent(['tot_wait_queue_timeout'], NO_WAIT_QUEUE),
    absent(
      [
        ...['tot_assign_downstream', 'tot_assign_upstream', 'tot_assign_recursion'],
        'tot_reset_upstream_avail',
      ],
      ONE_CONNECTION,
    ),
    shown('tot_multiget_keys', 'keys of requests for several keys', ({ of }) => {
      return of.statistics.counts.multiGetKeys
    }),
    absent(
      ['tot_multiget_keys_dedupe', 'tot_multiget_bytes_dedupe'],
      'a key that is asked twice is asked twice',
    ),
    absent(['tot_optimize_sets'], 'a set is never answered before it is stored'),
    shown('tot_retry', 'operations sent again', ({ of }) => {
      const { replays = 0, retries = 0, downstream_retries: downstream = 0 } = of.backend.counters
      return replays + retries + downstream
    }),
    absent(['tot_retry_time', 'max_retry_time'], 'contained in the latencies'),
    shown(
      'tot_retry_vbucket',
      'operations that a server did not have the vBucket of',
      (context) => {
        return context.of.backend.counters.not_my_vbucket ?? 0
      },
    ),
    shown('tot_not_my_vbucket', 'requests here for vBuckets of other nodes', ({ of }) => {
      return of.statistics.counts.notMyVBucket
    }),
    shown('tot_map_notifications', 'clients that were told of a new map', ({ of }) => {
      return of.statistics.counts.mapNotifications
    }),
    shown('tot_upstream_paused', 'times a connection was no longer read', ({ of }) => {
      return of.statistics.counts.readingPauses
    }),
    absent(['tot_upstream_unpaused'], 'each pause ends'),
    absent(['err_oom', 'err_upstream_write_prep', 'err_downstream_write_prep'], NEVER),
    shown('tot_cmd_time', 'seconds from requests to their replies', ({ of }) => {
      return of.statistics.latencySums.reduce((sum, seconds) => sum + seconds, 0).toFixed(6)
    }),
    shown('tot_cmd_count', 'replies timed', ({ of }) => {
      return of.statistics.latencySteps.reduce((sum, count) => sum + count, 0)
    }),
    absent(['tot_local_cmd_time'], 'takes no time'),
    shown('tot_local_cmd_count', 'commands that the proxy answered itself', ({ of }) => {
      return of.statistics.local.reduce((sum, count) => sum + count, 0)
    }),
  ]
}

function sumOf({ backend }: BucketSnapshot, name: 'connects' | 'failures'): number {
  return backend.servers.reduce((sum, server) => sum + server[name], 0)
}
