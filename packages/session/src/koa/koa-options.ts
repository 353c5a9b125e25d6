/*
 * The options of the Koa middleware: koa-session's, with its defaults and the texts of its errors,
 * and all options of the session manager beside them.
 *
 * `memcachedNodes` decides: with it the session manager keeps the sessions; with `store` or
 * `ContextStore` that store does; with neither the cookie holds them, as in koa-session.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { checkHostPrefix, HOST_PREFIX } from '../cookie-option.ts'
import type { SessionOptions } from '../options.ts'
import { SESSION_OPTIONS } from '../options-table.ts'
import { isValidSid, newSid } from '../session-id.ts'
import { SessionManager } from '../session-manager.ts'

/** The members of a Koa context that matter here. */
export interface KoaContext {
  readonly app: { emit(event: string, detail: unknown): boolean; readonly keys?: unknown }
  readonly method: string
  readonly originalUrl: string
  /** A header of the request; empty when it was not sent. */
  get(header: string): string
  readonly response: { get(header: string): unknown }
  readonly cookies: {
    get(name: string, options?: object): string | undefined
    set(name: string, value: string | null, options?: object): unknown
  }
}

/** A store as koa-session takes it; values may be promises. */
export interface KoaStore {
  get(key: string, maxAge: number | 'session' | undefined, about: object): unknown
  set(key: string, session: object, maxAge: number | 'session', about: object): unknown
  destroy(key: string, about: object): unknown
}

export interface KoaSessionOptions
  extends Partial<Omit<SessionOptions, (typeof REFUSED)[number] | 'genid' | 'rolling' | 'key'>> {
  /** Name of the cookie, default `koa.sess`. */
  key?: string | undefined
  /** Milliseconds, default one day; `'session'`: until the browser closes. */
  maxAge?: number | 'session' | undefined
  /** Default true. */
  autoCommit?: boolean | undefined
  overwrite?: boolean | undefined
  httpOnly?: boolean | undefined
  signed?: boolean | undefined
  secure?: boolean | undefined
  sameSite?: 'strict' | 'lax' | 'none' | boolean | null | undefined
  path?: string | undefined
  domain?: string | undefined
  /** Set the cookie on every response. */
  rolling?: boolean | undefined
  /** Set the cookie when less than half of its life is left. */
  renew?: boolean | undefined
  encode?: ((session: object) => string) | undefined
  decode?: ((text: string) => object) | undefined
  genid?: ((context: KoaContext) => string) | undefined
  /** Put before ids, unless `genid` is given. */
  prefix?: string | undefined
  valid?: ((context: KoaContext, session: object) => unknown) | undefined
  beforeSave?: ((context: KoaContext, session: object) => void) | undefined
  store?: KoaStore | undefined
  ContextStore?: (new (context: KoaContext) => KoaStore) | undefined
  externalKey?:
    | {
        get(context: KoaContext): string | undefined
        set(context: KoaContext, key: string): void
      }
    | undefined
}

/** `ctx.sessionOptions`: the options with defaults, a copy for each request. */
export interface ContextOptions extends KoaSessionOptions {
  key: string
  autoCommit: boolean
  overwrite: boolean
  httpOnly: boolean
  signed: boolean
  encode: (session: object) => string
  decode: (text: string) => object
  genid: (context: KoaContext) => string
}

export interface ParsedOptions {
  options: ContextOptions
  /** Undefined where a store of the application's own, or the cookie, holds the sessions. */
  manager: SessionManager | undefined
}

export const MAX_AGE_MS_DEFAULT = 86_400_000

/** Names that have koa-session's meaning here, whatever they mean to the session manager. */
const KOA_NAMES = [
  ...['key', 'maxAge', 'maxage', 'autoCommit', 'overwrite', 'httpOnly', 'signed', 'secure'],
  ...['sameSite', 'path', 'domain', 'rolling', 'renew', 'encode', 'decode', 'genid', 'prefix'],
  ...['valid', 'beforeSave', 'store', 'ContextStore', 'externalKey', 'hostPrefix'],
]

/** The session manager's options of a cookie that Koa writes, and of other bindings. */
const REFUSED = [
  'secret',
  'name',
  'cookie',
  'saveUninitialized',
  'resave',
  'unset',
  'proxy',
] as const

