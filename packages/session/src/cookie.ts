/*
 * The session cookie: reading it from a Cookie header, signing, verifying, and writing Set-Cookie.
 *
 * Pure. The value is byte for byte what express-session makes (`s:` + id + `.` + HMAC-SHA256 in
 * base64 without padding, then URL-encoded), so both can serve one site during a migration. The
 * signature is split off at the LAST dot, because ids end in `.route`. Several cookies of one
 * name may arrive (a parent domain, another path): the first that verifies wins.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** Longest cookie value looked at; a longer one cannot be ours. */
export const COOKIE_VALUE_CHARS_MAX = 1024
/** Most cookies of the session's name that are verified for one request. */
export const COOKIE_CANDIDATES_MAX = 8

export interface CookieAttributes {
  path: string
  httpOnly: boolean
  /** `'auto'`: secure when the request came over TLS. */
  secure: boolean | 'auto'
  sameSite: 'lax' | 'strict' | 'none' | undefined
  domain: string | undefined
  /** Life of the cookie in the browser in milliseconds; null: until the browser closes. */
  maxAgeMs: number | null
}

/** The signed cookie value, not yet URL-encoded. */
export function signSessionId(id: string, secret: string): string {
  return `s:${id}.${signature(id, secret)}`
}

/** The id inside a signed value, or undefined when no secret verifies it. */
export function unsignSessionId(value: string, secrets: readonly string[]): string | undefined {
  if (!value.startsWith('s:') || value.length > COOKIE_VALUE_CHARS_MAX) return undefined
  const dot = value.lastIndexOf('.')
  if (dot <= 2) return undefined
  const id = value.slice(2, dot)
  const given = Buffer.from(value.slice(dot + 1))
  for (const secret of secrets) {
    const expected = Buffer.from(signature(id, secret))
    if (expected.length === given.length && timingSafeEqual(expected, given)) return id
  }
  return undefined
}

/** All decoded values of cookies called `name`, in the order sent. */
export function readCookies(header: string | undefined, name: string): string[] {
  const values: string[] = []
  if (header === undefined) return values
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals === -1 || pair.slice(0, equals).trim() !== name) continue
    const raw = pair.slice(equals + 1).trim()
    const unquoted = raw.startsWith('"') && raw.endsWith('"') ? raw.slice(1, -1) : raw
    values.push(decoded(unquoted))
    if (values.length === COOKIE_CANDIDATES_MAX) break
  }
  return values
}

/** The Set-Cookie header value. `secure: 'auto'` must have been resolved by the caller. */
export function serializeCookie(
  name: string,
  value: string,
  attributes: CookieAttributes & { secure: boolean },
  nowMs: number,
): string {
  let text = `${name}=${encodeURIComponent(value)}`
  if (attributes.domain !== undefined) text += `; Domain=${attributes.domain}`
  text += `; Path=${attributes.path}`
  if (attributes.maxAgeMs !== null) {
    text += `; Expires=${new Date(nowMs + attributes.maxAgeMs).toUTCString()}`
  }
  if (attributes.httpOnly) text += '; HttpOnly'
  if (attributes.secure) text += '; Secure'
  if (attributes.sameSite !== undefined) text += `; SameSite=${SAME_SITE[attributes.sameSite]}`
  return text
}

const SAME_SITE = { lax: 'Lax', strict: 'Strict', none: 'None' } as const

function signature(id: string, secret: string): string {
  return createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '')
}

function decoded(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
