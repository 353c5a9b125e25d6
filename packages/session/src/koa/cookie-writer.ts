/*
 * The session cookie by `ctx.cookies`, which signs with `app.keys`: the same cookies as
 * koa-session's.
 */
import { RecentValues } from '../recent-values.ts'
import type { ContextOptions, KoaContext } from './koa-options.ts'

/** Most Cookie headers remembered for an application; about 500 bytes each. */
const HEADERS_MAX = 10_000
/** A longer header is not remembered. */
const HEADER_CHARS_MAX = 2048

interface ReadCookie {
  /** The keys it was verified with. */
  readonly keys: unknown
  readonly value: string
}

/** By application: what its visitors' headers hold, so that one who comes back costs no HMAC. */
const read = new WeakMap<object, RecentValues<ReadCookie>>()

/** The key, or the data, that the cookie or the application's `externalKey` holds. */
export function readKey(context: KoaContext, options: ContextOptions): string | undefined {
  const { externalKey } = options
  return externalKey === undefined ? readCookie(context, options) : externalKey.get(context)
}

function readCookie(context: KoaContext, options: ContextOptions): string | undefined {
  const header = context.get('cookie')
  if (header === '' || header.length > HEADER_CHARS_MAX) return verifiedCookie(context, options)
  const text = `${options.key} ${options.signed} ${header}`
  const keys = markOf(context.app.keys)
  const recent = recentOf(context.app)
  const known = recent.get(text)
  if (known !== undefined && known.keys === keys) return known.value
  const before = context.response.get('set-cookie')
  const value = verifiedCookie(context, options)
  // A cookie that an older key signed is signed anew, each time.
  const isFirstKey = context.response.get('set-cookie') === before
  if (value !== undefined && isFirstKey) recent.set(text, { keys, value })
  return value
}

function verifiedCookie(context: KoaContext, options: ContextOptions): string | undefined {
  return context.cookies.get(options.key, cookieOptions(options))
}

function recentOf(app: object): RecentValues<ReadCookie> {
  const known = read.get(app)
  if (known !== undefined) return known
  const recent = new RecentValues<ReadCookie>(HEADERS_MAX)
  read.set(app, recent)
  return recent
}

/** Equal as long as the keys are; an application may change them while it runs. */
function markOf(keys: unknown): unknown {
  return Array.isArray(keys) ? keys.join('\n') : keys
}

export function writeKey(context: KoaContext, options: ContextOptions, value: string): void {
  if (options.externalKey === undefined) writeCookie(context, options, value)
  else options.externalKey.set(context, value)
}

export function writeCookie(context: KoaContext, options: ContextOptions, value: string): void {
  context.cookies.set(options.key, value, cookieOptions(options))
}

export function expireCookie(context: KoaContext, options: ContextOptions): void {
  context.cookies.set(options.key, '', {
    ...cookieOptions(options),
    expires: new Date(0),
    maxAge: false,
  })
}

/** `cookies` copies what it is given onto its cookie: functions are no business of it. */
function cookieOptions(options: ContextOptions): object {
  const given = Object.entries(options).filter(([, value]) => typeof value !== 'function')
  const forCookie = Object.fromEntries(given)
  for (const name of ['store', 'externalKey', 'key', 'encode', 'decode']) delete forCookie[name]
  if (options.maxAge === 'session') forCookie.maxAge = undefined
  return forCookie
}
