/*
 * One request and its response as the session manager sees them, without any web framework: the
 * session is loaded, the application works on it through a view, and at the first byte of the
 * response it is decided what has to be stored, what the response waits for and which cookie it
 * carries. Bindings call, in this order:
 *
 *   open        before the application sees the request
 *   session     whenever the application asks for it
 *   beforeHead  at the first byte of the response; hold it until the promise is settled
 *   setCookie   right before the head leaves
 *   beforeEnd   at the end of a response whose head left earlier; hold the end likewise
 *   close       when the response is over, or the client gone: gives back what the request held
 *
 * The session of a request may change (regenerate) or go (destroy); this object always knows the
 * current one. Everything about storing is the SessionManager's.
 */
import type { ActiveSession, Commit } from '../active-session.ts'
import { type CookieAttributes, rawCookies, resolveCookie, serializeCookie } from '../cookie.ts'
import { SessionStoreUnavailableError } from '../errors.ts'
import { isLockRefusal } from '../locks/lock-errors.ts'
import type { RequestFacts, SessionManager } from '../session-manager.ts'
import type { SessionUpdate } from '../users/atomic-update.ts'
import { isLoginRefusal } from '../users/user-errors.ts'

/** Makes what the application sees of a session; called again after a regenerate. */
export type SessionView = (exchange: SessionExchange, active: ActiveSession) => object

/** A request as a binding describes it. */
export interface ExchangeRequest extends RequestFacts {
  /** The Cookie header, or undefined. */
  cookieHeader: string | undefined
  /** Values of the session cookie that came another way than in the header. */
  cookieValues?: readonly string[] | undefined
  /** The cookie's attributes for this request, when the binding has asked for them already. */
  cookie?: CookieAttributes | undefined
}

/** Options of `regenerate`. */
export interface RegenerateOptions {
  /** Names of attributes that the new session keeps, or true for all. */
  keep?: readonly string[] | true | undefined
}

export class SessionExchange {
  readonly manager: SessionManager
  readonly request: ExchangeRequest
  /** The cookie's attributes; a view may replace them. What the session itself knows wins. */
  cookie: CookieAttributes
  readonly #view: SessionView
  #active: ActiveSession
  /** Undefined after `session = null` and after destroy. */
  #session: object | undefined
  #cookieDue = false
  /** The session was only to be read: known without asking the store. */
  #isRefused = false
  #maxAgeMsAtStart: number | null | undefined

  constructor(
    manager: SessionManager,
    request: ExchangeRequest,
    active: ActiveSession,
    view: SessionView,
  ) {
    this.manager = manager
    this.request = request
    this.cookie = request.cookie ?? manager.settings.cookie
    this.#view = view
    this.#active = active
    this.#keepCookieLife()
    this.#maxAgeMsAtStart = active.cookie.maxAgeMs
    this.#session = view(this, active)
  }

  /**
   * Loads the session of the request; a promise only when the store has to be asked. Rejects with
   * SessionStoreUnavailableError.
   */
  static open(
    manager: SessionManager,
    request: ExchangeRequest,
    view: SessionView,
  ): SessionExchange | Promise<SessionExchange> {
    withCookie(manager, request)
    const { cookieName } = manager.settings
    const sent = rawCookies(request.cookieHeader, cookieName)
    const cookies = request.cookieValues === undefined ? sent : [...sent, ...request.cookieValues]
    const active = isIgnored(manager, request)
      ? manager.loadIgnored(cookies, request)
      : manager.load(cookies, request)
    return begun(manager, request, active, view)
  }

  /** As `open`, for bindings that verify their cookie themselves: `id` is what it holds. */
  static openById(
    manager: SessionManager,
    request: ExchangeRequest,
    id: string | undefined,
    view: SessionView,
  ): SessionExchange | Promise<SessionExchange> {
    withCookie(manager, request)
    const active = isIgnored(manager, request)
      ? manager.loadIgnoredById(id, request)
      : manager.loadById(id, request)
    return begun(manager, request, active, view)
  }

  /** The session's id; the one it will have when it is new. */
  get id(): string {
    return this.#active.id
  }

  /** What the modes know of the session. */
  get active(): ActiveSession {
    return this.#active
  }

  /** The view of the session; asking for it counts as an access. */
  get session(): object | undefined {
    this.#active.accessed = true
    return this.#session
  }

  /** Replaces the view; undefined takes the session away from this request without ending it. */
  set session(view: object | undefined) {
    this.#session = view
  }

