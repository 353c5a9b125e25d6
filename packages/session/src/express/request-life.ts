/*
 * One request with its session: puts `session`, `sessionID` and `sessionStore` on the request,
 * holds the response and decides at its first byte what has to happen.
 *
 * The session of a request may change (regenerate) or go (destroy); this object always knows the
 * current one. Everything about storing is the SessionManager's.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ActiveSession, Commit } from '../active-session.ts'
import { serializeCookie } from '../cookie.ts'
import { SessionStoreUnavailableError } from '../errors.ts'
import type { SessionManager } from '../session-manager.ts'
import {
  cookieMaxAgeMs,
  requestCookie,
  requestSession,
  type SessionCallback,
} from './request-session.ts'
import { holdResponse } from './response-hold.ts'

export class RequestLife {
  readonly #manager: SessionManager
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  /** Undefined after `req.session = null`. */
  #session: object | undefined
  #active: ActiveSession
  #cookieDue = false
  readonly #maxAgeMsAtStart: number | null | undefined

  constructor(
    manager: SessionManager,
    request: IncomingMessage,
    response: ServerResponse,
    active: ActiveSession,
  ) {
    this.#manager = manager
    this.#request = request
    this.#response = response
    this.#active = active
    this.#maxAgeMsAtStart = active.cookie.maxAgeMs
    this.#session = this.#wrap(active)
  }

  begin(): void {
    Object.defineProperties(this.#request, {
      session: {
        configurable: true,
        enumerable: true,
        get: () => this.#open(),
        set: (value: unknown) => this.#replace(value),
      },
      sessionID: {
        configurable: true,
        enumerable: true,
        get: () => this.#active.id,
      },
      sessionStore: { configurable: true, value: sessionStore(this.#manager) },
    })
    const { logger } = this.#manager.settings
    holdResponse(this.#response, {
      beforeHead: () => this.#store(),
      beforeEnd: () => this.#storeLate(),
      prepareHead: () => this.#setCookie(),
      failure: (error) => this.#refuse(error),
      onError: (error) => logger.error({ err: error }, 'held response could not be sent'),
    })
  }

  #open(): object | undefined {
    this.#active.accessed = true
    return this.#session
  }

  #replace(value: unknown): void {
    if (value === null || value === undefined) this.#session = undefined
    else if (typeof value === 'object') this.#session = value
  }

  /** What the first byte of the response has to wait for. */
  #store(): Promise<void> | undefined {
    const { backupAsync, storeFailure, sticky } = this.#manager.settings
    const { saved, cookieDue: mustSet } = this.#commit()
    if (saved === undefined) {
      this.#cookieDue = mustSet
      return undefined
    }
    // The browser's copy of a cookie with an end is renewed with each change of the session.
    const cookieDue =
      mustSet || cookieMaxAgeMs(this.#active, this.#manager.settings.cookie) !== null
    if (backupAsync) {
      this.#cookieDue = cookieDue
      saved.catch((error: unknown) => this.#report(error))
      return undefined
    }
    return this.#bounded(saved).then(
      () => {
        this.#cookieDue = cookieDue
      },
      (error: unknown) => {
        this.#report(error)
        if (storeFailure === 'fail') throw error
        // A cookie for a session that exists nowhere is of no use.
        this.#cookieDue = cookieDue && (sticky || !this.#active.isNew)
      },
    )
  }

  /** What was changed after the first byte of a streamed response. */
  #storeLate(): Promise<void> | undefined {
    const { saved } = this.#commit()
    if (saved === undefined) return undefined
    const reported = this.#bounded(saved).catch((error: unknown) => this.#report(error))
    return this.#manager.settings.backupAsync ? undefined : reported
  }

  #commit(): Commit {
    if (this.#session === undefined && !this.#active.destroyed) {
      return { saved: undefined, cookieDue: false }
    }
    try {
      return this.#manager.commit(this.#active)
    } catch (error) {
      return { saved: Promise.reject(error), cookieDue: false }
    }
  }

  #bounded(saved: Promise<void>): Promise<void> {
    const { backupTimeoutMs } = this.#manager.settings
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const why = new Error(`no acknowledgement within ${backupTimeoutMs} ms`)
        reject(new SessionStoreUnavailableError('store the session', why))
      }, backupTimeoutMs)
      saved.then(resolve, reject).finally(() => clearTimeout(timer))
    })
  }

  #report(error: unknown): void {
    this.#manager.settings.logger.warn({ err: error }, 'session is not stored yet')
  }

  #setCookie(): void {
    const { cookie, cookieName, rolling } = this.#manager.settings
    const active = this.#active
    if (active.destroyed || active.detached) return
    const changed = active.cookie.maxAgeMs !== this.#maxAgeMsAtStart
    if (!this.#cookieDue && (active.isNew || !(rolling || changed))) return
    const isSecure = isSecureRequest(this.#request)
    if (cookie.secure === true && !isSecure) return
    const attributes = {
      ...cookie,
      secure: cookie.secure === 'auto' ? isSecure : cookie.secure,
      maxAgeMs: cookieMaxAgeMs(active, cookie),
    }
    const value = this.#manager.cookieValue(active)
    const header = serializeCookie(cookieName, value, attributes, Date.now())
    this.#response.appendHeader('Set-Cookie', header)
  }

  #refuse(error: unknown): void {
    const status = statusOf(error)
    this.#response.statusCode = status
    this.#response.statusMessage = ''
    this.#response.setHeader('Content-Type', 'text/plain; charset=utf-8')
    this.#response.setHeader('Cache-Control', 'no-store')
    if (status === 503) this.#response.setHeader('Retry-After', '1')
    this.#response.end(
      status === 503 ? 'session store is not available\n' : 'session cannot be stored\n',
    )
  }

  #wrap(active: ActiveSession): object {
    const manager = this.#manager
    const methods = new Map<string, unknown>([
      ['id', active.id],
      ['cookie', requestCookie(active, manager.settings.cookie)],
    ])
    const session = requestSession(active, methods, () => manager.admit())
    const returning = (work: () => Promise<void>, callback?: SessionCallback): object => {
      const working = work()
      if (callback === undefined) working.catch((error: unknown) => this.#report(error))
      else void settle(working, callback)
      return session
    }
    methods
      .set('save', (callback?: SessionCallback) => settle(manager.save(active), callback))
      .set('reload', (callback?: SessionCallback) => settle(manager.reload(active), callback))
      .set('destroy', (callback?: SessionCallback) =>
        returning(() => this.#destroy(active), callback),
      )
      .set('regenerate', (callback?: SessionCallback) =>
        returning(() => this.#regenerate(active), callback),
      )
      .set('touch', () => session)
      .set('resetMaxAge', () => {
        delete active.cookie.maxAgeMs
        return session
      })
    return session
  }

  async #destroy(active: ActiveSession): Promise<void> {
    if (this.#active === active) this.#session = undefined
    await this.#manager.destroy(active)
  }

  async #regenerate(active: ActiveSession): Promise<void> {
    const fresh = this.#manager.create(this.#request)
    const destroyed = this.#manager.destroy(active)
    this.#active = fresh
    this.#session = this.#wrap(fresh)
    fresh.accessed = true
    await destroyed
  }
}

