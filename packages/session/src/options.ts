/*
 * The options of the session manager: one table (`SESSION_OPTIONS`), from which the allowed
 * names, the defaults and docs/reference/session-options.md come, and `parseSessionOptions`,
 * which checks what the application passed.
 *
 * Pure. Names are those of memcached-session-manager and of express-session. An unknown name, a
 * wrong type or a contradiction is a TypeError when the application starts, never a surprise at
 * run time.
 */
import type { CookieAttributes } from './cookie.ts'
import { parseCookieOption } from './cookie-option.ts'
import {
  type EncodingOptions,
  type EncodingSettings,
  parseEncodingOptions,
} from './encoding-options.ts'
import { type LockOptions, type LockSettings, parseLockOptions } from './lock-options.ts'
import {
  type ObserveOptions,
  type ObserveSettings,
  parseObserveOptions,
} from './observe-options.ts'
import { booleanOption, integerOption, patternOption, timeoutOption } from './option-readers.ts'
import { SESSION_OPTIONS } from './options-table.ts'
import { isValidRoute } from './session-id.ts'
import { type NodeAddress, parseMemcachedNodes } from './store/memcached-nodes.ts'
import { parseStorageKeyPrefix } from './store/storage-key-prefix.ts'
import { parseStoreOptions, type StoreOptions, type StoreSettings } from './store-options.ts'
import { parseUserOptions, type UserOptions, type UserSettings } from './user-options.ts'

/** What a pino logger has; only these methods are called. */
export interface SessionLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface SessionOptions
  extends StoreOptions,
    LockOptions,
    EncodingOptions,
    UserOptions,
    ObserveOptions {
  memcachedNodes: string
  secret: string | readonly string[]
  sticky?: boolean | undefined
  jvmRoute?: string | undefined
  route?: string | undefined
  sessionBackupAsync?: boolean | undefined
  sessionBackupTimeout?: number | undefined
  operationTimeout?: number | undefined
  storeFailure?: 'degrade' | 'fail' | undefined
  requestUriIgnorePattern?: RegExp | string | undefined
  sessionAttributeFilter?: RegExp | string | undefined
  storageKeyPrefix?: string | undefined
  maxInactiveInterval?: number | undefined
  maxActiveSessions?: number | undefined
  enabled?: boolean | undefined
  name?: string | undefined
  cookie?:
    | {
        path?: string | undefined
        httpOnly?: boolean | undefined
        secure?: boolean | 'auto' | undefined
        sameSite?: boolean | 'lax' | 'strict' | 'none' | undefined
        domain?: string | undefined
        maxAge?: number | null | undefined
      }
    | undefined
  saveUninitialized?: boolean | undefined
  rolling?: boolean | undefined
  genid?: ((req: unknown) => string) | undefined
  logger?: SessionLogger | undefined
}

/** The options after checking, with every default filled in and units in the names. */
export interface SessionSettings
  extends StoreSettings,
    LockSettings,
    EncodingSettings,
    UserSettings,
    ObserveSettings {
  nodes: NodeAddress[]
  secrets: string[]
  sticky: boolean
  route: string | undefined
  backupAsync: boolean
  backupTimeoutMs: number
  operationTimeoutMs: number
  storeFailure: 'degrade' | 'fail'
  ignorePattern: RegExp | undefined
  attributeFilter: RegExp | undefined
  keyPrefix: string
  /** 0 or less: never expires. */
  maxInactiveSeconds: number
  /** -1: no limit. */
  maxActiveSessions: number
  enabled: boolean
  cookieName: string
  cookie: CookieAttributes
  saveUninitialized: boolean
  rolling: boolean
  genid: ((req: unknown) => string) | undefined
  logger: SessionLogger
}

