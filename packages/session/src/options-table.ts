/*
 * The table of options: names, defaults and meanings, and the reference page made from it.
 *
 * `optionsReference()` is the text of docs/reference/session-options.md; a test compares the two,
 * so the page cannot fall behind the code.
 */

import { ENCODING_OPTIONS } from './encoding-options.ts'
import { LOCK_OPTIONS } from './lock-options.ts'
import { OBSERVE_OPTIONS } from './observe-options.ts'
import { STORE_OPTIONS } from './store-options.ts'
import { USER_OPTIONS } from './user-options.ts'

export interface SessionOption {
  name: string
  byDefault: string
  type: string
  meaning: string
}

const BASE_OPTIONS: readonly SessionOption[] = [
  {
    name: 'memcachedNodes',
    byDefault: 'required',
    type: 'string',
    meaning:
      'Where sessions are stored: one `host:port` (usually the local proxy, `localhost:11311`); or a list `n1:host:port n2:host:port` separated by spaces or commas; or bucket URLs `http://host:8091/pools/default/bucketsStreaming/NAME`, of several store nodes, to read a bucket without a proxy; or one `redis://[user:password@]host[:port][,host...]` (also `rediss`, `valkey`, `valkeys`), a single server or a cluster. An IPv6 address stands in brackets. With ids, the node id becomes part of the session id (`<sid>-n1`); a session whose node is away moves to another one at the start of a request. Can be changed at run time.',
  },
  {
    name: 'secret',
    byDefault: 'required',
    type: 'string, Buffer, KeyObject or an array of them',
    meaning:
      'Signs the session cookie. In an array the first signs and all verify, so secrets can be changed with nobody logged out.',
  },
  {
    name: 'sticky',
    byDefault: '`true`',
    type: 'boolean',
    meaning:
      '`true`: the session in local memory is the master and the store its backup; the load balancer sends a user to the same application server. `false`: the store is the master, any server may answer any request.',
  },
  {
    name: 'jvmRoute',
    byDefault: 'none',
    type: 'string',
    meaning:
      'The name of this application server for the load balancer, appended to the session id (`.app1`). With it a takeover is recognised by the foreign route. Without it sticky mode relies on the balancer alone: if a user is moved away and back, the first server still has its older copy.',
  },
  { name: 'route', byDefault: 'none', type: 'string', meaning: 'Another name of `jvmRoute`.' },
  {
    name: 'sessionBackupAsync',
    byDefault: '`true` if sticky, else `false`',
    type: 'boolean',
    meaning:
      '`false`: the response, head and body, is held until the store has acknowledged the session or `sessionBackupTimeout` is over. `true`: the response is not held. (The original defaults to `true` in both modes; in non-sticky mode the next request may read the store before an unawaited write.) When a response is streamed, the first byte waits for what was changed before it; later changes are saved before its end.',
  },
  {
    name: 'sessionBackupTimeout',
    byDefault: '`2500`',
    type: 'milliseconds',
    meaning:
      'The longest time that a response is held for its session. (The original: 100. The longer default rides out a failover of the store behind the proxy; without a failure it is never used up.)',
  },
  {
    name: 'operationTimeout',
    byDefault: '`2500`',
    type: 'milliseconds',
    meaning:
      'The deadline of one store operation with all its retries. (The original: 1000. A failover behind the proxy may take longer.)',
  },
  {
    name: 'storeFailure',
    byDefault: '`degrade` if sticky, else `fail`',
    type: '`degrade` or `fail`',
    meaning:
      'What a response becomes when its session could not be stored and it was held: `degrade` sends it nevertheless (in sticky mode the session is safe in local memory and its backup is repeated), `fail` replaces it by 503. What becomes of a session that cannot be *loaded* is decided by `loadFailure`.',
  },
  {
    name: 'requestUriIgnorePattern',
    byDefault: 'none',
    type: 'RegExp or string',
    meaning:
      'Must match the whole of `METHOD URI?query`. A request that matches makes no backup, and its session is used only if it is in local memory: no load, no takeover, no cookie.',
  },
  {
    name: 'sessionAttributeFilter',
    byDefault: 'none',
    type: 'RegExp or string',
    meaning:
      'Must match the whole attribute name; only attributes that match are stored. Others live in local memory only (sticky) or for one request (non-sticky).',
  },
  {
    name: 'storageKeyPrefix',
    byDefault: '`webappVersion`',
    type: 'string',
    meaning:
      'Put before each key, so that two applications in one bucket keep apart: tokens separated by commas, whose values are joined with `:` and end in `_`. `static:shop` (or `shop`) makes `shop_<id>`; `host`, `context`, `webappVersion` stand for the options `hostName`, `contextName`, `webappVersion`; `host.hash` and `context.hash` for their first 8 hex digits of SHA-256. Empty values are left out. At most 39 characters.',
  },
  {
    name: 'maxInactiveInterval',
    byDefault: '`cookie.maxAge` if set, else `1800`',
    type: 'seconds',
    meaning:
      'A session not used for this long expires; 0 or less: never. Where it is not set, a session whose own `cookie.maxAge` the application changes (“remember me”) lives that long; where it is set, it holds for all. A sticky session that is used but not modified is renewed in the store at most once a minute, so after a takeover it may live up to a minute longer. A store counts in whole seconds: a session may live a second longer, never shorter.',
  },
  {
    name: 'maxActiveSessions',
    byDefault: '`-1`',
    type: 'integer',
    meaning:
      'Sticky mode: the most sessions in local memory; -1 is no limit. Above it, setting the first attribute of a new session throws an error with status 503.',
  },
  {
    name: 'enabled',
    byDefault: '`true`',
    type: 'boolean',
    meaning:
      '`false`: sessions live in local memory only and no store is contacted. Sticky mode only.',
  },
  {
    name: 'name',
    byDefault: '`connect.sid`',
    type: 'string',
    meaning: 'The name of the cookie.',
  },
  { name: 'key', byDefault: 'none', type: 'string', meaning: 'Another name of `name`.' },
  {
    name: 'hostPrefix',
    byDefault: '`false`',
    type: 'boolean',
    meaning:
      '`true`: the name gets the prefix `__Host-`, which browsers only accept from this very host over TLS. Needs `cookie.secure: true`, `cookie.path` `/` and no `cookie.domain`.',
  },
  {
    name: 'cookie',
    byDefault: '`{path: "/", httpOnly: true}`',
    type: 'object or (req) => object',
    meaning:
      'The attributes of the cookie: `path`, `httpOnly`, `secure` (`true`: sent over TLS only; `"auto"`: as the request came), `sameSite` (`"auto"`: `none` over TLS, else `lax`), `domain`, `maxAge` in milliseconds or `expires` as a Date (null: until the browser closes), `partitioned`, `priority`. A function is asked once for each request.',
  },
  {
    name: 'saveUninitialized',
    byDefault: '`false`',
    type: 'boolean',
    meaning: '`true`: a new session is stored and its cookie set even if nothing was put into it.',
  },
  {
    name: 'rolling',
    byDefault: '`false`',
    type: 'boolean',
    meaning: '`true`: the cookie is set on every response, which renews its `maxAge`.',
  },
  {
    name: 'resave',
    byDefault: '`false`',
    type: 'boolean',
    meaning:
      'Taken from express-session so that its options can stay as they are. A session that did not change is never written again, its life is renewed instead; `true` only logs a warning that says so.',
  },
  {
    name: 'unset',
    byDefault: '`keep`',
    type: '`keep` or `destroy`',
    meaning:
      'What `req.session = null` (or `delete req.session`) means: `keep` leaves the session in the store without the changes of this request, `destroy` ends it.',
  },
  {
    name: 'proxy',
    byDefault: 'as the framework judges',
    type: 'boolean',
    meaning:
      'How a request is known to have come over TLS where the connection itself is not encrypted: `true` believes the first value of `X-Forwarded-Proto`, `false` believes nothing, undefined asks the framework (Express: `req.secure`, which knows `trust proxy`).',
  },
  {
    name: 'genid',
    byDefault: 'built in',
    type: '(req) => string',
    meaning:
      'Makes the random part of a new session id: at most 128 letters, digits, `_`, `-` or `~`. It must not be guessable.',
  },
  {
    name: 'logger',
    byDefault: 'silent',
    type: 'object',
    meaning: 'A logger with pino’s methods `debug`, `info`, `warn`, `error`.',
  },
]

/** All options, in the order of the reference page. */
export const SESSION_OPTIONS: readonly SessionOption[] = [
  ...BASE_OPTIONS,
  ...STORE_OPTIONS,
  ...LOCK_OPTIONS,
  ...ENCODING_OPTIONS,
  ...USER_OPTIONS,
  ...OBSERVE_OPTIONS,
]

export function optionsReference(): string {
  const rows = SESSION_OPTIONS.map(
    ({ name, byDefault, type, meaning }) => `| \`${name}\` | ${byDefault} | ${type} | ${meaning} |`,
  )
  return [
    '# Session options',
    '',
    'The options of `session({...})`. An unknown option, a wrong type or a contradiction is a `TypeError`',
    'when the application starts.',
    '',
    '| option | default | type | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