  /**
   * What the first byte of the response has to wait for; bounded. Rejects by `storeFailure: fail`
   * and when a change was refused for the sake of a lock, or a login.
   */
  beforeHead(): Promise<void> | undefined {
    const { backupAsync, storeFailure, sticky } = this.manager.settings
    const { saved, cookieDue: mustSet, changed, awaited } = this.#commit()
    // The browser's copy of a cookie with an end is renewed with each change of the session.
    const isChanged = saved !== undefined || changed === true
    const cookieDue = mustSet || (isChanged && this.cookieMaxAgeMs !== null)
    if (saved === undefined) {
      this.#cookieDue = cookieDue
      return undefined
    }
    if (backupAsync && !this.#isRefused && awaited !== true) {
      this.#cookieDue = cookieDue
      saved.catch((error: unknown) => this.report(error))
      return undefined
    }
    return this.#bounded(saved).then(
      () => {
        this.#cookieDue = cookieDue
      },
      (error: unknown) => {
        this.report(error)
        if (storeFailure === 'fail' || isLockRefusal(error) || isLoginRefusal(error)) throw error
        // A cookie for a session that exists nowhere is of no use.
        this.#cookieDue = cookieDue && (sticky || !this.#active.isNew)
      },
    )
  }

  /** What was changed after the first byte of a streamed response. Never rejects. */
  beforeEnd(): Promise<void> | undefined {
    const { saved } = this.#commit()
    if (saved === undefined) return undefined
    const reported = this.#bounded(saved).catch((error: unknown) => this.report(error))
    return this.manager.settings.backupAsync ? undefined : reported
  }

  /** The Set-Cookie header of the response, if one is due; `secure`: the request came over TLS. */
  setCookie(secure: boolean): string | undefined {
    if (!this.isCookieDue) return undefined
    const attributes = resolveCookie(this.cookie, secure)
    if (attributes.secure && !secure) return undefined
    attributes.maxAgeMs = this.cookieMaxAgeMs
    const { cookieName } = this.manager.settings
    const value = this.manager.cookieValue(this.#active)
    return serializeCookie(cookieName, value, attributes, Date.now())
  }

  /** The response has to carry the session cookie. */
  get isCookieDue(): boolean {
    const active = this.#active
    if (active.destroyed || active.detached || this.#session === undefined) return false
    if (this.#cookieDue) return true
    const changed = active.cookie.maxAgeMs !== this.#maxAgeMsAtStart
    return !active.isNew && (this.manager.settings.rolling || changed)
  }

  /** The cookie's life after the application's changes, milliseconds. */
  get cookieMaxAgeMs(): number | null {
    const { maxAgeMs } = this.#active.cookie
    return maxAgeMs === undefined ? this.cookie.maxAgeMs : maxAgeMs
  }

  /** False: `close` has nothing to give back and need not be called. */
  get mayHold(): boolean {
    return this.manager.mayHold
  }

  /** The response is over, or the client gone. */
  close(): void {
    this.manager.release(this.#active)
  }

  /** Stores now; resolves when the store has acknowledged it. */
  save(): Promise<void> {
    return this.manager.save(this.#active)
  }

  /** Changes the session atomically; see SessionManager.update. */
  update<T>(fn: SessionUpdate<T>): Promise<T> {
    return this.manager.updateActive(this.#active, fn)
  }

  /** Brings the session to its stored state; rejects with SessionGoneError. */
  reload(): Promise<void> {
    return this.manager.reload(this.#active)
  }

  /** Ends the session; this request has none from now on. */
  async destroy(): Promise<void> {
    this.#session = undefined
    await this.manager.destroy(this.#active)
  }

  /**
   * Puts a session with a new id in the place of this one, which ends. `session` is the new view
   * at once; resolves when the store has deleted the old one.
   */
  async regenerate(options: RegenerateOptions = {}): Promise<void> {
    const old = this.#active
    const fresh = this.manager.create(this.request)
    for (const name of keptNames(options.keep, Object.keys(old.attributes))) {
      fresh.attributes[name] = old.attributes[name]
    }
    const destroyed = this.manager.destroy(old)
    this.manager.release(old)
    fresh.accessed = true
    this.#active = fresh
    this.#keepCookieLife()
    this.#session = this.#view(this, fresh)
    await destroyed
  }

  /** Tells the log that the session is not stored yet. */
  report(error: unknown): void {
    this.manager.settings.logger.warn({ err: error }, 'session is not stored yet')
  }

  /** What the application's function says of the life of a new cookie is the session's own. */
  #keepCookieLife(): void {
    const { maxAgeMs } = this.cookie
    if (!this.#active.isNew || this.manager.settings.cookieFor === undefined) return
    if (maxAgeMs !== null) this.#active.cookie.maxAgeMs = maxAgeMs
  }

  #commit(): Commit {
    if (this.#session === undefined && !this.#active.destroyed) {
      const { unsetDestroys } = this.manager.settings
      const saved = unsetDestroys ? this.manager.destroy(this.#active) : undefined
      return { saved, cookieDue: false }
    }
    try {
      return this.manager.commit(this.#active)
    } catch (error) {
      this.#isRefused = isLockRefusal(error)
      return { saved: Promise.reject(error), cookieDue: false }
    }
  }

  #bounded(saved: Promise<void>): Promise<void> {
    const { backupTimeoutMs, observer } = this.manager.settings
    const startMs = observer.nowMs
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const why = new Error(`no acknowledgement within ${backupTimeoutMs} ms`)
        reject(new SessionStoreUnavailableError('store the session', why))
      }, backupTimeoutMs)
      const settled = (): void => {
        clearTimeout(timer)
        observer.held(startMs)
      }
      saved.then(
        () => {
          settled()
          resolve()
        },
        (error: unknown) => {
          settled()
          reject(error)
        },
      )
    })
  }
}

function isIgnored({ settings }: SessionManager, { method, url }: ExchangeRequest): boolean {
  return settings.ignorePattern?.test(`${method} ${url}`) ?? false
}

function begun(
  manager: SessionManager,
  request: ExchangeRequest,
  active: ActiveSession | Promise<ActiveSession>,
  view: SessionView,
): SessionExchange | Promise<SessionExchange> {
  if (!(active instanceof Promise)) {
    return new SessionExchange(manager, request, active, view)
  }
  return active.then((loaded) => new SessionExchange(manager, request, loaded, view))
}

/** Asked before anything is loaded: what the application's function throws costs nothing then. */
function withCookie({ settings }: SessionManager, request: ExchangeRequest): void {
  if (settings.cookieFor !== undefined) request.cookie ??= settings.cookieFor(request.raw)
}

function keptNames(keep: RegenerateOptions['keep'], names: readonly string[]): readonly string[] {
  if (keep === undefined) return []
  return keep === true ? names : names.filter((name) => keep.includes(name))
}
