/*
 * `req.session` over the Holdfast engine: the attributes of a session as plain properties, with
 * express-session's members beside them.
 *
 * A proxy, because in sticky mode all requests of one user share one attributes object, while
 * cookie and methods belong to one request. It shows what a Session shows: `cookie` and the
 * attributes; `id`, `req` and the methods are hidden. Methods may be replaced (passport and others
 * do) without becoming attributes. One object and one proxy per request; the methods are shared and
 * find theirs by a symbol.
 */

import type { ActiveSession } from '../active-session.ts'
import { type CookieAttributes, resolveCookie } from '../cookie.ts'
import type { SessionExchange } from '../exchange/session-exchange.ts'
import { settled } from '../exchange/settled.ts'
import type { SessionUpdate } from '../users/atomic-update.ts'
import { isSecureRequest } from './request-facts.ts'
import { attributesOf, Cookie, cookieMembers } from './session-cookie.ts'
import { type RegenerateOptions, Session, type SessionCallback } from './session-object.ts'
import type { HttpSessionRequest } from './store-request.ts'

/** Where a request keeps its exchange. */
export const EXCHANGE: unique symbol = Symbol('holdfast.exchange')
const VIEW: unique symbol = Symbol('holdfast.view')

/** Members that are never attributes. */
const RESERVED: Record<string, true | undefined> = {
  __proto__: null as never,
  id: true,
  req: true,
  cookie: true,
  touch: true,
  resetMaxAge: true,
  save: true,
  reload: true,
  destroy: true,
  regenerate: true,
}

/** What Express's applications see of a session: puts it on the request, too. */
export function engineView(exchange: SessionExchange, active: ActiveSession): object {
  const request = exchange.request.raw as HttpSessionRequest
  const view = new EngineView(exchange, active, request)
  request.sessionID = active.id
  request.session = view.session
  return view.session
}

/** Brings what the request did to `req.session` into the exchange. Throws TypeError. */
export function syncExchange(exchange: SessionExchange, request: HttpSessionRequest): void {
  const session: unknown = request.session
  if (session === undefined || session === null) {
    exchange.session = undefined
    return
  }
  const view: unknown = Reflect.get(session as object, VIEW)
  if (view instanceof EngineView) view.syncCookie()
}

class EngineView implements ProxyHandler<Record<string, unknown>> {
  readonly exchange: SessionExchange
  readonly active: ActiveSession
  readonly request: HttpSessionRequest
  readonly session: object
  #cookie: Cookie | undefined
  #replaced: Map<string, unknown> | undefined
  #admitted: boolean

  constructor(exchange: SessionExchange, active: ActiveSession, request: HttpSessionRequest) {
    this.exchange = exchange
    this.active = active
    this.request = request
    this.#admitted =
      !active.isNew || active.detached || Object.keys(active.watch.watched).length > 0
    this.session = new Proxy(active.watch.watched, this)
  }

  get(target: Record<string, unknown>, name: string | symbol): unknown {
    if (typeof name === 'symbol') return name === VIEW ? this : Reflect.get(target, name)
    this.active.accessed = true
    if (RESERVED[name]) return this.#member(name)
    const value = target[name]
    if (typeof value === 'object') this.active.watch.handOut(name, value)
    if (value !== undefined || Object.hasOwn(target, name)) return value
    return Reflect.get(METHODS, name, this.session)
  }

  set(target: Record<string, unknown>, name: string | symbol, value: unknown): boolean {
    if (typeof name === 'string' && RESERVED[name]) return this.#assign(name, value)
    this.#admit(name, value)
    if (name !== '__proto__') return Reflect.set(target, name, value)
    // From `Object.assign(req.session, req.body)`: an attribute, not what all attributes inherit.
    const attribute = { value, writable: true, enumerable: true, configurable: true }
    return Reflect.defineProperty(target, name, attribute)
  }

  /** The attributes are shared by requests, and stored without what they inherit. */
  setPrototypeOf(): boolean {
    return true
  }

  defineProperty(
    target: Record<string, unknown>,
    name: string | symbol,
    descriptor: PropertyDescriptor,
  ): boolean {
    if (typeof name === 'string' && RESERVED[name] && 'value' in descriptor) {
      return this.#assign(name, descriptor.value) && descriptor.configurable !== false
    }
    this.#admit(name, descriptor.value)
    if (descriptor.get !== undefined) this.active.watch.lose()
    return Reflect.defineProperty(target, name, descriptor)
  }

  deleteProperty(target: Record<string, unknown>, name: string | symbol): boolean {
    this.active.accessed = true
    this.active.watch.changed()
    if (typeof name === 'string') this.#replaced?.delete(name)
    return Reflect.deleteProperty(target, name)
  }

  has(target: Record<string, unknown>, name: string | symbol): boolean {
    this.active.accessed = true
    return (typeof name === 'string' && RESERVED[name] === true) || Reflect.has(target, name)
  }

  ownKeys(target: Record<string, unknown>): (string | symbol)[] {
    this.active.accessed = true
    return ['cookie', ...Reflect.ownKeys(target).filter((name) => name !== 'cookie')]
  }