/** Throws for options that are wrong. */
export function parseKoaOptions(given: KoaSessionOptions): ParsedOptions {
  checkMethods('store', given.store, ['get', 'set', 'destroy'])
  checkMethods('externalKey', given.externalKey, ['get', 'set'])
  checkContextStore(given.ContextStore)
  const ours: Record<string, unknown> = {}
  const koa: Record<string, unknown> = {}
  const names = new Set(SESSION_OPTIONS.map(({ name }) => name))
  for (const [name, value] of Object.entries(given)) {
    if (REFUSED.some((refused) => refused === name))
      throw new TypeError(`option ${name} is not one of Koa's`)
    if (names.has(name) && !KOA_NAMES.includes(name)) ours[name] = value
    else if (value !== null || name !== 'sameSite') koa[name] = value
  }
  const options = withDefaults(koa)
  return { options, manager: managerOf(ours, options, given) }
}

function withDefaults(given: KoaSessionOptions): ContextOptions {
  const { prefix = '' } = given
  // As in koa-session `maxage` is another name; null means the default.
  const maxAge = given.maxAge ?? (Reflect.get(given, 'maxage') as KoaSessionOptions['maxAge'])
  return {
    ...given,
    ...(maxAge === undefined ? {} : { maxAge }),
    key: cookieName(given),
    autoCommit: given.autoCommit ?? true,
    overwrite: given.overwrite ?? true,
    httpOnly: given.httpOnly ?? true,
    signed: given.signed ?? true,
    encode: given.encode ?? encodeBase64,
    decode: given.decode ?? decodeBase64,
    genid: given.genid ?? (() => `${prefix}${randomUUID()}`),
  }
}

/** Throws TypeError for a cookie that browsers would not take under a name with the prefix. */
function cookieName({
  key = 'koa.sess',
  hostPrefix,
  path = '/',
  secure,
  domain,
}: KoaSessionOptions): string {
  if (hostPrefix !== true) return key
  checkHostPrefix({ path, secure, domain })
  return key.startsWith(HOST_PREFIX) ? key : HOST_PREFIX + key
}

function managerOf(
  ours: Record<string, unknown>,
  options: ContextOptions,
  given: KoaSessionOptions,
): SessionManager | undefined {
  const { memcachedNodes } = ours
  if (typeof memcachedNodes !== 'string') {
    const [name] = Object.keys(ours)
    if (name === undefined) return undefined
    throw new TypeError(`option ${name} needs memcachedNodes`)
  }
  if (options.store !== undefined || options.ContextStore !== undefined) {
    throw new TypeError('option store: sessions are kept by memcachedNodes, give only one of them')
  }
  const maxAge = options.maxAge ?? MAX_AGE_MS_DEFAULT
  return new SessionManager({
    ...ours,
    memcachedNodes,
    // Koa signs with its own keys; the manager's own cookie is never made.
    secret: randomBytes(32).toString('base64'),
    cookie: typeof maxAge === 'number' && maxAge > 0 ? { maxAge } : {},
    rolling: options.rolling ?? false,
    saveUninitialized: false,
    genid: managerGenid(given),
  })
}

function managerGenid({ genid, prefix }: KoaSessionOptions): SessionOptions['genid'] {
  if (genid !== undefined) return (context) => genid(context as KoaContext)
  if (prefix === undefined) return undefined
  if (!isValidSid(`${prefix}${newSid()}`)) {
    throw new TypeError('option prefix may hold letters, digits, "_", "-" and "~"')
  }
  return () => `${prefix}${newSid()}`
}

/** Throws in the words of koa-session. */
function checkMethods(option: string, value: unknown, methods: readonly string[]): void {
  if (value === undefined || value === null) return
  for (const method of methods) {
    if (typeof Reflect.get(Object(value), method) === 'function') continue
    throw new Error(`${option}.${method} must be function`)
  }
}

function checkContextStore(value: unknown): void {
  if (value === undefined || value === null) return
  if (typeof value !== 'function' || value.prototype === undefined) {
    throw new Error('ContextStore must be a class')
  }
  checkMethods('ContextStore.prototype', value.prototype, ['get', 'set', 'destroy'])
}

function encodeBase64(session: object): string {
  return Buffer.from(JSON.stringify(session)).toString('base64')
}

function decodeBase64(text: string): object {
  return JSON.parse(Buffer.from(text, 'base64').toString()) as object
}
