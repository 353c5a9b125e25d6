/*
 * The session manager for plain node:http (and https) servers, without a framework.
 *
 * `attach` loads the session of a request and makes its response wait until the session is stored;
 * `listener` wraps a whole handler. Requests of node:http2's compatibility API are served as well;
 * the types are those of HTTP/1.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { holdResponse } from '../exchange/response-hold.ts'
import { SessionExchange } from '../exchange/session-exchange.ts'
import type { SessionOptions } from '../options.ts'
import { type SessionHealth, SessionManager } from '../session-manager.ts'
import { sendFailure } from '../web/failure.ts'
import {
  attributesView,
  ExchangeSession,
  type Session,
  type SessionAttributes,
} from '../web/session.ts'

export type { RegenerateOptions } from '../exchange/session-exchange.ts'
export type { SessionLogger, SessionOptions } from '../options.ts'
export { type SessionHealth, SessionManager } from '../session-manager.ts'
export type { Session, SessionAttributes } from '../web/session.ts'

/** The options of the session manager and those of this binding. */
export interface NodeSessionOptions extends SessionOptions {
  /**
   * Another name of the option `proxy`. True: the first value of X-Forwarded-Proto tells whether
   * the browser came over TLS; only behind a proxy that sets this header itself. Default false:
   * the socket tells.
   */
  trustProxy?: boolean | undefined
}

/** What a server does with a request that has a session. */
export type SessionHandler<A extends object = SessionAttributes> = (
  request: IncomingMessage,
  response: ServerResponse,
  session: Session<A>,
) => void | Promise<void>

/** Sessions for a node:http server. */
export interface NodeSessions<A extends object = SessionAttributes> {
  /**
   * Loads the session and holds the response until it is stored. Call it before you write anything.
   * Rejects with SessionStoreUnavailableError.
   */
  attach(request: IncomingMessage, response: ServerResponse): Promise<Session<A>>
  /**
   * A listener for `createServer`. A session that cannot be loaded is answered by 503. A handler
   * that throws ends in 500 or, once something is sent, in a broken connection; it is logged.
   */
  listener(
    handler: SessionHandler<A>,
  ): (request: IncomingMessage, response: ServerResponse) => Promise<void>
  /** A real round trip to the store, at most half a second; for a balancer's health check. */
  health(): Promise<SessionHealth>
  /** Stores what is unsaved once more and closes the connections. */
  close(): Promise<void>
  readonly sessionManager: SessionManager
}

/**
 * Makes sessions for a node:http server. Throws TypeError for options that are wrong.
 *
 * @example
 * const sessions = createSessions<{ count: number }>({ memcachedNodes: 'localhost:11311', secret })
 * createServer(
 *   sessions.listener((_request, response, session) => {
 *     session.set('count', (session.get('count') ?? 0) + 1)
 *     response.end(`visit ${session.get('count')}`)
 *   }),
 * ).listen(3000)
 */
export function createSessions<A extends object = SessionAttributes>(
  options: NodeSessionOptions,
): NodeSessions<A> {
  const { trustProxy, ...managerOptions } = options
  const manager = new SessionManager({ ...managerOptions, proxy: options.proxy ?? trustProxy })
  const attach = (request: IncomingMessage, response: ServerResponse): Promise<Session<A>> =>
    attachSession<A>(manager, request, response)
  return {
    attach,
    listener: (handler) => async (request, response) => {
      let session: Session<A>
      try {
        session = await attach(request, response)
      } catch (error) {
        sendFailure(response, error)
        return
      }
      try {
        await handler(request, response, session)
      } catch (error) {
        manager.settings.logger.error({ err: error }, 'handler of a request failed')
        breakOff(response)
      }
    },
    health: () => manager.health(),
    close: () => manager.close(),
    sessionManager: manager,
  }
}

/** A listener with one session manager of its own, for a server that needs nothing else of it. */
export function withSession<A extends object = SessionAttributes>(
  options: NodeSessionOptions,
  handler: SessionHandler<A>,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return createSessions<A>(options).listener(handler)
}

async function attachSession<A extends object>(
  manager: SessionManager,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Session<A>> {
  const facts = {
    cookieHeader: request.headers.cookie,
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    raw: request,
  }
  const exchange = await SessionExchange.open(manager, facts, attributesView)
  holdResponse(response, {
    beforeHead: () => exchange.beforeHead(),
    beforeEnd: () => exchange.beforeEnd(),
    prepareHead: () => {
      const cookie = exchange.setCookie(
        isSecureRequest(request, manager.settings.trustProxy === true),
      )
      if (cookie !== undefined) response.appendHeader('Set-Cookie', cookie)
    },
    failure: (error) => sendFailure(response, error),
    onError: (error) => {
      manager.settings.logger.error({ err: error }, 'held response could not be sent')
    },
  })
  // The client may have gone while the session was loaded: then there is no further event.
  if (response.closed) exchange.close()
  else response.once('close', () => exchange.close())
  return new ExchangeSession<A>(exchange)
}

function breakOff(response: ServerResponse): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.statusCode = 500
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.end('internal server error\n')
}

function isSecureRequest(request: IncomingMessage, trustProxy: boolean): boolean {
  if ('encrypted' in request.socket && request.socket.encrypted === true) return true
  if (!trustProxy) return false
  const forwarded = request.headers['x-forwarded-proto'] ?? ''
  const [first = ''] = (Array.isArray(forwarded) ? forwarded.join() : forwarded).split(',', 1)
  return first.trim().toLowerCase() === 'https'
}