  getOwnPropertyDescriptor(
    target: Record<string, unknown>,
    name: string | symbol,
  ): PropertyDescriptor | undefined {
    this.active.accessed = true
    if (name !== 'cookie') return this.#attribute(target, name)
    return { value: this.cookie, writable: true, enumerable: true, configurable: true }
  }

  getPrototypeOf(): object {
    return Session.prototype
  }

  /** Made when it is first looked at. */
  get cookie(): Cookie {
    if (this.#cookie !== undefined) return this.#cookie
    const { trustProxy } = this.exchange.manager.settings
    const secure = isSecureRequest(this.request, trustProxy)
    const cookie = new Cookie(cookieMembers(resolveCookie(this.exchange.cookie, secure)))
    cookie.maxAge = this.exchange.cookieMaxAgeMs
    this.#cookie = cookie
    return cookie
  }

  /** What the application did to the cookie; its life is part of the session. Throws TypeError. */
  syncCookie(): void {
    const cookie = this.#cookie
    if (cookie === undefined) return
    const { exchange, active } = this
    const { originalMaxAge } = cookie
    const maxAgeMs = typeof originalMaxAge === 'number' ? originalMaxAge : null
    if (maxAgeMs === exchange.manager.settings.cookie.maxAgeMs) delete active.cookie.maxAgeMs
    else active.cookie.maxAgeMs = maxAgeMs
    const attributes: CookieAttributes = attributesOf(cookie, Date.now())
    exchange.cookie = { ...attributes, maxAgeMs: exchange.cookie.maxAgeMs }
  }

  #member(name: string): unknown {
    const replaced = this.#replaced?.get(name)
    if (replaced !== undefined) return replaced
    if (name === 'cookie') return this.cookie
    if (name === 'id') return this.active.id
    if (name === 'req') return this.request
    return Reflect.get(METHODS, name)
  }

  #assign(name: string, value: unknown): boolean {
    this.active.accessed = true
    if (name === 'id' || name === 'req') return false
    if (name === 'cookie') {
      this.#cookie = value instanceof Cookie ? value : new Cookie(value as object)
      return true
    }
    this.#replaced ??= new Map()
    this.#replaced.set(name, value)
    return true
  }

  #attribute(
    target: Record<string, unknown>,
    name: string | symbol,
  ): PropertyDescriptor | undefined {
    const descriptor = Reflect.getOwnPropertyDescriptor(target, name)
    if (typeof name === 'string') this.active.watch.handOut(name, descriptor?.value)
    return descriptor
  }

  #admit(name: string | symbol, value: unknown): void {
    this.active.accessed = true
    this.active.watch.changed()
    if (typeof name === 'string') this.active.watch.handOut(name, value)
    if (this.#admitted || typeof name === 'symbol') return
    this.exchange.manager.admit()
    this.#admitted = true
  }
}

/** `this` is the session that the application called. */
const METHODS = {
  __proto__: null as never,

  save(this: object, callback?: SessionCallback): Promise<void> | undefined {
    const view = viewOf(this)
    view.syncCookie()
    const { exchange, active } = view
    const saved = exchange.manager.save(active)
    return answer(saved, callback)
  },

  reload(this: object, callback?: SessionCallback): Promise<void> | undefined {
    const { exchange, active } = viewOf(this)
    return answer(exchange.manager.reload(active), callback)
  },

  destroy(this: object, callback?: SessionCallback): object | Promise<void> {
    const { exchange, active, request } = viewOf(this)
    // A session that was kept from before a regenerate is no longer the exchange's.
    const isCurrent = exchange.active === active
    if (isCurrent) Reflect.deleteProperty(request, 'session')
    return (
      answer(isCurrent ? exchange.destroy() : exchange.manager.destroy(active), callback) ?? this
    )
  },

  regenerate(
    this: object,
    options?: RegenerateOptions | SessionCallback,
    callback?: SessionCallback,
  ): object | Promise<void> {
    const { exchange } = viewOf(this)
    const isCallback = typeof options === 'function'
    const regenerated = exchange.regenerate(isCallback ? {} : options)
    return answer(regenerated, isCallback ? options : callback) ?? this
  },

  touch(this: object): object {
    return METHODS.resetMaxAge.call(this)
  },

  resetMaxAge(this: object): object {
    const { cookie } = viewOf(this)
    cookie.maxAge = cookie.originalMaxAge
    return this
  },

  /** No lost update: the function may run again when another writer was faster. */
  update<T>(this: object, change: SessionUpdate<T>): Promise<T> {
    const { exchange, active } = viewOf(this)
    active.accessed = true
    return exchange.manager.updateActive(active, change)
  },

  get degraded(): boolean {
    return viewOf(this).active.degraded === true
  },
}

function viewOf(session: object): EngineView {
  const view: unknown = Reflect.get(session, VIEW)
  if (view instanceof EngineView) return view
  throw new TypeError('a method of a session was called without it')
}

/**
 * Tells the callback, in a turn of its own: what it throws is the application's. Without one the
 * promise is returned; nobody has to look at it, as `save()` alone is a common thing to write.
 */
function answer(
  work: Promise<void>,
  callback: SessionCallback | undefined,
): Promise<void> | undefined {
  if (typeof callback === 'function') return settled(work, callback)
  work.catch(() => undefined)
  return work
}
