/**
 * `stats` and `stats settings`: every name that memcached 1.6 answers with, either with where its
 * value comes from or with why it is left out. What a proxy cannot know (items, memory) is left out
 * rather than invented.
 */
import { Outcome } from '@holdfast/client'
import { Op } from '@holdfast/protocol'
import { absent, type StatRow, type StatsContext, shown } from './stats-row.ts'
import { commandsOf, repliesOf } from './stats-snapshot.ts'

const GETS: readonly Op[] = [Op.Get, Op.Gets, Op.Gat, Op.Gats]
const STORES: readonly Op[] = [Op.Set, Op.Add, Op.Replace, Op.Append, Op.Prepend, Op.Cas]
const TOUCHES: readonly Op[] = [Op.Touch, Op.Gat, Op.Gats]

const NO_ITEMS = 'items are in the store, not in the proxy'
const NO_MEMORY = 'memory is the store’s'
const NO_SLABS = 'a proxy has no slabs'
const NO_LRU = 'eviction is the store’s'
const NO_LOGGER = 'a proxy has no watchers'
const NO_EXTSTORE = 'a proxy has no external storage'
const ONE_LOOP = 'each worker is one event loop'
const TLS_BY_LISTENER = 'TLS is set by listener, see the configuration'

/** The reply to `stats`. */
export const GENERAL_STATS: readonly StatRow<StatsContext>[] = [
  shown('pid', 'process id; of several workers the first', ({ snapshot }) => snapshot.pid),
  shown('uptime', 'seconds since the start', ({ snapshot, nowMs }) =>
    Math.floor((nowMs - snapshot.startedAtMs) / 1000),
  ),
  shown('time', 'unix time', ({ nowMs }) => Math.floor(nowMs / 1000)),
  shown('version', 'version of the proxy', ({ snapshot }) => snapshot.version),
  absent(['libevent'], 'not used'),
  shown('pointer_size', 'bits of a pointer', () => 64),
  shown('rusage_user', 'CPU seconds in user mode', ({ snapshot }) =>
    snapshot.cpuUserSeconds.toFixed(6),
  ),
  shown('rusage_system', 'CPU seconds in the kernel', ({ snapshot }) =>
    snapshot.cpuSystemSeconds.toFixed(6),
  ),
  shown('max_connections', 'limit of connections', ({ settings }) => settings.connectionsMax),
  shown('curr_connections', 'connections open, of all buckets', ({ total }) => {
    return total.counts.currentConnections
  }),
  shown('total_connections', 'connections accepted, of all buckets', ({ total }) => {
    return total.counts.totalConnections
  }),
  shown('rejected_connections', 'connections beyond the limit', ({ total }) => {
    return total.counts.refusedConnections
  }),
  absent(['connection_structures', 'reserved_fds'], 'connections are not kept in a table'),
  absent(
    ['response_obj_oom', 'response_obj_count', 'response_obj_bytes'],
    'replies are not kept as objects',
  ),
  absent(
    ['read_buf_count', 'read_buf_bytes', 'read_buf_bytes_free', 'read_buf_oom'],
    'read buffers are shared',
  ),
  commands('cmd_get', 'get, gets, gat, gats, mg', GETS),
  commands('cmd_set', 'set, add, replace, append, prepend, cas, ms', STORES),
  commands('cmd_flush', 'flush_all', [Op.FlushAll]),
  commands('cmd_touch', 'touch, gat, gats', TOUCHES),
  absent(['cmd_meta'], 'meta commands are counted as what they do'),
  outcomes('get_hits', 'found', GETS, Outcome.Hit),
  outcomes('get_misses', 'not found', GETS, Outcome.Miss),
  absent(['get_expired', 'get_flushed'], 'counted among the misses'),
  outcomes('delete_misses', 'not found', [Op.Delete], Outcome.NotFound),
  outcomes('delete_hits', 'deleted', [Op.Delete], Outcome.Deleted),
  outcomes('incr_misses', 'not found', [Op.Incr], Outcome.NotFound),
  outcomes('incr_hits', 'counted', [Op.Incr], Outcome.Counted),
  outcomes('decr_misses', 'not found', [Op.Decr], Outcome.NotFound),
  outcomes('decr_hits', 'counted', [Op.Decr], Outcome.Counted),
  outcomes('cas_misses', 'not found', [Op.Cas], Outcome.NotFound),
  outcomes('cas_hits', 'stored', [Op.Cas], Outcome.Stored),
  outcomes('cas_badval', 'changed meanwhile', [Op.Cas], Outcome.Exists),
  outcomes('touch_hits', 'touched', [Op.Touch], Outcome.Touched),
  outcomes('touch_misses', 'not found', [Op.Touch], Outcome.NotFound),
  absent(['store_too_large', 'store_no_memory'], 'counted among the failed commands, see /metrics'),
  shown('auth_cmds', 'logins tried, of all buckets', ({ total }) => {
    return total.counts.logins + total.counts.loginFailures
  }),
  shown('auth_errors', 'logins refused, of all buckets', ({ total }) => {
    return total.counts.loginFailures
  }),
  shown('bytes_read', 'bytes of requests', ({ bucket }) => bucket.statistics.counts.bytesRead),
  shown('bytes_written', 'bytes of replies', ({ bucket }) => {
    return bucket.statistics.counts.bytesWritten
  }),
  absent(['limit_maxbytes'], NO_MEMORY),
  shown('accepting_conns', '0 while the proxy stops', ({ snapshot }) => {
    return snapshot.draining ? 0 : 1
  }),
  absent(['listen_disabled_num', 'time_in_listen_disabled_us'], 'listening is never disabled'),
  shown('threads', 'workers', ({ snapshot }) => snapshot.workers),
  shown('conn_yields', 'times a connection was not read because of what it owed', ({ total }) => {
    return total.counts.readingPauses
  }),
  absent(['hash_power_level', 'hash_bytes', 'hash_is_expanding'], NO_ITEMS),
  absent(
    [
      'slab_reassign_rescues',
      'slab_reassign_chunk_rescues',
      'slab_reassign_evictions_nomem',
      'slab_reassign_inline_reclaim',
      'slab_reassign_busy_items',
      'slab_reassign_busy_deletes',
      'slab_reassign_running',
      'slabs_moved',
      'slab_global_page_pool',
    ],
    NO_SLABS,
  ),
  absent(
    [
      'lru_crawler_running',
      'lru_crawler_starts',
      'lru_maintainer_juggles',
      'crawler_reclaimed',
      'crawler_items_checked',
      'lrutail_reflocked',
      'moves_to_cold',
      'moves_to_warm',
      'moves_within_lru',
      'lru_bumps_dropped',
    ],
    NO_LRU,
  ),
  absent(['malloc_fails', 'direct_reclaims'], NO_MEMORY),
  absent(
    [
      'log_worker_dropped',
      'log_worker_written',
      'log_watcher_skipped',
      'log_watcher_sent',
      'log_watchers',
    ],
    NO_LOGGER,
  ),
  absent(['unexpected_napi_ids', 'round_robin_fallback'], ONE_LOOP),
  absent(['bytes', 'curr_items', 'total_items'], NO_ITEMS),
  absent(
    ['expired_unfetched', 'evicted_unfetched', 'evicted_active', 'evictions', 'reclaimed'],
    NO_LRU,
  ),
]

