/*
 * The options of the middleware over an express-session store, with express-session's defaults,
 * deprecations and error texts.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type CookieOption, checkHostPrefix, HOST_PREFIX } from '../cookie-option.ts'
import { type CookieSecret, CookieSigner } from '../cookie-signer.ts'
import type { Session, SessionRequest } from './session-object.ts'
import { MemoryStore } from './store.ts'
import type { SessionStoreLike, StoredRecord } from './store-like.ts'

/** Options of `session()` over an express-session store. */
export interface StoreSessionOptions {
  secret?: CookieSecret | readonly CookieSecret[] | undefined
  /** Default: a MemoryStore. */
  store?: SessionStoreLike | undefined
  name?: string | undefined
  key?: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: each framework has its own request
  cookie?: CookieOption | ((request: any) => CookieOption) | undefined
  // biome-ignore lint/suspicious/noExplicitAny: each framework has its own request
  genid?: ((request: any) => string) | undefined
  resave?: boolean | undefined
  saveUninitialized?: boolean | undefined
  rolling?: boolean | undefined
  unset?: 'keep' | 'destroy' | undefined
  proxy?: boolean | undefined
  hostPrefix?: boolean | undefined
  /** Longest wait for the store's `get`, milliseconds. Default 30000. */
  operationTimeout?: number | undefined
  /** Longest time that a response is held for its session, milliseconds. Default 30000. */
  sessionBackupTimeout?: number | undefined
}

export interface StoreSettings {
  store: SessionStoreLike
  signer: CookieSigner | undefined
  cookieName: string
  cookieFor: (request: IncomingMessage) => CookieOption
  genid: (request: IncomingMessage) => unknown
  resave: boolean
  saveUninitialized: boolean
  rolling: boolean
  unsetDestroys: boolean
  trustProxy: boolean | undefined
  /** The store's own, when it has one. */
  createSession: ((request: SessionRequest, record: StoredRecord) => Session) | undefined
  loadTimeoutMs: number
  saveTimeoutMs: number
}

/** A foreign store may ride out a failover of its own; what never answers must end all the same. */
const STORE_TIMEOUT_MS_DEFAULT = 30_000
const ID_BYTES = 24

/** Throws TypeError. */
export function parseStoreOptions(options: StoreSessionOptions): StoreSettings {
  const { genid = newId, resave, saveUninitialized, unset } = options
  if (typeof genid !== 'function') throw new TypeError('genid option must be a function')
  if (resave === undefined) deprecate('undefined resave option; provide resave option')
  if (saveUninitialized === undefined) {
    deprecate('undefined saveUninitialized option; provide saveUninitialized option')
  }
  if (unset && unset !== 'destroy' && unset !== 'keep') {
    throw new TypeError('unset option must be "destroy" or "keep"')
  }
  const secrets = secretsOf(options.secret)
  if (secrets === undefined) deprecate('req.secret; provide secret option')
  const store = options.store ?? new MemoryStore()
  if (store instanceof MemoryStore && process.env.NODE_ENV === 'production') {
    process.emitWarning(
      'session.MemoryStore is not made for production: it is lost with the process and never shrinks',
    )
  }
  return {
    ...cookieSettings(options),
    store,
    signer: secrets === undefined ? undefined : new CookieSigner(secrets),
    genid,
    resave: resave ?? true,
    saveUninitialized: saveUninitialized ?? true,
    rolling: Boolean(options.rolling),
    unsetDestroys: unset === 'destroy',
    trustProxy: options.proxy,
    createSession: ownCreateSession(store),
    loadTimeoutMs: options.operationTimeout ?? STORE_TIMEOUT_MS_DEFAULT,
    saveTimeoutMs: options.sessionBackupTimeout ?? STORE_TIMEOUT_MS_DEFAULT,
  }
}

function cookieSettings(
  options: StoreSessionOptions,
): Pick<StoreSettings, 'cookieName' | 'cookieFor'> {
  const { cookie = {}, hostPrefix = false } = options
  const name = options.name || options.key || 'connect.sid'
  const cookieName = hostPrefix && !name.startsWith(HOST_PREFIX) ? HOST_PREFIX + name : name
  if (typeof cookie !== 'function') {
    if (hostPrefix) checkHostPrefix({ path: '/', ...cookie })
    return { cookieName, cookieFor: () => cookie }
  }
  if (!hostPrefix) return { cookieName, cookieFor: cookie }
  const cookieFor = (request: IncomingMessage): CookieOption => {
    const asked = cookie(request)
    checkHostPrefix({ path: '/', ...asked })
    return asked
  }
  return { cookieName, cookieFor }
}

function secretsOf(secret: StoreSessionOptions['secret']): CookieSecret[] | undefined {
  if (!secret) return undefined
  const secrets = Array.isArray(secret) ? secret : [secret]
  if (secrets.length > 0) return secrets
  throw new TypeError('secret option array must contain one or more strings')
}

/** What a store inherits from express-session's base or from ours is ours to do. */
function ownCreateSession(store: SessionStoreLike): StoreSettings['createSession'] {
  for (
    let at: object | null = store;
    at !== null;
    at = Object.getPrototypeOf(at) as object | null
  ) {
    if (!Object.hasOwn(at, 'createSession')) continue
    if (Object.hasOwn(at, 'load') && Object.hasOwn(at, 'regenerate')) return undefined
    const create = Reflect.get(at, 'createSession') as StoreSettings['createSession']
    return (request, record) => Reflect.apply(create as () => Session, store, [request, record])
  }
  return undefined
}

function newId(): string {
  return randomBytes(ID_BYTES).toString('base64url')
}

const deprecated = new Set<string>()

/** Once per process and message, as express-session's library does. */
function deprecate(message: string): void {
  if (deprecated.has(message)) return
  deprecated.add(message)
  process.emitWarning(`express-session deprecated ${message}`, 'DeprecationWarning')
}
