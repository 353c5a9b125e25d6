/*
 * Sessions of Koa kept by Holdfast's session manager: a thin layer over SessionExchange. The cookie
 * holds the session's id, signed by `app.keys` as Koa signs.
 */
import { SessionExchange } from '../exchange/session-exchange.ts'
import { type Shown, takeAttributes } from '../exchange/shown-attributes.ts'
import type { SessionManager } from '../session-manager.ts'
import type { SessionUpdate } from '../users/atomic-update.ts'
import type { Found, Keeping, SaveReason } from './context-session.ts'
import { expireCookie, readKey, writeKey } from './cookie-writer.ts'
import { type ContextOptions, type KoaContext, MAX_AGE_MS_DEFAULT } from './koa-options.ts'

/** Kept beside the attributes where `renew` needs it: when the browser's cookie ends. */
const EXPIRE = '_expire'

export class HoldfastKeeping implements Keeping {
  readonly #context: KoaContext
  readonly #options: ContextOptions
  readonly #manager: SessionManager
  #exchange: SessionExchange | undefined
  /** The attributes as last shown to the application or taken from it. */
  #shown: Shown = {}

  constructor(context: KoaContext, options: ContextOptions, manager: SessionManager) {
    this.#context = context
    this.#options = options
    this.#manager = manager
  }

  get key(): string {
    return this.#held.id
  }

  get degraded(): boolean {
    return Boolean(this.#held.active.degraded)
  }

  async load(
    judge: (record: Shown | undefined, key?: string) => boolean,
  ): Promise<Found | undefined> {
    const key = readKey(this.#context, this.#options) || undefined
    this.close()
    this.#exchange = await this.#open(key)
    const { active } = this.#exchange
    if (key === undefined || this.degraded || active.detached) {
      return active.isNew ? undefined : this.#found()
    }
    if (!judge(active.isNew ? undefined : active.attributes, key) || active.isNew) return undefined
    return this.#found()
  }

  renew(): void {
    const { active } = this.#exchange ?? {}
    if (active?.isNew === true) return
    this.close()
    const opened = this.#open(undefined)
    // Without an id no store is asked.
    if (opened instanceof Promise) throw new TypeError('a fresh session needs no store')
    this.#exchange = opened
    this.#shown = {}
  }

  async regenerate(): Promise<void> {
    await this.#held.regenerate({ keep: true })
    this.#held.active.accessed = true
  }

  async remove(): Promise<void> {
    await this.#held.destroy()
    expireCookie(this.#context, this.#options)
  }

  async save(session: Shown, reason: SaveReason): Promise<void> {
    const exchange = this.#held
    this.#take(session)
    if (this.#options.renew === true) this.#noteExpire()
    if (reason === 'force') await exchange.save()
    await exchange.beforeHead()
    // A cookie for a session that exists nowhere is of no use.
    if (exchange.active.isNew && !exchange.isCookieDue) return
    if (exchange.active.detached || exchange.active.destroyed) return
    writeKey(this.#context, this.#options, exchange.id)
  }

  async pass(session: Shown): Promise<void> {
    const exchange = this.#held
    this.#take(session)
    await exchange.beforeHead()
    if (exchange.isCookieDue) writeKey(this.#context, this.#options, exchange.id)
  }

  async update<T>(
    session: Shown,
    change: SessionUpdate<T>,
  ): Promise<{ attributes: Shown; result: T }> {
    this.#take(session)
    const result = await this.#held.update(change)
    const { attributes } = this.#found()
    return { attributes, result }
  }

  /** What was changed after the head of a streamed response. Never rejects. */
  beforeEnd(session: Shown): Promise<void> | undefined {
    this.#take(session)
    return this.#held.beforeEnd()
  }

  /** The response is over, or the client gone. */
  close(): void {
    this.#exchange?.close()
  }

  get #held(): SessionExchange {
    if (this.#exchange === undefined) this.renew()
    if (this.#exchange === undefined) throw new TypeError('no session is held')
    return this.#exchange
  }

  #open(id: string | undefined): SessionExchange | Promise<SessionExchange> {
    const { method, originalUrl } = this.#context
    const facts = { cookieHeader: undefined, method, url: originalUrl, raw: this.#context }
    return SessionExchange.openById(this.#manager, facts, id, noView)
  }

  #found(): Found {
    const { active } = this.#held
    this.#shown = { ...active.attributes }
    const { [EXPIRE]: expire, ...attributes } = this.#shown
    const { maxAgeMs } = active.cookie
    return {
      attributes,
      record: active.attributes,
      maxAge: this.#maxAgeOf(maxAgeMs),
      expireMs: typeof expire === 'number' ? expire : undefined,
    }
  }

  /** As in koa-session a session that was loaded has a life, also where the option has none. */
  #maxAgeOf(maxAgeMs: number | null | undefined): number | 'session' {
    if (maxAgeMs === null) return 'session'
    return maxAgeMs ?? (this.#options.maxAge || MAX_AGE_MS_DEFAULT)
  }

  #take(session: Shown): void {
    const { active } = this.#held
    active.accessed = true
    if (active.isNew && Object.keys(session).length > 0) this.#manager.admit()
    takeAttributes(session, active.attributes, this.#shown, isKeptBeside)
    this.#shown = session
    this.#keepMaxAge()
  }

  #keepMaxAge(): void {
    const { active } = this.#held
    const configured = this.#manager.settings.cookie.maxAgeMs
    const { maxAge = MAX_AGE_MS_DEFAULT } = this.#options
    const maxAgeMs = maxAge === 'session' ? null : maxAge
    if (maxAgeMs !== configured) active.cookie.maxAgeMs = maxAgeMs
    else if (active.cookie.maxAgeMs !== undefined) delete active.cookie.maxAgeMs
  }

  #noteExpire(): void {
    const { maxAge = MAX_AGE_MS_DEFAULT } = this.#options
    if (maxAge === 'session') return
    this.#held.active.attributes[EXPIRE] = Date.now() + maxAge
  }
}

function isKeptBeside(name: string): boolean {
  return name === EXPIRE
}

const VIEW = {}
/** Koa's view is made by ContextSession. */
function noView(): object {
  return VIEW
}
