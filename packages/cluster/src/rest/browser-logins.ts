/**
 * Logins of browsers: a cookie that holds a signed token, good at every member. It counts only for
 * requests that carry {@link BROWSER_HEADER}, which no page of another origin can send unasked. A
 * login ends when it is not used for half an hour, when its password changes, and where it was
 * logged out. Who may do what is access.ts.
 */
import { randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ClusterDocument } from '../document/cluster-document.ts'
import { type LoginClaims, type LoginRole, readToken, signToken } from './login-token.ts'
import { SpentIds } from './spent-ids.ts'

/** Every request of the console carries it, with the value `yes` (as Couchbase's own does). */
export const BROWSER_HEADER = 'ns-server-ui'
/** A login that is not used for this long is over. */
export const UI_SESSION_SECONDS = 1800
export const TICKET_SECONDS = 60

/** A request renews a login of which more than this share is over. */
const RENEWED_AFTER = 1 / 3
const ID_BYTES = 12
/** Cookies are shared by all ports of a host: over TLS it has another name, for TLS alone. */
const COOKIE = 'holdfast-ui'
const SECURE_COOKIE = '__Host-holdfast-ui'

/** What happens to a login after it has begun; `expiresAtMs` 0: it has ended. */
export type LoginListener = (id: string, expiresAtMs: number) => void

/** A request and the answer that is to carry its cookie. */
export interface Exchange {
  request: FastifyRequest
  reply: FastifyReply
}

export class BrowserLogins {
  readonly #document: () => ClusterDocument
  readonly #nowMs: () => number
  readonly #ended = new SpentIds()
  readonly #usedTickets = new SpentIds()
  readonly #listeners = new Set<LoginListener>()

  constructor(document: () => ClusterDocument, nowMs: () => number = Date.now) {
    this.#document = document
    this.#nowMs = nowMs
  }

  /** Told of every login of a browser that is renewed or ended here. */
  onChange(listener: LoginListener): void {
    this.#listeners.add(listener)
  }

  /** The login of a request; null without one, and for a request that has other credentials. */
  find(request: FastifyRequest): LoginClaims | null {
    const { authorization } = request.headers
    const token = request.cookies?.[cookieName(request)]
    if (authorization !== undefined || token === undefined || !isOfConsole(request)) return null
    const claims = readToken('login', token, this.#document(), this.#nowMs())
    return claims === null || this.#ended.has(claims.id) ? null : claims
  }

  /** Logs a browser in. */
  begin(exchange: Exchange, user: string, role: LoginRole): LoginClaims {
    const expiresAtMs = this.#nowMs() + UI_SESSION_SECONDS * 1000
    const id = randomBytes(ID_BYTES).toString('base64url')
    return this.#give(exchange, { id, user, role, expiresAtMs, loginEndsAtMs: expiresAtMs })
  }

  /** Puts the end of a login off when a good part of its time is over. */
  renew(exchange: Exchange): void {
    const claims = this.find(exchange.request)
    if (claims === null) return
    const lifeMs = UI_SESSION_SECONDS * 1000
    const leftMs = claims.expiresAtMs - this.#nowMs()
    if (leftMs > lifeMs * (1 - RENEWED_AFTER)) return
    const expiresAtMs = this.#nowMs() + lifeMs
    this.#give(exchange, { ...claims, expiresAtMs, loginEndsAtMs: expiresAtMs })
    this.#tell(claims.id, expiresAtMs)
  }

  /** Logs a browser out. */
  end(exchange: Exchange): void {
    if (!isOfConsole(exchange.request)) return
    const claims = this.find(exchange.request)
    const secure = isSecure(exchange.request)
    exchange.reply.clearCookie(cookieName(exchange.request), { path: '/', secure })
    if (claims === null) return
    this.#ended.add(claims.id, claims.expiresAtMs, this.#nowMs())
    this.#tell(claims.id, 0)
  }

  /** A word by which the same browser gets its login at another node, within a minute. */
  ticket(claims: LoginClaims): string {
    const expiresAtMs = Math.min(this.#nowMs() + TICKET_SECONDS * 1000, claims.expiresAtMs)
    const loginEndsAtMs = claims.expiresAtMs
    return signToken('ticket', { ...claims, expiresAtMs, loginEndsAtMs }, this.#document())
  }

  /** Takes a ticket for the login that it stands for, with what is left of its time; once. */
  redeem(exchange: Exchange, ticket: string): LoginClaims | null {
    const nowMs = this.#nowMs()
    const claims = readToken('ticket', ticket, this.#document(), nowMs)
    if (claims === null || this.#ended.has(claims.id)) return null
    if (!this.#usedTickets.add(ticket, claims.expiresAtMs, nowMs)) return null
    return this.#give(exchange, { ...claims, expiresAtMs: claims.loginEndsAtMs })
  }

  /** A cookie header by which this process asks itself in a user's name, for a moment. */
  passFor(role: LoginRole, user: string, lifeMs: number): Record<string, string> {
    const expiresAtMs = this.#nowMs() + lifeMs
    const claims = { id: '', user, role, expiresAtMs, loginEndsAtMs: expiresAtMs }
    const token = signToken('login', claims, this.#document())
    return { cookie: `${COOKIE}=${token}`, [BROWSER_HEADER]: 'yes' }
  }

  /** Whole seconds until a login ends. */
  secondsLeft(claims: LoginClaims): number {
    return Math.max(0, Math.round((claims.expiresAtMs - this.#nowMs()) / 1000))
  }

  #give({ request, reply }: Exchange, claims: LoginClaims): LoginClaims {
    reply.setCookie(cookieName(request), signToken('login', claims, this.#document()), {
      path: '/',
      httpOnly: true,
      sameSite: 'strict',
      secure: isSecure(request),
      maxAge: this.secondsLeft(claims),
    })
    return claims
  }

  #tell(id: string, expiresAtMs: number): void {
    for (const listener of this.#listeners) listener(id, expiresAtMs)
  }
}

/** Whether a page of this origin, or a tool that says so, has sent a request. */
export function isOfConsole(request: FastifyRequest): boolean {
  return request.headers[BROWSER_HEADER] === 'yes'
}

/**
 * Whether a page of another origin would have something changed by a browser that reaches this
 * node: where there is no admin yet, or the browser remembers a password, that alone would do.
 */
export function isForeign(request: FastifyRequest): boolean {
  if (request.method === 'GET' || request.method === 'HEAD' || isOfConsole(request)) return false
  const { origin, host, 'sec-fetch-site': site } = request.headers
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  return origin !== undefined && URL.parse(origin)?.host !== host
}

function isSecure(request: FastifyRequest): boolean {
  return request.protocol === 'https'
}

function cookieName(request: FastifyRequest): string {
  return isSecure(request) ? SECURE_COOKIE : COOKIE
}
