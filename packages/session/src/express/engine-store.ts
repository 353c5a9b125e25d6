/*
 * `req.sessionStore` over the Holdfast engine: an express-session store whose sessions are the
 * engine's, for applications and libraries that look up or end other sessions.
 */
import { resolveCookie } from '../cookie.ts'
import { replaceAttributes } from '../encoding/merge.ts'
import { SessionExchange } from '../exchange/session-exchange.ts'
import type { SessionManager } from '../session-manager.ts'
import { EXCHANGE } from './engine-session.ts'
import { Cookie, cookieMembers } from './session-cookie.ts'
import type { SessionRequest } from './session-object.ts'
import { Store } from './store.ts'
import type { LoadCallback, SessionStoreLike, StoreCallback, StoredRecord } from './store-like.ts'

export class EngineStore extends Store implements SessionStoreLike {
  readonly #manager: SessionManager

  constructor(manager: SessionManager) {
    super()
    this.#manager = manager
  }

  /** The attributes of a session and its cookie; to look at them is no use of the session. */
  get(id: string, callback: LoadCallback): void {
    this.#manager.read(id).then(
      (attributes) => later(callback, null, attributes && this.#record(attributes)),
      (error: unknown) => later(callback, error),
    )
  }

  /** Puts attributes in the place of a session's; an unknown id is an error. */
  set(id: string, record: StoredRecord, callback?: StoreCallback): void {
    const { cookie: _cookie, ...attributes } = record
    const replaced = this.#manager.update(id, (stored) => replaceAttributes(stored, attributes))
    replaced.then(
      () => later(callback),
      (error: unknown) => later(callback, error),
    )
  }

  /** Renews the life of a session; what is stored stays as it is. */
  touch(id: string, _record: unknown, callback?: StoreCallback): void {
    this.#manager.touch(id).then(
      () => later(callback),
      (error: unknown) => later(callback, error),
    )
  }

  destroy(id: string, callback?: StoreCallback): void {
    this.#manager.destroyById(id).then(
      () => later(callback),
      (error: unknown) => later(callback, error),
    )
  }

  /** Puts a new session in the place of the request's. */
  override regenerate(request: SessionRequest, callback: StoreCallback): void {
    exchangeOf(request)
      .regenerate()
      .then(
        () => later(callback),
        (error: unknown) => later(callback, error),
      )
  }

  /** Gives the request a new session; one that it has ends. */
  override generate(request: SessionRequest): void {
    const exchange = exchangeOf(request)
    exchange.regenerate().catch((error: unknown) => exchange.report(error))
  }

  #record(attributes: Record<string, unknown>): StoredRecord {
    const { cookie } = this.#manager.settings
    const members = cookieMembers(resolveCookie(cookie, false))
    return { ...attributes, cookie: new Cookie({ ...members, maxAge: cookie.maxAgeMs }).toJSON() }
  }
}

function exchangeOf(request: SessionRequest): SessionExchange {
  const exchange: unknown = Reflect.get(request, EXCHANGE)
  if (exchange instanceof SessionExchange) return exchange
  throw new TypeError('the request did not pass the session middleware')
}

function later(callback: ((...args: never[]) => void) | undefined, ...args: unknown[]): void {
  if (callback !== undefined) process.nextTick(callback as (...args: unknown[]) => void, ...args)
}
