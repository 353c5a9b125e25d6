/*
 * The session manager for the App Router of Next.js (Node runtime): `withSession` around route
 * handlers, `getSession` in server actions and server components.
 *
 * Around actions and components there is no middleware that could hold the response, so `save()` is
 * explicit there, and what is not saved is dropped. Next can set cookies in actions and route
 * handlers only; a component may read the session.
 *
 * Next bundles one module several times and loads it anew while developing; all of its copies in a
 * process share one session manager. Sessions are never sticky here: components cannot tell the
 * browser the new id of a takeover.
 */
import { SessionExchange } from '../exchange/session-exchange.ts'
import { type SessionHealth, SessionManager } from '../session-manager.ts'
import type { WebSessionOptions } from '../web/index.ts'
import {
  attributesView,
  ExchangeSession,
  type Session,
  type SessionAttributes,
} from '../web/session.ts'
import { handleWithSession, isForwardedSecure, splitOptions } from '../web/web-exchange.ts'
import { type NextCookies, type NextHeaders, setDueCookie } from './next-cookies.ts'

export type { RegenerateOptions } from '../exchange/session-exchange.ts'
export type { SessionLogger, SessionOptions } from '../options.ts'
export { type SessionHealth, SessionManager } from '../session-manager.ts'
export type { Session, SessionAttributes } from '../web/session.ts'
export {
  type NextCookieOptions,
  type NextCookies,
  type NextHeaders,
  SessionCookieReadOnlyError,
} from './next-cookies.ts'

/** As for any Web-standard handler; `sticky` and `sessionBackupAsync` can only be false. */
export interface NextSessionOptions extends Omit<WebSessionOptions, SettledOption> {
  sticky?: false | undefined
  sessionBackupAsync?: false | undefined
}

const SETTLED_OPTIONS = ['sticky', 'sessionBackupAsync'] as const
type SettledOption = (typeof SETTLED_OPTIONS)[number]

/** Sessions for one Next.js application. */
export interface NextSessions<A extends object = SessionAttributes> {
  /** Wraps a route handler: its response waits until the session is stored. */
  withSession<R extends Request, C = unknown>(
    handler: (request: R, session: Session<A>, context: C) => Response | Promise<Response>,
  ): (request: R, context: C) => Promise<Response>
  /**
   * The session of the request, outside a route handler. Its `save()` stores what was changed and
   * sets the cookie; it rejects with SessionCookieReadOnlyError where Next cannot. Give `headers`
   * if the option `cookie.secure` is `'auto'`. Rejects with SessionStoreUnavailableError.
   *
   * @example
   * const session = await getSession(await cookies())
   * session.set('user', 'ann')
   * await session.save()
   */
  getSession(cookies: NextCookies, headers?: NextHeaders): Promise<Session<A>>
  /** A real round trip to the store, at most half a second; for a balancer's health check. */
  health(): Promise<SessionHealth>
  /** Closes the connections of all copies of this module. */
  close(): Promise<void>
  readonly sessionManager: SessionManager
}

/**
 * Makes sessions for a Next.js application. Throws TypeError for options that are wrong.
 *
 * @example
 * export const { withSession, getSession } = createSessions({ memcachedNodes, secret })
 */
export function createSessions<A extends object = SessionAttributes>(
  options: NextSessionOptions,
): NextSessions<A> {
  for (const name of SETTLED_OPTIONS) {
    if ((options[name] ?? false) !== false) {
      throw new TypeError(`option ${name} can only be false with Next.js`)
    }
  }
  const [managerOptions, webOptions] = splitOptions({ ...options, sticky: false })
  const shared = sharedManager(managerOptions)
  const { manager } = shared
  return {
    withSession: (handler) => (request, context) =>
      handleWithSession<A>(manager, request, webOptions, (session) =>
        handler(request, session, context),
      ),
    getSession: async (cookies, headers) => {
      const exchange = await openExchange(manager, cookies)
      const isSecure =
        headers === undefined ? manager.settings.cookie.secure === true : isForwardedSecure(headers)
      return new NextSession<A>(exchange, cookies, isSecure)
    },
    health: () => manager.health(),
    close: () => shared.close(),
    sessionManager: manager,
  }
}

async function openExchange(
  manager: SessionManager,
  cookies: NextCookies,
): Promise<SessionExchange> {
  const sent = cookies.get(manager.settings.cookieName)?.value
  const facts = {
    cookieHeader: undefined,
    cookieValues: sent === undefined ? [] : [sent],
    // Actions are POST requests. Next does not tell a component or an action its URL.
    method: 'POST',
    url: '',
    raw: cookies,
    // Nothing will tell the end of this request.
    mayLock: false,
  }
  return SessionExchange.open(manager, facts, attributesView)
}

class NextSession<A extends object> extends ExchangeSession<A> {
  readonly #exchange: SessionExchange
  readonly #cookies: NextCookies
  readonly #isSecure: boolean

  constructor(exchange: SessionExchange, cookies: NextCookies, isSecure: boolean) {
    super(exchange)
    this.#exchange = exchange
    this.#cookies = cookies
    this.#isSecure = isSecure
  }

  override async save(): Promise<void> {
    const exchange = this.#exchange
    const { isNew } = exchange.active
    await exchange.beforeHead()
    try {
      setDueCookie(exchange, this.#cookies, this.#isSecure)
    } catch (error) {
      // No browser knows its id.
      if (isNew) await exchange.destroy()
      throw error
    }
  }
}

interface SharedManager {
  manager: SessionManager
  close: () => Promise<void>
}

const SHARED: unique symbol = Symbol.for('@holdfast/session/next')

/** One manager per store, key prefix and cookie name in a process. */
function sharedManager(options: ConstructorParameters<typeof SessionManager>[0]): SharedManager {
  const held: unknown = Reflect.get(globalThis, SHARED)
  const managers: Map<string, SharedManager> = held instanceof Map ? held : new Map()
  if (managers !== held) Reflect.set(globalThis, SHARED, managers)
  const { memcachedNodes, storageKeyPrefix, name } = options
  const key = JSON.stringify([memcachedNodes, storageKeyPrefix, name])
  const known = managers.get(key)
  if (known !== undefined) return known
  const manager = new SessionManager(options)
  const shared: SharedManager = {
    manager,
    close: async () => {
      if (managers.get(key) === shared) managers.delete(key)
      await manager.close()
    },
  }
  managers.set(key, shared)
  return shared
}
