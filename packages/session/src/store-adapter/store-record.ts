/*
 * The cookie of a session record: what is stored of it, what is handed out, and how long it lets
 * the session live. Pure.
 *
 * The end of the cookie is not stored: it moves with each request, and what is in the store has
 * not ended. It is made anew from the cookie's life when the record is handed out.
 */
import { createHash } from 'node:crypto'

/** The longest key of memcached is 250 bytes; the prefix needs some. */
const PLAIN_ID = /^[\x21-\x7e]{1,200}$/

/** The store key of a session id; an id that cannot be a key is stored under its hash. */
export function keyOf(prefix: string, id: string): string {
  if (PLAIN_ID.test(id)) return prefix + id
  return prefix + createHash('sha256').update(id).digest('hex')
}

/** The members of a cookie that are stored. */
export function storedCookie(cookie: unknown): Record<string, unknown> {
  const { expires: _expires, ...stored } = membersOf(cookie)
  return stored
}

/** The cookie of a stored session, as stores of express-session hand it out: times are text. */
export function recordCookie(stored: unknown, nowMs: number): Record<string, unknown> {
  const members = membersOf(stored)
  const { originalMaxAge } = members
  const isBounded = typeof originalMaxAge === 'number'
  const expires = isBounded ? new Date(nowMs + originalMaxAge).toISOString() : null
  return { originalMaxAge: null, ...members, expires }
}

/** Seconds that a session is kept; 0 or less: its cookie has ended. */
export function recordTtlSeconds(session: object, byDefaultSeconds: number, nowMs: number): number {
  const { expires } = membersOf(Reflect.get(session, 'cookie'))
  if (typeof expires !== 'string' && !(expires instanceof Date)) return byDefaultSeconds
  const leftMs = new Date(expires).valueOf() - nowMs
  return Number.isNaN(leftMs) ? byDefaultSeconds : Math.ceil(leftMs / 1000)
}

function membersOf(cookie: unknown): Record<string, unknown> {
  if (typeof cookie !== 'object' || cookie === null) return {}
  const toJSON: unknown = Reflect.get(cookie, 'toJSON')
  const json: unknown = typeof toJSON === 'function' ? Reflect.apply(toJSON, cookie, []) : cookie
  const members: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(json as object)) {
    if (value !== undefined && name !== '_holdfast') members[name] = value
  }
  return members
}
