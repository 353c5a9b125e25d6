/*
 * The session manager for any Web-standard server or framework: whatever turns a Request into a
 * Response (Deno, Bun, srvx, SvelteKit's `handle`, Astro's middleware, React Router's loaders...).
 *
 * It needs Node's `net` module below, as the store is reached over TCP.
 */
import type { SessionOptions } from '../options.ts'
import { type SessionHealth, SessionManager } from '../session-manager.ts'
import type { Session, SessionAttributes } from './session.ts'
import { handleWithSession, splitOptions, type WebOptions } from './web-exchange.ts'

export type { RegenerateOptions } from '../exchange/session-exchange.ts'
export type { SessionLogger, SessionOptions } from '../options.ts'
export { type SessionHealth, SessionManager } from '../session-manager.ts'
export type { Session, SessionAttributes } from './session.ts'
export type { WebOptions } from './web-exchange.ts'

/** The options of the session manager and those of this binding. */
export interface WebSessionOptions extends SessionOptions, WebOptions {}

/** Sessions for handlers of Request and Response. */
export interface WebSessions<A extends object = SessionAttributes> {
  /**
   * Answers a request with its session. A failing store is answered by 503 or `onFailure`, as
   * `storeFailure` says; what the handler throws is thrown, and nothing is stored.
   */
  handle(
    request: Request,
    handler: (request: Request, session: Session<A>) => Response | Promise<Response>,
  ): Promise<Response>
  /** A real round trip to the store, at most half a second; for a balancer's health check. */
  health(): Promise<SessionHealth>
  /** Stores what is unsaved once more and closes the connections. */
  close(): Promise<void>
  readonly sessionManager: SessionManager
}

/**
 * Makes sessions for handlers of Request and Response. Throws TypeError for options that are wrong.
 *
 * @example
 * const sessions = createSessions<{ count: number }>({ memcachedNodes: 'localhost:11311', secret })
 * export default {
 *   fetch: (request: Request) =>
 *     sessions.handle(request, (_request, session) => {
 *       session.set('count', (session.get('count') ?? 0) + 1)
 *       return Response.json({ count: session.get('count') })
 *     }),
 * }
 */
export function createSessions<A extends object = SessionAttributes>(
  options: WebSessionOptions,
): WebSessions<A> {
  const [managerOptions, webOptions] = splitOptions(options)
  const manager = new SessionManager(managerOptions)
  return {
    handle: (request, handler) =>
      handleWithSession<A>(manager, request, webOptions, (session) => handler(request, session)),
    health: () => manager.health(),
    close: () => manager.close(),
    sessionManager: manager,
  }
}