/**
 * Reports to the callback, or by the promise. A promise nobody looks at must not stop the
 * process: with express-session `save()` without a callback is a common thing to write.
 */
function settle(work: Promise<void>, callback: SessionCallback | undefined): Promise<void> {
  if (callback === undefined) {
    work.catch(() => undefined)
    return work
  }
  // In a turn of its own: what the callback throws is the application's, not a rejection of ours.
  return work.then(
    () => process.nextTick(callback),
    (error: unknown) => process.nextTick(callback, error),
  )
}

function sessionStore(manager: SessionManager): object {
  return {
    get: (id: string, callback: (error: unknown, session?: object | null) => void) => {
      manager.attributesOf(id).then(
        (attributes) => callback(null, attributes ?? null),
        (error: unknown) => callback(error),
      )
    },
    destroy: (id: string, callback?: SessionCallback) => {
      manager.destroyById(id).then(
        () => callback?.(),
        (error: unknown) => callback?.(error),
      )
    },
  }
}

/** As express-session judges: a TLS socket, or Express's own answer, which knows `trust proxy`. */
function isSecureRequest(request: IncomingMessage): boolean {
  if ('encrypted' in request.socket && request.socket.encrypted === true) return true
  return 'secure' in request && request.secure === true
}

function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null ? Reflect.get(error, 'status') : 503
  return typeof status === 'number' ? status : 503
}
