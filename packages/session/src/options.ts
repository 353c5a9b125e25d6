/*
 * The options of the session manager: one table (`SESSION_OPTIONS`), from which the allowed
 * names, the defaults and docs/reference/session-options.md come, and `parseSessionOptions`,
 * which checks what the application passed.
 *
 * Pure. Names are those of memcached-session-manager and of express-session. An unknown name, a
 * wrong type or a contradiction is a TypeError when the application starts, never a surprise at
 * run time.
 */
import {
  type CookieOption,
  type CookieSettings,
  droppedCookie,
  parseCookieOptions,
  secretsOption,
} from './cookie-option.ts'
import type { CookieSecret } from './cookie-signer.ts'
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
import { refusalOf } from './original-options.ts'
import { isValidRoute } from './session-id.ts'
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
  secret: CookieSecret | readonly CookieSecret[]
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
  key?: string | undefined
  /** A function is asked for each request. */
  // biome-ignore lint/suspicious/noExplicitAny: each framework has its own request
  cookie?: CookieOption | ((request: any) => CookieOption) | undefined
  hostPrefix?: boolean | undefined
  saveUninitialized?: boolean | undefined
  rolling?: boolean | undefined
  resave?: boolean | undefined
  unset?: 'keep' | 'destroy' | undefined
  proxy?: boolean | undefined
  genid?: ((req: unknown) => string) | undefined
  logger?: SessionLogger | undefined
}

/** The options after checking, with every default filled in and units in the names. */
export interface SessionSettings
  extends StoreSettings,
    LockSettings,
    EncodingSettings,
    UserSettings,
    ObserveSettings,
    CookieSettings {
  secrets: CookieSecret[]
  sticky: boolean
  route: string | undefined
  backupAsync: boolean
  backupTimeoutMs: number
  operationTimeoutMs: number
  storeFailure: 'degrade' | 'fail'
  ignorePattern: RegExp | undefined
  attributeFilter: RegExp | undefined
  /** 0 or less: never expires. */
  maxInactiveSeconds: number
  /** A session whose cookie was given a life of its own lives as long. */
  lifeFollowsCookie: boolean
  /** -1: no limit. */
  maxActiveSessions: number
  enabled: boolean
  saveUninitialized: boolean
  rolling: boolean
  /** `session = null` ends the session. */
  unsetDestroys: boolean
  /** Whether X-Forwarded-Proto is believed; undefined: as the framework judges. */
  trustProxy: boolean | undefined
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
  const cookieSettings = parseCookieOptions(given)
  const { maxAgeMs } = cookieSettings.cookie
  const settings: SessionSettings = {
    ...parseStoreOptions(given),
    ...parseLockOptions(given),
    ...parseEncodingOptions(given),
    ...parseUserOptions(given),
    ...parseObserveOptions(given),
    secrets: secretsOption(given.get('secret')),
    sticky,
    route: routeOption(given),
    backupAsync: booleanOption(given, 'sessionBackupAsync', sticky),
    backupTimeoutMs: timeoutOption(given, 'sessionBackupTimeout'),
    operationTimeoutMs: timeoutOption(given, 'operationTimeout'),
    storeFailure: storeFailureOption(given.get('storeFailure'), sticky),
    ignorePattern: patternOption(given, 'requestUriIgnorePattern'),
    attributeFilter: patternOption(given, 'sessionAttributeFilter'),
    lifeFollowsCookie: given.get('maxInactiveInterval') === undefined,
    maxInactiveSeconds: integerOption(
      given,
      'maxInactiveInterval',
      maxAgeMs === null ? 1800 : Math.ceil(maxAgeMs / 1000),
    ),
    maxActiveSessions: integerOption(given, 'maxActiveSessions', -1),
    enabled: booleanOption(given, 'enabled', true),
    ...cookieSettings,
    saveUninitialized: booleanOption(given, 'saveUninitialized', false),
    rolling: booleanOption(given, 'rolling', false),
    unsetDestroys: unsetOption(given.get('unset')),
    trustProxy: proxyOption(given.get('proxy')),
    genid: genidOption(given.get('genid')),
    logger: loggerOption(given.get('logger')),
  }
  if (booleanOption(given, 'resave', false)) {
    settings.logger.warn({}, 'option resave does nothing: sessions are renewed, not written again')
  }
  const dropped = droppedCookie(settings)
  if (dropped !== undefined) settings.logger.warn({}, dropped)
  if (!settings.enabled && !sticky) {
    throw new TypeError('option enabled: false needs sticky: true, as the store is the only copy')
  }
  return settings
}

function checkNames(names: readonly string[]): void {
  const allowed = new Set(SESSION_OPTIONS.map((option) => option.name))
  for (const name of names) {
    if (allowed.has(name)) continue
    const reason = refusalOf(name)
    if (reason !== undefined) throw new TypeError(`session option "${name}" is refused: ${reason}`)
    throw new TypeError(
      `unknown session option "${name}"; the options are ${[...allowed].join(', ')}`,
    )
  }
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

function unsetOption(value: unknown): boolean {
  if (value === undefined || value === 'keep') return false
  if (value === 'destroy') return true
  throw new TypeError('unset option must be "destroy" or "keep"')
}

function proxyOption(value: unknown): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value
  throw new TypeError('option proxy must be true, false or undefined')
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