/** Throws TypeError naming the option that is wrong. */
export function parseSessionOptions(options: unknown): SessionSettings {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError('session options must be an object')
  }
  const given = new Map<string, unknown>(Object.entries(options))
  checkNames([...given.keys()])
  const sticky = booleanOption(given, 'sticky', true)
  const cookie = parseCookieOption(given.get('cookie'))
  const settings: SessionSettings = {
    ...parseStoreOptions(given),
    ...parseLockOptions(given),
    ...parseEncodingOptions(given),
    ...parseUserOptions(given),
    ...parseObserveOptions(given),
    nodes: parseMemcachedNodes(given.get('memcachedNodes')),
    secrets: secretsOption(given.get('secret')),
    sticky,
    route: routeOption(given),
    backupAsync: booleanOption(given, 'sessionBackupAsync', sticky),
    backupTimeoutMs: timeoutOption(given, 'sessionBackupTimeout'),
    operationTimeoutMs: timeoutOption(given, 'operationTimeout'),
    storeFailure: storeFailureOption(given.get('storeFailure'), sticky),
    ignorePattern: patternOption(given, 'requestUriIgnorePattern'),
    attributeFilter: patternOption(given, 'sessionAttributeFilter'),
    keyPrefix: parseStorageKeyPrefix(given.get('storageKeyPrefix')),
    maxInactiveSeconds: integerOption(
      given,
      'maxInactiveInterval',
      cookie.maxAgeMs === null ? 1800 : Math.ceil(cookie.maxAgeMs / 1000),
    ),
    maxActiveSessions: integerOption(given, 'maxActiveSessions', -1),
    enabled: booleanOption(given, 'enabled', true),
    cookieName: cookieNameOption(given.get('name')),
    cookie,
    saveUninitialized: booleanOption(given, 'saveUninitialized', false),
    rolling: booleanOption(given, 'rolling', false),
    genid: genidOption(given.get('genid')),
    logger: loggerOption(given.get('logger')),
  }
  if (!settings.enabled && !sticky) {
    throw new TypeError('option enabled: false needs sticky: true, as the store is the only copy')
  }
  return settings
}

function checkNames(names: readonly string[]): void {
  const allowed = new Set(SESSION_OPTIONS.map((option) => option.name))
  for (const name of names) {
    if (allowed.has(name)) continue
    throw new TypeError(
      `unknown session option "${name}"; the options are ${[...allowed].join(', ')}`,
    )
  }
}

function secretsOption(secret: unknown): string[] {
  const list: unknown[] = Array.isArray(secret) ? secret : [secret]
  if (list.length === 0) {
    throw new TypeError('option secret: the array must contain one or more strings')
  }
  return list.map((one) => {
    if (typeof one === 'string' && one !== '') return one
    throw new TypeError('option secret is required: a non-empty string or an array of them')
  })
}

function routeOption(given: ReadonlyMap<string, unknown>): string | undefined {
  const { jvmRoute, route } = { jvmRoute: given.get('jvmRoute'), route: given.get('route') }
  if (jvmRoute !== undefined && route !== undefined && jvmRoute !== route) {
    throw new TypeError('options jvmRoute and route are one option: give only one of them')
  }
  const value = jvmRoute ?? route
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string' && isValidRoute(value)) return value
  throw new TypeError('option jvmRoute: at most 64 letters, digits, "_", "-", "~" or "."')
}

function storeFailureOption(value: unknown, sticky: boolean): 'degrade' | 'fail' {
  if (value === undefined) return sticky ? 'degrade' : 'fail'
  if (value === 'degrade' || value === 'fail') return value
  throw new TypeError('option storeFailure must be "degrade" or "fail"')
}

function cookieNameOption(value: unknown): string {
  if (value === undefined) return 'connect.sid'
  if (typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(value)) return value
  throw new TypeError('option name must be a valid cookie name')
}

function genidOption(value: unknown): ((req: unknown) => string) | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'function') throw new TypeError('genid option must be a function')
  return (req) => String(value(req))
}

function loggerOption(value: unknown): SessionLogger {
  if (value === undefined) return SILENT
  if (isLogger(value)) return value
  throw new TypeError('option logger must have the methods debug, info, warn and error')
}

function isLogger(value: unknown): value is SessionLogger {
  if (typeof value !== 'object' || value === null) return false
  const methods = new Map<string, unknown>(
    ['debug', 'info', 'warn', 'error'].map((name) => [name, Reflect.get(value, name)]),
  )
  return [...methods.values()].every((method) => typeof method === 'function')
}

const ignore = (): void => undefined
const SILENT: SessionLogger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
