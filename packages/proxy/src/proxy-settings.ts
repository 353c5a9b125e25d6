/**
 * Moxi's -Z settings in one table: what each is called, what it was by default, and what becomes of
 * it here. arguments.ts reads it, docs/reference/proxy-options.md is made from it.
 */

/** What becomes of a setting. */
export type SettingStatus = 'honoured' | 'ignored'

/** One -Z key. */
export interface ProxySetting {
  name: string
  synonyms: readonly string[]
  /** Default here when honoured, else moxi's. */
  defaultText: string
  status: SettingStatus
  /** What it does here, or why it does nothing. */
  meaning: string
}

const NO_POOL = 'requests share a few pipelined connections per shard, nothing queues for one'
const NO_BLACKLIST = 'an engine that fails is tried again within 50 ms, nothing is blacklisted'
const NO_FRONT_CACHE = 'there is no front cache: it is not coherent between proxies'
const NO_KEY_STATS = 'there are no counters by key'
const BY_CONFIG = 'servers and credentials come from the bucket config'

function setting(
  status: SettingStatus,
  name: string,
  defaultText: string,
  meaning: string,
  synonyms: readonly string[] = [],
): ProxySetting {
  return { name, synonyms, defaultText, status, meaning }
}

/** All of moxi's -Z keys. */
export const PROXY_SETTINGS: readonly ProxySetting[] = [
  setting('honoured', 'port_listen', '11211', 'port that applications connect to'),
  setting('honoured', 'usr', '', 'user name for the config servers (HTTP Basic)'),
  setting('honoured', 'pwd', '', 'password for the config servers (HTTP Basic)'),
  setting(
    'honoured',
    'downstream_timeout',
    '5000',
    'ms from the arrival of a request to its reply at the latest, also while it is held for a failover; 0 is taken as 600000',
    ['timeout', 'downstream_conn_timeout'],
  ),
  setting(
    'honoured',
    'connect_timeout',
    '400',
    'ms for one attempt to connect to an engine; 0 is taken as 10000',
  ),
  setting(
    'honoured',
    'downstream_max',
    '1024',
    'requests of one application connection that may be outstanding before it is no longer read; 0 is taken as 65536',
    ['concurrency'],
  ),
  setting(
    'ignored',
    'default_bucket_name',
    '[ <FIRST_BUCKET> ]',
    'the URL names the bucket; of several buckets in one config, default is taken',
  ),
  setting(
    'ignored',
    'wait_queue_timeout',
    '200',
    'waiting requests are bounded by downstream_timeout',
  ),
  setting('ignored', 'downstream_conn_max', '4', NO_POOL),
  setting('ignored', 'downstream_conn_queue_timeout', '200', NO_POOL),
  setting('ignored', 'auth_timeout', '100', 'authentication never blocks and counts as connecting'),
  setting('ignored', 'connect_max_errors', '5', NO_BLACKLIST),
  setting('ignored', 'connect_retry_interval', '30000', NO_BLACKLIST),
  setting(
    'ignored',
    'downstream_retry',
    '1',
    'requests are replayed, safely, until downstream_timeout',
    ['retry'],
  ),
  setting('ignored', 'downstream_protocol', 'binary', 'engines speak RESP', ['protocol']),
  setting('ignored', 'downstream_weight', '0', BY_CONFIG, ['weight']),
  setting('ignored', 'cycle', '200', 'timeouts are exact to about 50 ms'),
  setting('ignored', 'time_stats', '0', 'latencies are always counted, see /metrics'),
  setting('ignored', 'mcs_opts', '', 'keys are placed by vBucket'),
  setting('ignored', 'front_cache_max', '200', NO_FRONT_CACHE),
  setting('ignored', 'front_cache_lifespan', '0', NO_FRONT_CACHE),
  setting('ignored', 'front_cache_spec', '', NO_FRONT_CACHE),
  setting('ignored', 'front_cache_unspec', '', NO_FRONT_CACHE),
  setting('ignored', 'key_stats_max', '4000', NO_KEY_STATS),
  setting('ignored', 'key_stats_lifespan', '0', NO_KEY_STATS),
  setting('ignored', 'key_stats_spec', '', NO_KEY_STATS),
  setting('ignored', 'key_stats_unspec', '', NO_KEY_STATS),
  setting(
    'ignored',
    'optimize_set',
    '',
    'a set is never answered before it is stored and replicated',
  ),
  setting('ignored', 'host', '', BY_CONFIG),
  setting('ignored', 'port', '0', BY_CONFIG),
  setting('ignored', 'bucket', '', BY_CONFIG),
]

/** Finds a setting by its name or a synonym. */
export function findSetting(name: string): ProxySetting | undefined {
  return PROXY_SETTINGS.find((entry) => entry.name === name || entry.synonyms.includes(name))
}
