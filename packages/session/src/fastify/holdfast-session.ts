/*
 * Sessions of the plugin kept by Holdfast's session manager: a thin layer over SessionExchange.
 *
 * It also offers the manager as `request.sessionStore`, in the callback form that code written for
 * @fastify/session expects. A `set` there never makes an id that the store does not know.
 */
import { SessionGoneError } from '../errors.ts'
import { SessionExchange } from '../exchange/session-exchange.ts'
import { type Shown, setOwn } from '../exchange/shown-attributes.ts'
import type { SessionManager } from '../session-manager.ts'
import type { SessionUpdate } from '../users/atomic-update.ts'
import type { HeldSession, SessionKeeper, SessionStoreMethods } from './held-session.ts'
import { type CookieOptions, SessionCookie } from './session-cookie.ts'

/** The members of a Fastify request, or of an object in its place, that matter here. */
interface RequestLike {
  raw?: { method?: string; url?: string; headers?: { upgrade?: string } } | undefined
}

export class HoldfastKeeper implements SessionKeeper {
  readonly manager: SessionManager
  readonly store: SessionStoreMethods
  readonly #cookie: CookieOptions

  constructor(manager: SessionManager, cookie: CookieOptions) {
    this.manager = manager
    this.store = callbackStore(manager, cookie)
    this.#cookie = cookie
  }

  open(id: string | undefined, request: object): HeldSession | Promise<HeldSession> {
    const { raw }: RequestLike = request
    const facts = {
      cookieHeader: undefined,
      method: raw?.method ?? 'GET',
      url: raw?.url ?? '/',
      raw: request,
      // Of other objects and of upgraded connections nothing tells when they are done.
      mayLock: raw?.method !== undefined && raw.headers?.upgrade === undefined,
    }
    const opened = SessionExchange.openById(this.manager, facts, id, noView)
    if (!(opened instanceof Promise)) return new HoldfastSession(opened, this.#cookie)
    return opened.then((exchange) => new HoldfastSession(exchange, this.#cookie))
  }

  close(): Promise<void> {
    return this.manager.close()
  }
}

class HoldfastSession implements HeldSession {
  readonly #exchange: SessionExchange
  readonly #configured: CookieOptions
  /** Only where there is no store: the content when the application first saw it. */
  #before: string | undefined
  #wasChanged = false

  constructor(exchange: SessionExchange, configured: CookieOptions) {
    this.#exchange = exchange
    this.#configured = configured
  }

  get id(): string {
    return this.#exchange.id
  }

  get isNew(): boolean {
    return this.#exchange.active.isNew
  }

  get isDegraded(): boolean {
    return Boolean(this.#exchange.active.degraded)
  }

  get isDetached(): boolean {
    return this.#exchange.active.detached
  }

  get attributes(): Shown {
    return this.#exchange.active.attributes
  }

  get cookie(): CookieOptions | undefined {
    const { maxAgeMs } = this.#exchange.active.cookie
    return maxAgeMs === undefined ? undefined : { ...this.#configured, maxAge: maxAgeMs }
  }

  get isCookieDue(): boolean {
    return this.#exchange.isCookieDue || this.#wasChanged
  }

  access(): void {
    this.#exchange.active.accessed = true
    if (!this.#hasStore) this.#before = contentOf(this.attributes)
  }

  keepCookie({ originalMaxAge }: SessionCookie): void {
    const overrides = this.#exchange.active.cookie
    const configured = this.#configured.maxAge || null
    if (originalMaxAge !== configured) overrides.maxAgeMs = originalMaxAge
    else if (overrides.maxAgeMs !== undefined) delete overrides.maxAgeMs
  }

  admit(): void {
    this.#exchange.manager.admit()
  }

  isChanged(): boolean {
    if (!this.#hasStore) {
      return this.#before !== undefined && this.#before !== contentOf(this.attributes)
    }
    return this.#exchange.manager.isChanged(this.#exchange.active)
  }

  beforeHead(): Promise<void> | undefined {
    this.#wasChanged = !this.#hasStore && this.isChanged()
    return this.#exchange.beforeHead()
  }

  beforeEnd(): Promise<void> | undefined {
    return this.#exchange.beforeEnd()
  }

  async save(): Promise<void> {
    await this.#exchange.save()
    if (!this.#hasStore) this.#before = contentOf(this.attributes)
  }

  reload(): Promise<void> {
    return this.#exchange.reload()
  }

  update<T>(change: SessionUpdate<T>): Promise<T> {
    return this.#exchange.update(change)
  }

  destroy(): Promise<void> {
    return this.#exchange.destroy()
  }

  regenerate(keep: readonly string[]): Promise<void> {
    return this.#exchange.regenerate({ keep })
  }

  get mayHold(): boolean {
    return this.#exchange.mayHold
  }

  close(): void {
    this.#exchange.close()
  }

  get #hasStore(): boolean {
    return this.#exchange.manager.settings.enabled
  }
}

/** For comparison only. */
function contentOf(attributes: Shown): string {
  return JSON.stringify(attributes, (_name, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  )
}

const NOT_HTTPS = { isHttps: false }
const VIEW = {}
/** The plugin makes its own view, and only when it is asked for. */
function noView(): object {
  return VIEW
}

function callbackStore(manager: SessionManager, cookie: CookieOptions): SessionStoreMethods {
  return {
    get: (id, callback) => {
      manager.attributesOf(id).then((attributes) => {
        if (attributes === undefined) callback(null, null)
        else
          callback(null, { cookie: new SessionCookie(cookie, NOT_HTTPS).toJSON(), ...attributes })
      }, callback)
    },
    set: (id, session, callback) => {
      replaceAttributes(manager, id, session).then(() => callback(), callback)
    },
    destroy: (id, callback) => {
      manager.destroyById(id).then(() => callback(), callback)
    },
  }
}

async function replaceAttributes(
  manager: SessionManager,
  id: string,
  session: object,
): Promise<void> {
  const active = await manager.loadById(id)
  try {
    if (active.isNew) throw new SessionGoneError()
    for (const name of Object.keys(active.attributes)) delete active.attributes[name]
    for (const [name, value] of Object.entries(session)) {
      if (name !== 'cookie') setOwn(active.attributes, name, value)
    }
    await manager.save(active)
  } finally {
    manager.release(active)
  }
}
