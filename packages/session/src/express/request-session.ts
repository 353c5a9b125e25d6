/*
 * `req.session`: the attributes of a session as plain properties, and express-session's methods
 * beside them.
 *
 * A proxy, because in sticky mode all requests of one user share one attributes object, while the
 * methods belong to one request. Only attributes are enumerable, so `Object.keys`, JSON and
 * spread see the application's own data. Methods may be replaced (passport and others do) without
 * becoming attributes.
 */
import type { ActiveSession } from '../active-session.ts'
import type { CookieAttributes } from '../cookie.ts'

export type SessionCallback = (error?: unknown) => void

/** `session.cookie`: what the browser will be told. Only the life of the cookie can be changed. */
export interface RequestCookie {
  readonly path: string
  readonly httpOnly: boolean
  readonly secure: boolean | 'auto'
  readonly sameSite: 'lax' | 'strict' | 'none' | 'auto' | undefined
  readonly domain: string | undefined
  readonly originalMaxAge: number | null
  /** Milliseconds; null: until the browser closes. */
  maxAge: number | null
  expires: Date | null
}

/** What a session does besides holding attributes. */
export interface SessionMethods {
  readonly id: string
  readonly cookie: RequestCookie
  /** Stores now. Without a callback the result is a promise. */
  save(callback?: SessionCallback): Promise<void>
  reload(callback?: SessionCallback): Promise<void>
  destroy(callback?: SessionCallback): SessionMethods
  /** Ends this session and puts an empty one with a new id in its place. */
  regenerate(callback?: SessionCallback): SessionMethods
  touch(): SessionMethods
  resetMaxAge(): SessionMethods
}

/** Called before the first attribute of a session is set. */
export type Admit = () => void

export function requestSession(
  active: ActiveSession,
  methods: Map<string, unknown>,
  admit: Admit,
): object {
  const { attributes } = active
  let admitted = !active.isNew || active.detached || Object.keys(attributes).length > 0
  const define = (name: string | symbol, define: () => boolean): boolean => {
    if (!admitted && typeof name === 'string') {
      admit()
      admitted = true
    }
    return define()
  }
  return new Proxy(attributes, {
    get: (target, name) =>
      typeof name === 'string' && methods.has(name) ? methods.get(name) : Reflect.get(target, name),
    has: (target, name) =>
      (typeof name === 'string' && methods.has(name)) || Reflect.has(target, name),
    set: (target, name, value) => {
      if (name === 'id' || name === 'cookie') return false
      if (typeof name === 'string' && methods.has(name)) {
        methods.set(name, value)
        return true
      }
      return define(name, () => Reflect.set(target, name, value))
    },
    defineProperty: (target, name, descriptor) => {
      if (typeof name === 'string' && methods.has(name) && 'value' in descriptor) {
        methods.set(name, descriptor.value)
        return descriptor.configurable !== false
      }
      return define(name, () => Reflect.defineProperty(target, name, descriptor))
    },
  })
}

export function requestCookie(active: ActiveSession, configured: CookieAttributes): RequestCookie {
  const { path, httpOnly, secure, sameSite, domain, maxAgeMs } = configured
  const overrides = active.cookie
  return {
    path,
    httpOnly,
    secure,
    sameSite,
    domain,
    originalMaxAge: maxAgeMs,
    get maxAge() {
      return overrides.maxAgeMs === undefined ? maxAgeMs : overrides.maxAgeMs
    },
    set maxAge(value) {
      if (value !== null && typeof value !== 'number') {
        throw new TypeError('maxAge must be a number or null')
      }
      if (value === maxAgeMs) delete overrides.maxAgeMs
      else overrides.maxAgeMs = value
    },
    get expires() {
      return this.maxAge === null ? null : new Date(Date.now() + this.maxAge)
    },
    set expires(value) {
      this.maxAge = value === null ? null : value.getTime() - Date.now()
    },
  }
}
