/*
 * The session manager as middleware of Hono.
 *
 * `c.get('session')` and `c.var.session` are typed by the middleware itself. The Response is held
 * until the session is stored, errors of later handlers included: Hono has turned them into a
 * Response by then.
 */
import type { MiddlewareHandler } from 'hono'
import { type SessionHealth, SessionManager } from '../session-manager.ts'
import type { WebSessionOptions } from '../web/index.ts'
import type { Session, SessionAttributes } from '../web/session.ts'
import { answerFailure, pathOf, splitOptions, WebExchange } from '../web/web-exchange.ts'

export type { RegenerateOptions } from '../exchange/session-exchange.ts'
export type { SessionLogger, SessionOptions } from '../options.ts'
export { type SessionHealth, SessionManager } from '../session-manager.ts'
export type { WebSessionOptions } from '../web/index.ts'
export type { Session, SessionAttributes } from '../web/session.ts'

/** Variables of the context, for `new Hono<{ Variables: SessionVariables }>()`. */
export interface SessionVariables<A extends object = SessionAttributes> {
  /** Absent where the middleware does not run; typed for the usual case. */
  session: Session<A>
}

/** The middleware, with what an application needs besides. */
export interface SessionMiddleware<A extends object = SessionAttributes>
  extends MiddlewareHandler<{ Variables: SessionVariables<A> }> {
  /** A real round trip to the store, at most half a second; for a balancer's health check. */
  health(): Promise<SessionHealth>
  /** Stores what is unsaved once more and closes the connections. */
  close(): Promise<void>
  readonly sessionManager: SessionManager
}

/**
 * Makes the session middleware. Throws TypeError for options that are wrong.
 *
 * @example
 * const app = new Hono<{ Variables: SessionVariables<{ count: number }> }>()
 * app.use(sessions<{ count: number }>({ memcachedNodes: 'localhost:11311', secret }))
 * app.get('/', (c) => {
 *   c.var.session.set('count', (c.var.session.get('count') ?? 0) + 1)
 *   return c.json({ count: c.var.session.get('count') })
 * })
 */
export function sessions<A extends object = SessionAttributes>(
  options: WebSessionOptions,
): SessionMiddleware<A> {
  const [managerOptions, webOptions] = splitOptions(options)
  const manager = new SessionManager(managerOptions)
  const middleware: MiddlewareHandler<{ Variables: SessionVariables<A> }> = async (c, next) => {
    const request = c.req.raw
    if (c.get('session') !== undefined || !isInPath(request, manager)) return next()
    let exchange: WebExchange<A>
    try {
      exchange = await WebExchange.open<A>(manager, request, webOptions)
    } catch (error) {
      return answerFailure(error, request, webOptions)
    }
    c.set('session', exchange.session)
    try {
      await next()
    } catch (error) {
      exchange.abandon()
      throw error
    }
    const { res } = c
    const response = await exchange.respond(res)
    if (response === res) return undefined
    // Hono would copy the earlier response's headers over this one's cookies.
    c.res = undefined
    c.res = response
    return undefined
  }
  return Object.assign(middleware, {
    health: () => manager.health(),
    close: () => manager.close(),
    sessionManager: manager,
  })
}

function isInPath(request: Request, manager: SessionManager): boolean {
  return pathOf(request.url).startsWith(manager.settings.cookie.path)
}
