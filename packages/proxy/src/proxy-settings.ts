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

const NO_QUEUE = 'requests share pipelined connections, nothing queues for one'
const NO_BLACKLIST =
  'a server that fails is tried again in the background and used at once when it is back'
const NO_FRONT_CACHE = 'there is no front cache: it is not coherent between proxies'
const NO_KEY_STATS = 'there are no counters by key'
const BY_LIST = 'servers and weights stand in the server list: `HOST:PORT:WEIGHT`'

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
  setting(
    'honoured',
    'usr',
    '',
    'user name for the config servers (HTTP Basic), or for the servers of a static list (SASL)',
  ),
  setting('honoured', 'pwd', '', 'password to `usr`'),
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
    'ms for one attempt to connect to a server; 0 is taken as 10000',
  ),
  setting(
    'honoured',
    'downstream_max',
    '1024',
    'requests of one application connection that may be outstanding before it is no longer read; 0 is taken as 65536',
    ['concurrency'],
  ),
  setting(
    'honoured',
    'default_bucket_name',
    'default',
    'bucket of connections that have not logged in, where one source brings many (saslBucketsStreaming); it must have no password. `[ <FIRST_BUCKET> ]` (moxi’s default) is the first bucket listed, whatever its password. With a single bucket another name than its own means that a login is needed',
  ),
  setting(
    'honoured',
    'downstream_conn_max',
    '1',
    'connections to each memcached server of a static list; more than one is rarely faster, as requests are pipelined (moxi: 4, one request each)',
  ),
  setting(
    'honoured',
    'downstream_protocol',
    'text',
    'protocol to the memcached servers of a static list: `ascii`, `meta` or `binary` (moxi: binary). What a config stream describes is spoken to in its own protocol',
    ['protocol'],
  ),
  setting(
    'honoured',
    'mcs_opts',
    'distribution:ketama-weighted',
    'how a static list of servers is hashed: `distribution:ketama-weighted`, `distribution:ketama`, `distribution:libvbucket-ketama`, `distribution:modula`',
  ),
  setting('ignored', 'wait_queue_timeout', '200', `${NO_QUEUE}; downstream_timeout bounds all`),
  setting('ignored', 'downstream_conn_queue_timeout', '200', NO_QUEUE),
  setting('ignored', 'auth_timeout', '100', 'authentication never blocks and counts as connecting'),
  setting('ignored', 'connect_max_errors', '5', NO_BLACKLIST),
  setting('ignored', 'connect_retry_interval', '30000', NO_BLACKLIST),
  setting(
    'ignored',
    'downstream_retry',
    '1',
    'what cannot have been carried out is always sent again, until downstream_timeout',
    ['retry'],
  ),
  setting('ignored', 'downstream_weight', '0', BY_LIST, ['weight']),
  setting('ignored', 'cycle', '200', 'timeouts are exact to about 50 ms'),
  setting('ignored', 'time_stats', '0', 'latencies are always counted, see /metrics'),
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
  setting('ignored', 'host', '', BY_LIST),
  setting('ignored', 'port', '0', BY_LIST),
  setting('ignored', 'bucket', '', 'the bucket is named by the URL'),
]

/** Finds a setting by its name or a synonym. */
export function findSetting(name: string): ProxySetting | undefined {
  return PROXY_SETTINGS.find((entry) => entry.name === name || entry.synonyms.includes(name))
}
