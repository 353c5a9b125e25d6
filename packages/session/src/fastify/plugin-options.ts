/*
 * The options of the Fastify plugin: @fastify/session's, with its defaults and the texts of its
 * errors, and all options of the session manager beside them.
 *
 * `memcachedNodes` decides: with it the session manager keeps the sessions, with `store` that store
 * does, with neither they live in the memory of this process, which is for development.
 */
import { randomBytes } from 'node:crypto'
import { checkHostPrefix, HOST_PREFIX } from '../cookie-option.ts'
import type { SessionOptions } from '../options.ts'
import { newSid } from '../session-id.ts'
import { SessionManager } from '../session-manager.ts'
import { CookieSigner, type Secret, type Signer } from './cookie-signer.ts'
import type { SessionKeeper, SessionStoreMethods } from './held-session.ts'
import { HoldfastKeeper } from './holdfast-session.ts'
import { SentCookies } from './sent-cookie.ts'
import type { CookieOptions } from './session-cookie.ts'
import { StoreKeeper } from './stored-session.ts'

/** Options of `@holdfast/session/fastify`. */
export interface FastifySessionOptions
  extends Partial<Omit<SessionOptions, (typeof NOT_HERE)[number] | 'secret' | 'cookie'>> {
  /** At least 32 characters; in an array the first signs and all verify. */
  secret: string | readonly Secret[] | Signer
  /** Default `sessionId`. */
  cookieName?: string | undefined
  /** Put before the signed id; `s:` makes cookies that express-session reads. */
  cookiePrefix?: string | undefined
  cookie?: CookieOptions | undefined
  /** Set the cookie on every response; default true. */
  rolling?: boolean | undefined
  /** Store sessions that nothing was put into; default true. */
  saveUninitialized?: boolean | undefined
  /** Of the cookie's signature; default sha256. */
  algorithm?: string | undefined
  /** Makes the random part of a session id. */
  idGenerator?: ((request: object) => string) | undefined
  /** A store with callbacks, express-session's form, in place of `memcachedNodes`. */
  store?: SessionStoreMethods | undefined
}

/** The options after checking. */
export interface PluginSettings {
  cookieName: string
  cookiePrefix: string
  cookie: CookieOptions
  path: string
  rolling: boolean
  saveUninitialized: boolean
  signer: Signer
  sentCookies: SentCookies
}

export interface ParsedPlugin {
  settings: PluginSettings
  keeper: SessionKeeper
  /** Undefined with a `store` of the application's own. */
  manager: SessionManager | undefined
  /** The sessions are in this process only. */
  inMemory: boolean
}

/** Options of the session manager that have another name here, or are express-session's alone. */
const NOT_HERE = ['name', 'key', 'genid', 'resave', 'unset', 'proxy'] as const

const STORE_TIMEOUT_MS_DEFAULT = 2500
/** Of the register call, not of this plugin. */
const FASTIFY_OWN = ['prefix', 'logLevel', 'logSerializers']
/** Options of the session manager that mean something with a store of the application's own. */
const WITH_STORE = ['operationTimeout', 'logger']

/** Throws for options that are wrong. */
export function parsePluginOptions(options: FastifySessionOptions): ParsedPlugin {
  const {
    secret,
    cookieName: givenName = 'sessionId',
    hostPrefix = false,
    cookiePrefix = '',
    cookie: givenCookie = {},
    rolling = true,
    saveUninitialized = true,
    algorithm = 'sha256',
    idGenerator,
    store,
    ...rest
  } = options
  const signer = signerOf(secret, algorithm)
  const cookie = { ...givenCookie, secure: givenCookie.secure ?? true }
  const path = cookie.path || '/'
  const cookieName = hostPrefix ? hostPrefixed(givenName, cookie) : givenName
  for (const name of NOT_HERE) {
    if (name in rest) throw new TypeError(`option ${name} is not one of the Fastify plugin's`)
  }
  const sentCookies = new SentCookies(cookieName, cookiePrefix, signer)
  const settings: PluginSettings = {
    ...{ cookieName, cookiePrefix, cookie, path, rolling, saveUninitialized },
    ...{ signer, sentCookies },
  }
  for (const name of FASTIFY_OWN) Reflect.deleteProperty(rest, name)
  if (store !== undefined) {
    checkStore(store, Object.keys(rest))
    const timeoutMs = rest.operationTimeout ?? STORE_TIMEOUT_MS_DEFAULT
    const makeId = idGenerator ?? newSid
    const keeper = new StoreKeeper({ ...settings, store, makeId, timeoutMs })
    return { settings, keeper, manager: undefined, inMemory: false }
  }
  const manager = new SessionManager({
    ...rest,
    ...(rest.memcachedNodes === undefined ? IN_MEMORY : { memcachedNodes: rest.memcachedNodes }),
    // The plugin signs; the manager's own cookie is never made.
    secret: randomBytes(32).toString('base64'),
    cookie: { path, ...(cookie.maxAge ? { maxAge: cookie.maxAge } : {}) },
    rolling,
    saveUninitialized,
    genid: idGenerator === undefined ? undefined : (request) => idGenerator(Object(request)),
  })
  const inMemory = rest.memcachedNodes === undefined
  return { settings, keeper: new HoldfastKeeper(manager, cookie), manager, inMemory }
}

/** No store is contacted; the address only fills the place of a required option. */
const IN_MEMORY = { memcachedNodes: 'localhost:11311', enabled: false, sticky: true }

function signerOf(secret: FastifySessionOptions['secret'], algorithm: string): Signer {
  if (typeof secret === 'string') {
    if (secret.length < 32) throw new Error('the secret must have length 32 or greater')
    return new CookieSigner([secret], algorithm)
  }
  if (isSecrets(secret)) {
    if (secret.length === 0) throw new Error('at least one secret is required')
    return new CookieSigner(secret, algorithm)
  }
  if (typeof secret?.sign === 'function' && typeof secret.unsign === 'function') return secret
  throw new Error(
    'the secret option is required, and must be a String, Array of Strings, or a signer object with .sign and .unsign methods',
  )
}

function isSecrets(secret: FastifySessionOptions['secret']): secret is readonly Secret[] {
  return Array.isArray(secret)
}

/** Throws TypeError for a cookie that browsers would not take under such a name. */
function hostPrefixed(name: string, cookie: CookieOptions): string {
  checkHostPrefix({ path: cookie.path || '/', secure: cookie.secure, domain: cookie.domain })
  return name.startsWith(HOST_PREFIX) ? name : HOST_PREFIX + name
}

function checkStore(store: SessionStoreMethods, otherOptions: readonly string[]): void {
  for (const name of ['get', 'set', 'destroy'] as const) {
    if (typeof store[name] !== 'function') {
      throw new TypeError(`option store must have the methods get, set and destroy`)
    }
  }
  for (const name of otherOptions) {
    if (WITH_STORE.includes(name)) continue
    throw new TypeError(`option ${name} is for sessions kept by memcachedNodes, not by a store`)
  }
}
