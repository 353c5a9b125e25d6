/*
 * A Fastify request's session from `onRequest` to the end of the response: makes `request.session`
 * when it is first asked for, and decides at `onSend` what is stored and which cookie is set, by
 * @fastify/session's rules:
 *
 *   the id is not the cookie's   stored and set when `saveUninitialized` or changed; otherwise a
 *                                cookie that was sent is cleared, because nobody knows its id
 *   the id is the cookie's       set when `rolling`, changed, or saved by hand
 *   cookie.secure without TLS    neither stored nor set
 */
import type { HeldSession } from './held-session.ts'
import type { PluginSettings } from './plugin-options.ts'
import { Session } from './request-session.ts'
import type { SentCookie } from './sent-cookie.ts'
import {
  type CookieOptions,
  SessionCookie,
  serializeClearedCookie,
  serializeSessionCookie,
} from './session-cookie.ts'

/** What matters of a Fastify request. */
interface RequestLike {
  readonly protocol?: string | undefined
}

export class RequestLife {
  readonly settings: PluginSettings
  readonly held: HeldSession
  readonly #request: RequestLike
  readonly #sent: SentCookie
  readonly #cookieOptions: CookieOptions
  /** Undefined: not asked for yet. Null: there is none any more. */
  #session: unknown
  #hasStored = false
  /** The head of the response has been decided about. */
  isSettled = false

  constructor(
    settings: PluginSettings,
    request: RequestLike,
    sent: SentCookie,
    held: HeldSession,
    cookieOptions: CookieOptions = held.cookie ?? settings.cookie,
  ) {
    this.settings = settings
    this.held = held
    this.#request = request
    this.#sent = sent
    this.#cookieOptions = cookieOptions
  }

  get session(): unknown {
    if (this.#session === undefined) this.#session = this.#show(this.#cookieOptions)
    return this.#session
  }

  /** Another object, or null, takes the session away from this request without ending it. */
  set session(value: unknown) {
    this.#session = value ?? null
  }

  get isHttps(): boolean {
    return this.#request.protocol === 'https'
  }

  get signedId(): string {
    const { signedId, isOutdated } = this.#sent
    if (this.#isSentCookie && !isOutdated) return signedId
    return this.settings.signer.sign(this.held.id)
  }

  async destroy(): Promise<void> {
    this.#session = null
    await this.held.destroy()
  }

  async regenerate(keep: readonly string[], cookieOptions: CookieOptions): Promise<void> {
    this.#ours()?.take()
    const destroyed = this.held.regenerate(keep)
    const session = this.#show(cookieOptions)
    this.#session = session
    await destroyed
    await session.save()
  }

  /** What the head of the response has to wait for. Throws what storing throws at once. */
  beforeHead(): Promise<void> | undefined {
    this.isSettled = true
    if (!this.#isKept || this.#isInsecure) return undefined
    this.#ours()?.take()
    const wait = this.held.beforeHead(() => this.#record())
    if (wait !== undefined) this.#hasStored = true
    return wait
  }

  /** The same for what was changed after the head. Never rejects. */
  beforeEnd(): Promise<void> | undefined {
    if (!this.#isKept || this.#isInsecure) return undefined
    this.#ours()?.take()
    return this.held.beforeEnd(() => this.#record())
  }

  /** The Set-Cookie header that is due after `beforeHead`. */
  setCookie(): string | undefined {
    if (!this.#isKept) return undefined
    const { settings, held } = this
    if (this.#isSetDue()) {
      const cookie = this.#ours()?.cookie ?? new SessionCookie(this.#cookieOptions, this)
      return serializeSessionCookie(settings.cookieName, this.#cookieText, cookie)
    }
    if (!this.#sent.isThere || this.#isSentCookie || this.#hasStored || held.isDetached) {
      return undefined
    }
    return serializeClearedCookie(settings.cookieName, settings.cookie)
  }

  /** The cookie's value, URL-encoded. */
  get #cookieText(): string {
    if (this.#isSentCookie && !this.#sent.isOutdated) return this.#sent.text
    return encodeURIComponent(this.settings.cookiePrefix + this.signedId)
  }

  #isSetDue(): boolean {
    if (this.#ours()?.isSaved() === true) return true
    if (this.#isInsecure || this.held.isDetached) return false
    if (this.held.isCookieDue) return true
    if (!this.#isSentCookie) return false
    return this.settings.rolling || this.#hasStored || this.#sent.isOutdated
  }

  /** False after `destroy`, and when the application put something else in the session's place. */
  get #isKept(): boolean {
    return this.#session === undefined || this.#session instanceof Session
  }

  get #isSentCookie(): boolean {
    return this.#sent.id === this.held.id
  }

  get #isInsecure(): boolean {
    const secure = this.#ours()?.cookie.secure ?? this.#cookieOptions.secure
    return secure === true && !this.isHttps
  }

  #ours(): Session | undefined {
    return this.#session instanceof Session ? this.#session : undefined
  }

  #show(cookieOptions: CookieOptions): Session {
    this.held.access()
    return new Session(this, cookieOptions)
  }

  /** For stores that keep whole sessions. */
  #record(): Session {
    const session = this.session
    return session instanceof Session ? session : this.#show(this.#cookieOptions)
  }
}
