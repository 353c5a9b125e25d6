/*
 * The middleware over the Holdfast engine. What happens with a session is decided by
 * exchange/session-exchange.ts; this file puts it on Express's request and holds the response.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CookieAttributes } from '../cookie.ts'
import { type HoldQuestions, holdResponse } from '../exchange/response-hold.ts'
import { type ExchangeRequest, SessionExchange } from '../exchange/session-exchange.ts'
import type { SessionManager } from '../session-manager.ts'
import { EXCHANGE, engineView, syncExchange } from './engine-session.ts'
import type { EngineStore } from './engine-store.ts'
import { answerFailure, type Next } from './failure.ts'
import { isSecureRequest, pathOf, urlOf } from './request-facts.ts'
import type { HttpSessionRequest } from './store-request.ts'

type Middleware = (request: HttpSessionRequest, response: ServerResponse, next: Next) => void

export function engineMiddleware(manager: SessionManager, store: EngineStore): Middleware {
  return (request, response, next) => {
    if (request.session) {
      next()
      return
    }
    let opened: SessionExchange | Promise<SessionExchange> | undefined
    try {
      opened = open(manager, request, response)
    } catch (error) {
      next(error)
      return
    }
    if (opened === undefined) next()
    else if (opened instanceof Promise) {
      // What `next` throws is the application's, and unhandled as it would be without us.
      opened.then((exchange) => {
        new EngineRequest(exchange, request, response, next).begin(store)
        next()
      }, next)
    } else {
      new EngineRequest(opened, request, response, next).begin(store)
      next()
    }
  }
}

/** Undefined: the cookie's path says that the request has no session. */
function open(
  manager: SessionManager,
  request: HttpSessionRequest,
  response: ServerResponse,
): SessionExchange | Promise<SessionExchange> | undefined {
  const { settings } = manager
  const url = urlOf(request)
  const cookie: CookieAttributes = settings.cookieFor?.(request) ?? settings.cookie
  if (cookie.path !== '/' && !pathOf(url).startsWith(cookie.path)) return undefined
  const facts: ExchangeRequest = {
    cookieHeader: request.headers.cookie,
    cookieValues: parsedCookies(manager, request),
    cookie,
    method: request.method ?? 'GET',
    url,
    raw: request,
    mayLock: isAlive(response),
  }
  return SessionExchange.open(manager, facts, engineView)
}

/** What cookie-parser has found, where there is no header. */
function parsedCookies(
  { settings }: SessionManager,
  request: IncomingMessage,
): readonly string[] | undefined {
  if (request.headers.cookie !== undefined) return undefined
  const { cookies } = request as { cookies?: Record<string, unknown> }
  const value = cookies?.[settings.cookieName]
  return typeof value === 'string' ? [value] : undefined
}

/** For upgrades to a websocket it is common to pass an object in the place of a response. */
function isAlive(response: Partial<ServerResponse>): boolean {
  return typeof response.on === 'function'
}

class EngineRequest implements HoldQuestions {
  readonly #exchange: SessionExchange
  readonly #request: HttpSessionRequest
  readonly #response: ServerResponse
  readonly #next: Next

  constructor(
    exchange: SessionExchange,
    request: HttpSessionRequest,
    response: ServerResponse,
    next: Next,
  ) {
    this.#exchange = exchange
    this.#request = request
    this.#response = response
    this.#next = next
  }

  begin(store: EngineStore): void {
    const response = this.#response
    this.#request.sessionStore = store
    Reflect.set(this.#request, EXCHANGE, this.#exchange)
    holdResponse(response, this)
    if (!this.#exchange.mayHold) return
    // The client may have gone while the session was loaded: then there is no further event.
    if (response.closed || !isAlive(response)) this.#exchange.close()
    else response.on('close', () => this.#exchange.close())
  }

  beforeHead(): Promise<void> | undefined {
    try {
      syncExchange(this.#exchange, this.#request)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#exchange.beforeHead()
  }

  beforeEnd(): Promise<void> | undefined {
    try {
      syncExchange(this.#exchange, this.#request)
    } catch (error) {
      this.#exchange.report(error)
    }
    return this.#exchange.beforeEnd()
  }

  prepareHead(): void {
    const { trustProxy } = this.#exchange.manager.settings
    if (!this.#exchange.isCookieDue) return
    const header = this.#exchange.setCookie(isSecureRequest(this.#request, trustProxy))
    if (header !== undefined) this.#response.appendHeader('Set-Cookie', header)
  }

  failure(error: unknown, ended: boolean): void {
    answerFailure(this.#response, error, ended ? this.#next : undefined)
  }

  onError(error: unknown): void {
    const { logger } = this.#exchange.manager.settings
    logger.error({ err: error }, 'held response could not be sent')
  }
}
