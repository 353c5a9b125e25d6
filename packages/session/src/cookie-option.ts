/*
 * The options that shape the cookie: `cookie` (express-session's names, as an object or a function
 * of the request), `name`, `secret` and `hostPrefix`, checked.
 *
 * Pure. Unknown members of `cookie` are refused like unknown options.
 */
import { KeyObject } from 'node:crypto'
import type { CookieAttributes, CookiePriority, SameSite } from './cookie.ts'
import type { CookieSecret } from './cookie-signer.ts'

/** The option `cookie`, as the application writes it. */
export interface CookieOption {
  path?: string | undefined
  httpOnly?: boolean | undefined
  secure?: boolean | 'auto' | undefined
  sameSite?: boolean | 'lax' | 'strict' | 'none' | 'auto' | undefined
  domain?: string | undefined
  /** Milliseconds; null: until the browser closes. */
  maxAge?: number | null | undefined
  expires?: Date | null | undefined
  partitioned?: boolean | undefined
  priority?: CookiePriority | undefined
}

export type CookieFunction = (request: unknown) => CookieAttributes

export interface CookieSettings {
  /** With a function: the defaults, for what no request is needed for. */
  cookie: CookieAttributes
  /** Undefined: the same for all requests. */
  cookieFor: CookieFunction | undefined
  cookieName: string
}

const NAMES = [
  'path',
  'httpOnly',
  'secure',
  'sameSite',
  'domain',
  'maxAge',
  'expires',
  'partitioned',
  'priority',
]

export const HOST_PREFIX = '__Host-'

/** Throws TypeError naming the option that is wrong. */
export function parseCookieOptions(given: ReadonlyMap<string, unknown>): CookieSettings {
  const cookie = given.get('cookie')
  const hostPrefix = given.get('hostPrefix') ?? false
  if (typeof hostPrefix !== 'boolean')
    throw new TypeError('option hostPrefix must be true or false')
  const check = (value: unknown): CookieAttributes => {
    const attributes = parseCookieOption(value)
    if (hostPrefix) checkHostPrefix(attributes)
    return attributes
  }
  const name = cookieNameOption(given)
  const cookieName = hostPrefix && !name.startsWith(HOST_PREFIX) ? HOST_PREFIX + name : name
  if (typeof cookie === 'function') {
    const cookieFor: CookieFunction = (request) => check(cookie(request))
    return { cookie: parseCookieOption(undefined), cookieFor, cookieName }
  }
  return { cookie: check(cookie), cookieFor: undefined, cookieName }
}

/** The option `cookie`, when it is an object. */
export function parseCookieOption(value: unknown): CookieAttributes {
  if (value !== undefined && (typeof value !== 'object' || value === null)) {
    throw new TypeError('option cookie must be an object or a function')
  }
  const given = new Map<string, unknown>(Object.entries(value ?? {}))
  for (const name of given.keys()) {
    if (!NAMES.includes(name)) {
      throw new TypeError(`unknown session option "cookie.${name}"; cookie has ${NAMES.join(', ')}`)
    }
  }
  return {
    path: textMember(given.get('path'), 'path') ?? '/',
    httpOnly: booleanMember(given.get('httpOnly'), 'httpOnly', true),
    secure:
      given.get('secure') === 'auto' ? 'auto' : booleanMember(given.get('secure'), 'secure', false),
    sameSite: sameSiteMember(given.get('sameSite')),
    domain: textMember(given.get('domain'), 'domain'),
    maxAgeMs: lifeMember(given),
    partitioned: booleanMember(given.get('partitioned'), 'partitioned', false),
    priority: priorityMember(given.get('priority')),
  }
}

/**
 * Why browsers would drop the cookie without a word, so that every request had a session of its
 * own; undefined: they keep it, or it is decided by request.
 */
