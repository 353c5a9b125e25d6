/*
 * The session cookie on the wire: reading it from a Cookie header and writing Set-Cookie.
 *
 * Pure. Attributes and their order are express-session's, so both can serve one site during a
 * migration. Several cookies of one name may arrive (a parent domain, another path); all are
 * returned, in the order sent. What the value means is decided by `cookie-signer.ts`.
 */

/** Longest cookie value looked at; a longer one cannot be ours. */
export const COOKIE_VALUE_CHARS_MAX = 1024
/** Most cookies of the session's name that are looked at for one request. */
export const COOKIE_CANDIDATES_MAX = 8

export type SameSite = 'lax' | 'strict' | 'none'
export type CookiePriority = 'low' | 'medium' | 'high'

/** What a cookie says of itself, with everything decided. */
export interface SetCookieAttributes {
  path: string
  httpOnly: boolean
  secure: boolean
  sameSite: SameSite | undefined
  domain: string | undefined
  /** Life of the cookie in the browser in milliseconds; null: until the browser closes. */
  maxAgeMs: number | null
  partitioned: boolean
  priority: CookiePriority | undefined
}

/** The attributes as configured: some follow the connection of the request. */
export interface CookieAttributes extends Omit<SetCookieAttributes, 'secure' | 'sameSite'> {
  /** `'auto'`: secure when the request came over TLS. */
  secure: boolean | 'auto'
  /** `'auto'`: `none` when the request came over TLS, else `lax`. */
  sameSite: SameSite | 'auto' | undefined
}

/** Decides what follows the connection; `secure`: the request came over TLS. */
export function resolveCookie(cookie: CookieAttributes, secure: boolean): SetCookieAttributes {
  const bySecurity = secure ? 'none' : 'lax'
  return {
    ...cookie,
    secure: cookie.secure === 'auto' ? secure : cookie.secure,
    sameSite: cookie.sameSite === 'auto' ? bySecurity : cookie.sameSite,
  }
}

const NONE: readonly string[] = []

/** All values of cookies called `name` in the order sent, byte for byte as the browser sent them. */
export function rawCookies(header: string | undefined, name: string): readonly string[] {
  if (header === undefined) return NONE
  let values: string[] | undefined
  for (let at = header.indexOf(name); at !== -1; at = header.indexOf(name, at + 1)) {
    const valueAt = isCookieStart(header, at) ? valueStart(header, at + name.length) : -1
    if (valueAt === -1) continue
    const end = header.indexOf(';', valueAt)
    const raw = header.slice(valueAt, end === -1 ? undefined : end).trim()
    values ??= []
    values.push(raw.length > 1 && raw.startsWith('"') && raw.endsWith('"') ? raw.slice(1, -1) : raw)
    if (end === -1 || values.length === COOKIE_CANDIDATES_MAX) break
    at = end
  }
  return values ?? NONE
}

/** A value that is not URL-encoded is returned as it is. */
export function decodeCookieValue(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The Set-Cookie header value. */
export function serializeCookie(
  name: string,
  value: string,
  attributes: SetCookieAttributes,
  nowMs: number,
): string {
  const { domain, path, maxAgeMs, priority, sameSite } = attributes
  let text = `${name}=${encodeURIComponent(value)}`
  if (domain !== undefined) text += `; Domain=${domain}`
  text += `; Path=${path}`
  if (maxAgeMs !== null) text += `; Expires=${new Date(nowMs + maxAgeMs).toUTCString()}`
  if (attributes.httpOnly) text += '; HttpOnly'
  if (attributes.secure) text += '; Secure'
  if (attributes.partitioned) text += '; Partitioned'
  if (priority !== undefined) text += `; Priority=${PRIORITY[priority]}`
  if (sameSite !== undefined) text += `; SameSite=${SAME_SITE[sameSite]}`
  return text
}

const SAME_SITE = { lax: 'Lax', strict: 'Strict', none: 'None' } as const
const PRIORITY = { low: 'Low', medium: 'Medium', high: 'High' } as const

/** True at the start of the header and after a `;` and blanks. */
function isCookieStart(header: string, at: number): boolean {
  let before = at - 1
  while (before >= 0 && isBlank(header.charCodeAt(before))) before--
  return before < 0 || header[before] === ';'
}

/** Where the value begins after the name and its `=`, or -1. */
function valueStart(header: string, afterName: number): number {
  let at = afterName
  while (isBlank(header.charCodeAt(at))) at++
  return header[at] === '=' ? at + 1 : -1
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
