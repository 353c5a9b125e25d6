/*
 * What Next.js's `await cookies()` and `await headers()` give, as far as it is used here, and the
 * session cookie in its terms. Next itself is not imported.
 */
import { resolveCookie } from '../cookie.ts'
import type { SessionExchange } from '../exchange/session-exchange.ts'

/** Third argument of `cookies().set`. */
export interface NextCookieOptions {
  path: string
  httpOnly: boolean
  secure: boolean
  sameSite?: 'lax' | 'strict' | 'none'
  domain?: string
  expires?: Date
  partitioned?: boolean
  priority?: 'low' | 'medium' | 'high'
}

/** The cookie store of a request: `await cookies()`. */
export interface NextCookies {
  get(name: string): { value: string } | undefined
  /** Throws where Next has already begun the response, as in a server component. */
  set?(name: string, value: string, options: NextCookieOptions): unknown
}

/** The headers of a request: `await headers()`. */
export interface NextHeaders {
  get(name: string): string | null
}

/** The session is new or has a new life, and this is a place where Next cannot set cookies. */
export class SessionCookieReadOnlyError extends Error {
  readonly code = 'HOLDFAST_SESSION_COOKIE_READ_ONLY'
  readonly status = 500
  constructor(cause: unknown) {
    super(
      'the session cookie cannot be set here: Next.js allows it in server actions and route ' +
        'handlers, not in server components',
      { cause },
    )
    this.name = 'SessionCookieReadOnlyError'
  }
}

/** Sets the session cookie if one is due. Throws SessionCookieReadOnlyError. */
export function setDueCookie(
  exchange: SessionExchange,
  cookies: NextCookies,
  isSecure: boolean,
): void {
  if (!exchange.isCookieDue) return
  const { domain, partitioned, priority, sameSite, ...others } = resolveCookie(
    exchange.cookie,
    isSecure,
  )
  if (others.secure && !isSecure) return
  const { cookieMaxAgeMs, manager } = exchange
  const options: NextCookieOptions = {
    path: others.path,
    httpOnly: others.httpOnly,
    secure: others.secure,
    ...(sameSite === undefined ? {} : { sameSite }),
    ...(domain === undefined ? {} : { domain }),
    ...(cookieMaxAgeMs === null ? {} : { expires: new Date(Date.now() + cookieMaxAgeMs) }),
    ...(partitioned ? { partitioned } : {}),
    ...(priority === undefined ? {} : { priority }),
  }
  try {
    if (cookies.set === undefined) throw new TypeError('the cookie store has no method set')
    cookies.set(manager.settings.cookieName, manager.cookieValue(exchange.active), options)
  } catch (error) {
    throw new SessionCookieReadOnlyError(error)
  }
}