export function droppedCookie({
  cookie,
  cookieFor,
  cookieName,
}: CookieSettings): string | undefined {
  if (cookieFor !== undefined || cookie.secure !== false) return undefined
  const asks = [
    { what: 'cookie.sameSite "none"', given: cookie.sameSite === 'none' },
    { what: 'cookie.partitioned', given: cookie.partitioned },
    { what: 'the name’s prefix', given: /^__(?:host|secure)-/i.test(cookieName) },
  ].filter(({ given }) => given)
  if (asks.length === 0) return undefined
  const what = asks.map((ask) => ask.what).join(', ')
  return `browsers drop the session cookie: ${what} needs cookie.secure`
}

/** The first signs, all verify. */
export function secretsOption(secret: unknown): CookieSecret[] {
  const list: unknown[] = Array.isArray(secret) ? secret : [secret]
  if (list.length === 0) {
    throw new TypeError('secret option array must contain one or more strings')
  }
  return list.map((one) => {
    if (typeof one === 'string' && one !== '') return one
    if (one instanceof Uint8Array && one.length > 0) return one
    if (one instanceof KeyObject && one.type === 'secret') return one
    throw new TypeError(
      'option secret is required: a string, a Buffer, a secret KeyObject or an array of them',
    )
  })
}

function cookieNameOption(given: ReadonlyMap<string, unknown>): string {
  // The alias `key` is express-session's.
  const value = given.get('name') ?? given.get('key')
  if (value === undefined) return 'connect.sid'
  if (typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(value)) return value
  throw new TypeError('option name must be a valid cookie name')
}

/** What browsers demand of a cookie whose name begins with `__Host-`. */
export function checkHostPrefix(cookie: {
  secure?: unknown
  path?: unknown
  domain?: unknown
}): void {
  const isHostOnly = cookie.secure === true && cookie.path === '/' && cookie.domain === undefined
  if (isHostOnly) return
  throw new TypeError('option hostPrefix needs cookie.secure true, cookie.path "/" and no domain')
}

function textMember(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && /^[\x20-\x3a\x3c-\x7e]+$/.test(value)) return value
  throw new TypeError(`option cookie.${name} must be text without ";"`)
}

function booleanMember(value: unknown, name: string, byDefault: boolean): boolean {
  if (value === undefined) return byDefault
  if (typeof value === 'boolean') return value
  throw new TypeError(`option cookie.${name} must be true or false`)
}

function sameSiteMember(value: unknown): SameSite | 'auto' | undefined {
  if (value === undefined || value === false) return undefined
  if (value === true) return 'strict'
  const text = typeof value === 'string' ? value.toLowerCase() : ''
  if (text === 'lax' || text === 'strict' || text === 'none' || text === 'auto') return text
  throw new TypeError(
    'option cookie.sameSite must be "lax", "strict", "none", "auto", true or false',
  )
}

function priorityMember(value: unknown): CookiePriority | undefined {
  if (value === undefined) return undefined
  const text = typeof value === 'string' ? value.toLowerCase() : ''
  if (text === 'low' || text === 'medium' || text === 'high') return text
  throw new TypeError('option cookie.priority must be "low", "medium" or "high"')
}

/** Of `maxAge` and `expires` the last one written is used, as in express-session. */
function lifeMember(given: ReadonlyMap<string, unknown>): number | null {
  let maxAgeMs: number | null = null
  for (const [name, value] of given) {
    if (name === 'maxAge') maxAgeMs = maxAgeMember(value)
    if (name === 'expires') maxAgeMs = expiresMember(value)
  }
  return maxAgeMs
}

function maxAgeMember(value: unknown): number | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
  throw new TypeError('option cookie.maxAge must be a positive number of milliseconds or null')
}

function expiresMember(value: unknown): number | null {
  if (value === undefined || value === null) return null
  if (value instanceof Date && !Number.isNaN(value.valueOf())) {
    return Math.max(1, value.valueOf() - Date.now())
  }
  throw new TypeError('option cookie.expires must be a Date or null')
}
