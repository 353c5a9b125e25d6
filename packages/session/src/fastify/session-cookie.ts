/*
 * `request.session.cookie`: what the browser is told of the session's cookie, with
 * @fastify/session's members, and the Set-Cookie header made of it.
 *
 * `maxAge` is in milliseconds. Setting it sets `expires` and `originalMaxAge`, as in the original.
 */

/** The option `cookie`, and what `session.options()` takes. */
export interface CookieOptions {
  path?: string | undefined
  domain?: string | undefined
  httpOnly?: boolean | undefined
  /** `'auto'`: as the request came; default true. */
  secure?: boolean | 'auto' | undefined
  sameSite?: boolean | 'lax' | 'strict' | 'none' | null | undefined
  partitioned?: boolean | undefined
  priority?: 'low' | 'medium' | 'high' | undefined
  /** Milliseconds. */
  maxAge?: number | null | undefined
  expires?: Date | string | number | null | undefined
  /** As stored with a session; wins over `maxAge`. */
  originalMaxAge?: number | null | undefined
}

/** What is stored of a cookie by stores that keep whole sessions, express-session's form. */
export interface CookieJson {
  expires: Date | null
  originalMaxAge: number | null
  originalExpires: Date | undefined
  sameSite: boolean | string | null
  secure: boolean | null
  path: string
  httpOnly: boolean
  domain: string | null
  partitioned: boolean | undefined
}

export class SessionCookie {
  path: string
  secure: boolean | null
  sameSite: boolean | 'lax' | 'strict' | 'none' | null
  domain: string | null
  httpOnly: boolean
  partitioned: boolean | undefined
  priority: 'low' | 'medium' | 'high' | undefined
  /** Milliseconds; null: until the browser closes. */
  originalMaxAge: number | null
  /** When a stored session said that it expires. */
  originalExpires: Date | undefined
  #expires: Date | null = null

  /** The request is asked only for `secure: 'auto'`. */
  constructor(options: CookieOptions, request: { readonly isHttps: boolean }) {
    const maxAge = options.originalMaxAge || options.maxAge || null
    this.path = options.path || '/'
    this.secure = options.secure === 'auto' ? request.isHttps : (options.secure ?? null)
    this.sameSite = options.sameSite || null
    if (options.secure === 'auto' && !this.secure) this.sameSite = 'lax'
    this.domain = options.domain || null
    this.httpOnly = options.httpOnly ?? true
    this.partitioned = options.partitioned
    this.priority = options.priority
    this.originalMaxAge = null
    this.originalExpires = options.expires ? new Date(options.expires) : undefined
    if (maxAge !== null) this.maxAge = maxAge
    else if (this.originalExpires !== undefined) this.#expires = this.originalExpires
  }

  get expires(): Date | null {
    return this.#expires
  }

  set expires(value: Date | null) {
    this.#expires = value
  }

  get maxAge(): number | null {
    return this.#expires instanceof Date ? this.#expires.valueOf() - Date.now() : null
  }

  set maxAge(ms: number | null) {
    this.#expires = ms === null ? null : new Date(Date.now() + ms)
    this.originalMaxAge = ms
  }

  /** `expires` as far away as it was at first. */
  renew(): void {
    if (this.originalMaxAge) this.#expires = new Date(Date.now() + this.originalMaxAge)
  }

  toJSON(): CookieJson {
    return {
      expires: this.#expires,
      originalMaxAge: this.originalMaxAge,
      originalExpires: this.originalExpires,
      sameSite: this.sameSite,
      secure: this.secure,
      path: this.path,
      httpOnly: this.httpOnly,
      domain: this.domain,
      partitioned: this.partitioned,
    }
  }
}

/** The Set-Cookie header; `value` is URL-encoded. Throws TypeError for impossible attributes. */
export function serializeSessionCookie(name: string, value: string, cookie: SessionCookie): string {
  const { domain, path, expires, priority, sameSite } = cookie
  let text = `${name}=${value}`
  if (domain !== null) text += `; Domain=${checked('domain', domain)}`
  text += `; Path=${checked('path', path)}`
  if (expires !== null) text += `; Expires=${expires.toUTCString()}`
  if (cookie.httpOnly) text += '; HttpOnly'
  if (cookie.secure) text += '; Secure'
  if (cookie.partitioned) text += '; Partitioned'
  if (priority !== undefined) text += `; Priority=${PRIORITY[priority]}`
  if (sameSite) text += `; SameSite=${sameSite === true ? 'Strict' : SAME_SITE[sameSite]}`
  return text
}

/** The header that makes the browser drop the cookie, as @fastify/cookie's `clearCookie` writes it. */
export function serializeClearedCookie(name: string, { path, domain }: CookieOptions): string {
  const scope = domain ? `Domain=${domain}; Path=${path || '/'}` : `Path=${path || '/'}`
  return `${name}=; Max-Age=0; ${scope}; Expires=Thu, 01 Jan 1970 00:00:00 GMT; SameSite=Lax`
}

const SAME_SITE = { lax: 'Lax', strict: 'Strict', none: 'None' } as const
const PRIORITY = { low: 'Low', medium: 'Medium', high: 'High' } as const

function checked(name: string, value: string): string {
  if (value === '/' || /^[\x20-\x3a\x3c-\x7e]+$/.test(value)) return value
  throw new TypeError(`cookie ${name} is invalid: ${value}`)
}
