/*
 * `req.sessionStore` over the Holdfast engine: an express-session store whose sessions are the
 * engine's, for applications and libraries that look up or end other sessions.
 */
import { resolveCookie } from '../cookie.ts'
import { SessionGoneError } from '../errors.ts'
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

  /** The attributes of a session and its cookie; it is neither taken over nor renewed. */
  get(id: string, callback: LoadCallback): void {
    this.#manager.attributesOf(id).then(
      (attributes) => later(callback, null, attributes && this.#record(attributes)),
      (error: unknown) => later(callback, error),
    )
  }

  /** Stores attributes of a session that exists; an unknown id is an error. */
  set(id: string, record: StoredRecord, callback?: StoreCallback): void {
    this.#store(id, record).then(
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

  async #store(id: string, record: StoredRecord): Promise<void> {
    const { cookie: _cookie, ...attributes } = record
    const active = await this.#manager.loadById(id)
    try {
      if (active.isNew) throw new SessionGoneError()
      for (const name of Object.keys(active.attributes)) {
        if (!Object.hasOwn(attributes, name)) delete active.attributes[name]
      }
      Object.assign(active.attributes, attributes)
      await this.#manager.save(active)
    } finally {
      this.#manager.release(active)
    }
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
