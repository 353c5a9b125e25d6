/*
 * The session manager for Express (and any framework with `(req, res, next)` middleware).
 *
 * This file only decides which requests get a session; `request-life.ts` does what follows.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ExchangeRequest, SessionExchange } from '../exchange/session-exchange.ts'
import type { SessionOptions } from '../options.ts'
import { type SessionHealth, SessionManager } from '../session-manager.ts'
import { beginExchange, expressView } from './request-life.ts'
import type { SessionMethods } from './request-session.ts'

export type { SessionLogger, SessionOptions } from '../options.ts'
export { type SessionHealth, SessionManager } from '../session-manager.ts'
export type { RequestCookie, SessionCallback, SessionMethods } from './request-session.ts'

/**
 * The attributes of your sessions: add yours by
 * `declare module '@holdfast/session/express' { interface SessionAttributes { user?: string } }`.
 */
export interface SessionAttributes {
  [name: string]: unknown
}

/** `req.session`. */
export type Session = SessionMethods & SessionAttributes

/** What `req.sessionStore` offers. */
export interface RequestSessionStore {
  get(id: string, callback: (error: unknown, session?: object | null) => void): void
  destroy(id: string, callback?: (error?: unknown) => void): void
}

declare global {
  namespace Express {
    interface Request {
      /** Absent after `destroy`, and where the middleware does not run; typed for the usual case. */
      session: Session
      sessionID: string
      sessionStore: RequestSessionStore
    }
  }
}

/** The middleware, with what an application needs besides. */
export interface SessionMiddleware {
  (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void
  /** A real round trip to the store, at most half a second; for the load balancer's health check. */
  health(): Promise<SessionHealth>
  /** Stores what is unsaved once more and closes the connections. */
  close(): Promise<void>
  readonly sessionManager: SessionManager
}

/**
 * Makes the session middleware. Throws TypeError for options that are wrong.
 *
 * @example
 * app.use(session({ memcachedNodes: 'localhost:11311', secret: 'keep me', jvmRoute: 'app1' }))
 * app.get('/', (req, res) => {
 *   req.session.count = Number(req.session.count ?? 0) + 1
 *   res.json({ count: req.session.count })
 * })
 */
export function session(options: SessionOptions): SessionMiddleware {
  const manager = new SessionManager(options)
  const middleware = (
    request: IncomingMessage,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ): void => {
    if (Reflect.get(request, 'session') !== undefined || !isInPath(request, manager)) {
      next()
      return
    }
    let opened: SessionExchange | Promise<SessionExchange>
    try {
      opened = open(manager, request)
    } catch (error) {
      next(error)
      return
    }
    if (opened instanceof Promise) {
      opened.then((exchange) => beginExchange(exchange, request, response)).then(() => next(), next)
      return
    }
    beginExchange(opened, request, response)
    next()
  }
  return Object.assign(middleware, {
    health: () => manager.health(),
    close: () => manager.close(),
    sessionManager: manager,
  })
}

function open(
  manager: SessionManager,
  request: IncomingMessage,
): SessionExchange | Promise<SessionExchange> {
  const facts: ExchangeRequest = {
    cookieHeader: request.headers.cookie,
    method: request.method ?? 'GET',
    url: urlOf(request),
    raw: request,
  }
  return SessionExchange.open(manager, facts, expressView)
}

function isInPath(request: IncomingMessage, manager: SessionManager): boolean {
  const path = urlOf(request).split('?', 1)[0] ?? '/'
  return path.startsWith(manager.settings.cookie.path)
}

/** Express shortens `url` below a mounted router; the original is what the pattern is written for. */
function urlOf(request: IncomingMessage): string {
  const original: unknown = Reflect.get(request, 'originalUrl')
  return typeof original === 'string' ? original : (request.url ?? '/')
}

export default session
export { session as 'module.exports' }
