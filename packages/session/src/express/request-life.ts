/*
 * Express's side of an exchange: puts `session`, `sessionID` and `sessionStore` on the request and
 * holds the response. What happens with the session is decided by exchange/session-exchange.ts.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ActiveSession } from '../active-session.ts'
import { holdResponse } from '../exchange/response-hold.ts'
import type { SessionExchange } from '../exchange/session-exchange.ts'
import type { SessionManager } from '../session-manager.ts'
import { requestCookie, requestSession, type SessionCallback } from './request-session.ts'

/** Gives the request its session and the response its wait. */
export function beginExchange(
  exchange: SessionExchange,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { manager } = exchange
  Object.defineProperties(request, {
    session: {
      configurable: true,
      enumerable: true,
      get: () => exchange.session,
      set: (value: unknown) => {
        if (value === null || value === undefined) exchange.session = undefined
        else if (typeof value === 'object') exchange.session = value
      },
    },
    sessionID: { configurable: true, enumerable: true, get: () => exchange.id },
    sessionStore: { configurable: true, value: sessionStore(manager) },
  })
  const { logger } = manager.settings
  holdResponse(response, {
    beforeHead: () => exchange.beforeHead(),
    beforeEnd: () => exchange.beforeEnd(),
    prepareHead: () => {
      const header = exchange.setCookie(isSecureRequest(request))
      if (header !== undefined) response.appendHeader('Set-Cookie', header)
    },
    failure: (error) => refuse(response, error),
    onError: (error) => logger.error({ err: error }, 'held response could not be sent'),
  })
  response.once('close', () => exchange.close())
}

/** What Express's applications see of a session. */
export function expressView(exchange: SessionExchange, active: ActiveSession): object {
  const { manager } = exchange
  const methods = new Map<string, unknown>([
    ['id', active.id],
    ['cookie', requestCookie(active, manager.settings.cookie)],
  ])
  const session = requestSession(active, methods, () => manager.admit())
  const returning = (work: () => Promise<void>, callback?: SessionCallback): object => {
    const working = work()
    if (callback === undefined) working.catch((error: unknown) => exchange.report(error))
    else void settle(working, callback)
    return session
  }
  // A session that was kept from before a regenerate is no longer the exchange's.
  const destroy = (): Promise<void> =>
    exchange.active === active ? exchange.destroy() : manager.destroy(active)
  methods
    .set('save', (callback?: SessionCallback) => settle(manager.save(active), callback))
    .set('reload', (callback?: SessionCallback) => settle(manager.reload(active), callback))
    .set('destroy', (callback?: SessionCallback) => returning(destroy, callback))
    .set('regenerate', (callback?: SessionCallback) =>
      returning(() => exchange.regenerate(), callback),
    )
    .set('touch', () => session)
    .set('resetMaxAge', () => {
      delete active.cookie.maxAgeMs
      return session
    })
  return session
}

function refuse(response: ServerResponse, error: unknown): void {
  const status = statusOf(error)
  response.statusCode = status
  response.statusMessage = ''
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.setHeader('Cache-Control', 'no-store')
  if (status === 503) response.setHeader('Retry-After', '1')
  response.end(status === 503 ? 'session store is not available\n' : 'session cannot be stored\n')
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
