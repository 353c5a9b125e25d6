/*
 * What became of each option of memcached-session-manager: the page
 * docs/reference/memcached-session-manager.md, and the reasons in the errors for those that are no
 * more.
 */
interface OriginalOption {
  readonly name: string
  /** `same`: an option of that name, whose row in the table of options says the rest. */
  readonly here: 'same' | 'refused'
  /** How it differs, or what to do instead. */
  readonly note: string
}

export const ORIGINAL_OPTIONS: readonly OriginalOption[] = [
  {
    name: 'className',
    here: 'refused',
    note: 'there is one manager; to see in development what encoding does to a session, read it back with `manager.attributesOf(id)`',
  },
  {
    name: 'memcachedNodes',
    here: 'same',
    note: 'a list of `<id>:<host>:<port>`, a bare `host:port`, bucket URLs, or one `redis://` URL (clusters too); IPv6 in brackets; names are resolved anew at each connect.',
  },
  { name: 'failoverNodes', here: 'same', note: 'also for non-sticky sessions.' },
  { name: 'username', here: 'same', note: 'also for text (ASCII authentication) and SCRAM.' },
  { name: 'password', here: 'same', note: 'it appears in no log.' },
  {
    name: 'memcachedProtocol',
    here: 'same',
    note: 'another value is an error, where the original warned.',
  },
  { name: 'sticky', here: 'same', note: '' },
  {
    name: 'lockingMode',
    here: 'same',
    note: '`uriPattern` matches the path as well as the original’s `METHOD URI?query`; a lock is renewed, and released by its owner only. See [locking](../guides/session-locking.md).',
  },
  { name: 'lockExpiration', here: 'same', note: 'renewed while the request runs.' },
  {
    name: 'operationTimeout',
    here: 'same',
    note: '2500 ms instead of 1000. A store that says nothing is given up after `storeWait`, 250 ms; the wait for a lock is `lockWait`.',
  },
  { name: 'requestUriIgnorePattern', here: 'same', note: '' },
  {
    name: 'sessionBackupAsync',
    here: 'same',
    note: 'the default is `false` in non-sticky mode. A write that failed is repeated.',
  },
  { name: 'sessionBackupTimeout', here: 'same', note: '2500 ms instead of 100.' },
  {
    name: 'backupThreadCount',
    here: 'refused',
    note: 'the store is asked without threads: leave it out',
  },
  { name: 'sessionAttributeFilter', here: 'same', note: '' },
  {
    name: 'transcoderFactoryClass',
    here: 'refused',
    note: 'use `transcoder`: `json` (default), `msgpackr`, `cbor` or your own',
  },
  {
    name: 'copyCollectionsForSerialization',
    here: 'refused',
    note: 'nothing changes a session while it is encoded: leave it out',
  },
  { name: 'customConverter', here: 'same', note: 'objects instead of class names.' },
  {
    name: 'storageKeyPrefix',
    here: 'same',
    note: 'what Tomcat knows by itself comes from `hostName`, `contextName` and `webappVersion`.',
  },
  { name: 'enableStatistics', here: 'same', note: 'read by `manager.statistics()`.' },
  { name: 'enabled', here: 'same', note: 'changed at run time by `manager.reconfigure`.' },
  {
    name: 'maxInactiveInterval',
    here: 'same',
    note: 'an option of the manager, where Tomcat has it in web.xml; the default is `cookie.maxAge`, else 1800 s.',
  },
  { name: 'maxActiveSessions', here: 'same', note: 'sticky mode only.' },
  {
    name: 'processExpiresFrequency',
    here: 'refused',
    note: 'expired sessions leave memory at least every 10 s by themselves: leave it out',
  },
]

/** Why an option of the original is refused; undefined for other names. */
export function refusalOf(name: string): string | undefined {
  return ORIGINAL_OPTIONS.find((one) => one.here === 'refused' && one.name === name)?.note
}

/** The text of docs/reference/memcached-session-manager.md. */
export function originalReference(): string {
  const rows = ORIGINAL_OPTIONS.map(
    ({ name, here, note }) => `| \`${name}\` | ${here === 'same' ? 'yes' : 'refused'} | ${note} |`,
  )
  return [...HEAD, ...rows, '', ...BEHAVIOUR, ''].join('\n')
}

const HEAD: readonly string[] = [
  '# Coming from memcached-session-manager',
  '',
  'Its options have the same names and forms here; [session options](session-options.md) says what',
  'each does. An option that means nothing outside of Tomcat is refused when the application starts,',
  'with the reason below.',
  '',
  '| option of the original | here | note |',
  '|---|---|---|',
]

const BEHAVIOUR: readonly string[] = [
  '## What behaves differently',
  '',
  'How each behaviour of the original is tested here is in [its test list](original-test-list.md).',
  '',
  '| the original | here |',
  '|---|---|',
  '| `validity:` keys beside each session | the time to live of the session itself, renewed with each read (`gat`): a read in non-sticky mode is one operation |',
  '| `bak:` keys on the next node | the same; made again by the next read when missing |',
  '| backup after the response began | the response waits until the session is stored; see `sessionBackupAsync` |',
  '| whole sessions overwrite each other | each write carries the version it started from (CAS); what others changed meanwhile is merged, attribute by attribute |',
  '| a session that cannot be read is deleted | it is kept, reported, and answered like an unknown id |',
  '| lock wait over: goes on without the lock | answers 503; `lockTimeout` decides |',
  '| JMX | `manager.statistics()`, `manager.registerMetrics(registry)`, `manager.reconfigure({...})` |',
  '| form and basic authentication kept with the session | frameworks keep their logins in attributes, which are kept |',
  '| Java serialisation, Kryo, Javolution, XStream | JSON with types kept, MessagePack, CBOR; sessions of Java applications cannot be read |',
  '| ids of Tomcat with `-<node>` and `.<route>` | the same form; an id that was not made here is never accepted |',
  '| the key is the whole id; a takeover stores a new key and deletes the old | the route is no part of the key: a takeover is one read and one write, and two servers that take over at once share the session |',
  '| sessions in URLs, context reload, activation listeners | there are none in Node frameworks |',
]
