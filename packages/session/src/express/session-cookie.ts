/*
 * `session.Cookie`: the cookie of one session as express-session's applications know it, with
 * `maxAge` and `expires` as two ways to say the same thing.
 *
 * Its own enumerable properties, `data` and the JSON are express-session's, because stores keep
 * that JSON and third-party code reads it. Whatever is assigned is kept as it is; it is judged when
 * the cookie is written (`attributesOf`), with the messages of express-session's cookie library.
 */
import {
  type CookiePriority,
  type SameSite,
  type SetCookieAttributes,
  serializeCookie,
} from '../cookie.ts'

/** What a store keeps of a cookie. */
export interface CookieJson {
  originalMaxAge: number | null
  partitioned: boolean | undefined
  priority: string | undefined
  expires: Date | null
  secure: boolean | 'auto' | undefined
  httpOnly: boolean | undefined
  domain: string | undefined
  path: string
  sameSite: boolean | string | undefined
}

export class Cookie {
  // Declared only: the order of own properties is that of the assignments.
  declare path: string
  /** What `maxAge` and `expires` show; named as in express-session. */
  declare _expires: Date | null
  declare originalMaxAge: number | null
  declare httpOnly: boolean | undefined
  declare secure?: boolean | 'auto' | undefined
  declare sameSite?: boolean | string | undefined
  declare domain?: string | undefined
  declare partitioned?: boolean | undefined
  declare priority?: string | undefined

  /** Throws TypeError. */
  constructor(options?: object | null) {
    this.path = '/'
    this._expires = null
    this.originalMaxAge = null
    this.httpOnly = true
    if (options) {
      if (typeof options !== 'object') throw new TypeError('argument options must be a object')
      for (const name in options) {
        if (name !== 'data') Reflect.set(this, name, Reflect.get(options, name))
      }
    }
    if (this.originalMaxAge === undefined || this.originalMaxAge === null) {
      this.originalMaxAge = this.maxAge
    }
  }

  get expires(): Date | null {
    return this._expires
  }

  set expires(date: Date | null) {
    this._expires = date
    this.originalMaxAge = this.maxAge
  }

  /** Milliseconds until the browser drops the cookie; null: when it closes. */
  get maxAge(): number | null {
    const expires: unknown = this._expires
    if (expires instanceof Date) return expires.valueOf() - Date.now()
    return expires as number | null
  }

  /** Throws TypeError. */
  set maxAge(value: number | Date | null) {
    if (typeof value === 'number') {
      this._expires = new Date(Date.now() + value)
      this.originalMaxAge = value
      return
    }
    if (value && !(value instanceof Date)) throw new TypeError('maxAge must be a number or Date')
    this.expires = value
  }

  get data(): CookieJson {
    return {
      originalMaxAge: this.originalMaxAge,
      partitioned: this.partitioned,
      priority: this.priority,
      expires: this._expires,
      secure: this.secure,
      httpOnly: this.httpOnly,
      domain: this.domain,
      path: this.path,
      sameSite: this.sameSite,
    }
  }

  /** A Set-Cookie header value. Throws TypeError. */
  serialize(name: string, value: string): string {
    const nowMs = Date.now()
    return serializeCookie(name, value, attributesOf(this, nowMs), nowMs)
  }

  toJSON(): CookieJson {
    return this.data
  }
}

const DOMAIN = /^([.]?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)([.][a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i
const PATH = /^[\x20-\x3a\x3d-\x7e]*$/
const SAME_SITES: readonly unknown[] = ['lax', 'strict', 'none']
const PRIORITIES: readonly unknown[] = ['low', 'medium', 'high']

/** The attributes to write. Throws TypeError for what cannot be written. */
export function attributesOf(cookie: Cookie, nowMs: number): SetCookieAttributes {
  const { domain, path, _expires: expires } = cookie
  if (domain && !DOMAIN.test(domain)) throw new TypeError('option domain is invalid')
  if (path && !PATH.test(path)) throw new TypeError('option path is invalid')
  if (expires && (!(expires instanceof Date) || Number.isNaN(expires.valueOf()))) {
    throw new TypeError('option expires is invalid')
  }
  return {
    path: path || '/',
    domain: domain || undefined,
    maxAgeMs: expires ? expires.valueOf() - nowMs : null,
    httpOnly: Boolean(cookie.httpOnly),
    secure: Boolean(cookie.secure),
    partitioned: Boolean(cookie.partitioned),
    priority: priorityOf(cookie.priority),
    sameSite: sameSiteOf(cookie.sameSite),
  }
}

function priorityOf(value: unknown): CookiePriority | undefined {
  if (!value) return undefined
  const text = typeof value === 'string' ? value.toLowerCase() : value
  if (PRIORITIES.includes(text)) return text as CookiePriority
  throw new TypeError('option priority is invalid')
}

function sameSiteOf(value: unknown): SameSite | undefined {
  if (!value) return undefined
  if (value === true) return 'strict'
  const text = typeof value === 'string' ? value.toLowerCase() : value
  if (SAME_SITES.includes(text)) return text as SameSite
  throw new TypeError('option sameSite is invalid')
}

/** Configured attributes as members of a Cookie; as in express-session what is not set is not there. */
export function cookieMembers(configured: SetCookieAttributes): object {
  const { path, httpOnly, secure, sameSite, domain, partitioned, priority } = configured
  const members = { path, httpOnly }
  if (secure) Object.assign(members, { secure })
  if (partitioned) Object.assign(members, { partitioned })
  if (sameSite !== undefined) Object.assign(members, { sameSite })
  if (domain !== undefined) Object.assign(members, { domain })
  if (priority !== undefined) Object.assign(members, { priority })
  return members
}

/** A cookie as a store gave it: times are text in JSON, and `originalMaxAge` is what counts. */
export function cookieFromStore(stored: unknown): Cookie {
  if (typeof stored !== 'object' || stored === null) return new Cookie()
  const expires: unknown = Reflect.get(stored, 'expires')
  const originalMaxAge: unknown = Reflect.get(stored, 'originalMaxAge')
  const cookie = new Cookie(stored)
  if (typeof expires === 'string') cookie.expires = new Date(expires)
  cookie.originalMaxAge = originalMaxAge as number | null
  return cookie
}