/** The reply to `stats settings`. */
export const SETTINGS_STATS: readonly StatRow<StatsContext>[] = [
  absent(['maxbytes'], NO_MEMORY),
  shown('maxconns', 'limit of connections', ({ settings }) => settings.connectionsMax),
  shown('tcpport', 'port of the listener', ({ settings }) => settings.port),
  shown('udpport', 'no UDP', () => 0),
  shown('inter', 'address of the listener', ({ settings }) => settings.host),
  shown('verbosity', '0: the log level is the command line’s', () => 0),
  absent(['oldest'], NO_ITEMS),
  absent(['evictions', 'hot_lru_pct', 'warm_lru_pct', 'hot_max_factor'], NO_LRU),
  absent(['warm_max_factor', 'temp_lru', 'temporary_ttl', 'tail_repair_time'], NO_LRU),
  absent(['lru_maintainer_thread', 'lru_segmented', 'lru_crawler'], NO_LRU),
  absent(['lru_crawler_sleep', 'lru_crawler_tocrawl'], NO_LRU),
  shown('domain_socket', 'path of the unix socket', ({ settings }) => {
    return settings.socketPath === '' ? 'NULL' : settings.socketPath
  }),
  absent(['umask'], 'set by listener, see the configuration'),
  shown('shutdown_command', 'there is none', () => 'no'),
  absent(['growth_factor', 'chunk_size', 'slab_reassign', 'slab_automove'], NO_SLABS),
  absent(['slab_automove_ratio', 'slab_automove_window'], NO_SLABS),
  absent(['slab_automove_freeratio', 'slab_chunk_max'], NO_SLABS),
  shown('num_threads', 'workers', ({ snapshot }) => snapshot.workers),
  absent(['num_threads_per_udp', 'num_napi_ids'], ONE_LOOP),
  absent(['stat_key_prefix'], 'there are no counters by prefix'),
  shown('detail_enabled', 'there are no counters by prefix', () => 'no'),
  absent(['reqs_per_event'], 'reading is bounded by what is outstanding'),
  shown('cas_enabled', 'always', () => 'yes'),
  absent(['tcp_backlog'], 'set by listener, see the configuration'),
  shown('binding_protocol', 'what the listener speaks', ({ settings }) => settings.protocol),
  shown('auth_enabled_sasl', 'always offered', () => 'yes'),
  absent(['auth_enabled_ascii'], 'by listener, see the configuration'),
  shown('item_size_max', 'largest value in bytes', ({ settings }) => settings.valueBytesMax),
  absent(['maxconns_fast'], 'connections beyond the limit are always refused'),
  absent(['hashpower_init', 'hash_algorithm', 'track_sizes', 'memory_file'], NO_ITEMS),
  absent(['dump_enabled'], NO_ITEMS),
  shown('flush_enabled', 'flush_all is taken', () => 'yes'),
  absent(['idle_timeout'], 'set by listener, see the configuration'),
  absent(['watcher_logbuf_size', 'worker_logbuf_size'], NO_LOGGER),
  absent(['read_buf_mem_limit', 'inline_ascii_response'], 'read buffers are shared'),
  absent(['ext_item_size', 'ext_item_age', 'ext_low_ttl', 'ext_recache_rate'], NO_EXTSTORE),
  absent(['ext_wbuf_size', 'ext_compact_under', 'ext_drop_under', 'ext_max_sleep'], NO_EXTSTORE),
  absent(['ext_max_frag', 'ext_drop_unread'], NO_EXTSTORE),
  absent(['ssl_enabled', 'ssl_chain_cert', 'ssl_key', 'ssl_verify_mode'], TLS_BY_LISTENER),
  absent(['ssl_keyformat', 'ssl_ciphers', 'ssl_ca_cert', 'ssl_wbuf_size'], TLS_BY_LISTENER),
  absent(['ssl_session_cache', 'ssl_kernel_tls', 'ssl_min_version'], TLS_BY_LISTENER),
]

function commands(name: string, meaning: string, ops: readonly Op[]): StatRow<StatsContext> {
  return shown(name, meaning, ({ bucket }) => {
    return ops.reduce((sum, op) => sum + commandsOf(bucket.statistics, op), 0)
  })
}

function outcomes(
  name: string,
  meaning: string,
  ops: readonly Op[],
  outcome: Outcome,
): StatRow<StatsContext> {
  return shown(name, meaning, ({ bucket }) => {
    return ops.reduce((sum, op) => sum + repliesOf(bucket.statistics, op, outcome), 0)
  })
}
