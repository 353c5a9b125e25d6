/*
 * Sessions outside a request: look them up, change them, end them, by id or by user. Jobs,
 * websockets and admin pages come here through SessionManager.
 *
 * An id is taken as it is in the session (`<sid>-<node>.<route>`) or as the signed cookie value
 * (`s:...`). Nothing here ever makes a session.
 */
import type { ActiveSession, SessionMode } from '../active-session.ts'
import { rawCookies } from '../cookie.ts'
import type { CookieSigner } from '../cookie-signer.ts'
import type { Attributes } from '../encoding/envelope.ts'
import type { SessionCodec } from '../encoding/session-codec.ts'
import { SessionGoneError } from '../errors.ts'
import type { SessionSettings } from '../options.ts'
import { formatSessionId, parseSessionId } from '../session-id.ts'
import type { SessionStore } from '../store/session-store.ts'
import { storedTtlSeconds } from '../ttl.ts'
import { userText } from '../user-options.ts'
import { AtomicUpdates, type SessionUpdate } from './atomic-update.ts'
import { RevocationFeed } from './revocation-feed.ts'
import { UserMode } from './user-mode.ts'
import {
  type EndingSession,
  type EndOutcome,
  type UserSession,
  UserSessions,
} from './user-sessions.ts'

export interface SessionControlParts {
  mode: SessionMode
  store: SessionStore
  codec: SessionCodec
  settings: SessionSettings
  signer: CookieSigner
}

/** Options of `revokeUser`. */
export interface RevokeUserOptions {
  /** The id, or the signed cookie value, of the session that stays. */
  except?: string | undefined
}

const ENDED_AT_ONCE = 16
/** A cookie value, URL-encoded or not; an id holds no colon and no percent sign. */
const SIGNED = /^s(:|%3a)/i

export class SessionControl {
  /** What requests go through. */
  readonly mode: SessionMode
  readonly #updates: AtomicUpdates
  readonly #bare: SessionMode
  readonly #store: SessionStore
  readonly #codec: SessionCodec
  readonly #settings: SessionSettings
  readonly #signer: CookieSigner
  readonly #users: UserSessions
  readonly #feed: RevocationFeed | undefined

  constructor({ mode, store, codec, settings, signer }: SessionControlParts) {
    this.#bare = mode
    this.#store = store
    this.#codec = codec
    this.#settings = settings
    this.#signer = signer
    const { sticky, userOf, revocationPollMs } = settings
    if (sticky && revocationPollMs > 0) {
      this.#feed = new RevocationFeed(store, settings, (sid) => this.#endedElsewhere(sid))
    }
    settings.observer.attach({
      sidOf: (id) => this.#sidOf(id),
      addressOf: (id) => store.keys.nodeOf(id)?.address,
      onListenerError: (error) =>
        settings.logger.error({ err: error }, 'listener of a session event failed'),
    })
    this.#users = new UserSessions(store, settings, { end: (sessions) => this.#end(sessions) })
    const sidOf = (id: string): string => this.#sidOf(id)
    const isLayered = userOf !== undefined || this.#feed !== undefined
    this.mode = isLayered
      ? new UserMode({ mode, users: this.#users, codec, settings, feed: this.#feed, sidOf })
      : mode
    this.#updates = new AtomicUpdates({ mode: this.mode, store, codec, settings, sidOf })
  }

  /** The id in an id or a signed cookie value; undefined when it is neither. */
  idOf(text: string): string | undefined {
    const id = SIGNED.test(text) ? this.#signer.verify(text) : text
    return id !== undefined && this.#parse(id) !== undefined ? id : undefined
  }

  /** The id of the first session cookie in a Cookie header that verifies. */
  idOfCookie(cookieHeader: string | undefined): string | undefined {
    for (const value of rawCookies(cookieHeader, this.#settings.cookieName)) {
      const id = this.#signer.verify(value)
      if (id !== undefined && this.#parse(id) !== undefined) return id
    }
    return undefined
  }

  /** A copy of the attributes; undefined: no such session. It is not taken over, nor renewed. */
  async read(text: string): Promise<Attributes | undefined> {
    const id = this.idOf(text)
    if (id === undefined) return undefined
    const local = this.#bare.held(id)
    if (local !== undefined) {
      return this.#codec.attributesIn(this.#codec.content(local.attributes, local.cookie))
    }
    if (!this.#settings.enabled || !this.#store.knows(id)) return undefined
    const item = await this.#store.load(id)
    const decoded = item === undefined ? undefined : await this.#codec.decode(item.value, id)
    return decoded?.ok === true ? decoded.envelope.attributes : undefined
  }

  /** How long a session of another server lives. */
  async #storedLife(id: string): Promise<number | undefined> {
    const item = await this.#store.load(id)
    const decoded = item === undefined ? undefined : await this.#codec.decode(item.value, id)
    return decoded?.ok === true ? decoded.envelope.maxInactiveSeconds : undefined
  }

  /** Renews the session's life; false: no such session. */
  async touch(text: string): Promise<boolean> {
    const id = this.idOf(text)
    if (id === undefined) return false
    const { enabled, sticky } = this.#settings
    // Loading renews.
    if (!sticky) return (await this.#bare.load(id)) !== undefined
    const local = this.#bare.held(id)
    if (local !== undefined) local.lastAccessedMs = Date.now()
    if (!enabled || !this.#store.knows(id)) return local !== undefined
    const life = local?.maxInactiveSeconds ?? (await this.#storedLife(id))
    if (life === undefined) return false
    return (await this.#store.touch(id, storedTtlSeconds(life))) || local !== undefined
  }

  update<T>(text: string, fn: SessionUpdate<T>): Promise<T> {
    const id = this.idOf(text)
    return id === undefined
      ? Promise.reject(new SessionGoneError())
      : this.#updates.updateById(id, fn)
  }

  /** For the session of a request; a lock that it holds is looked after. */
  updateActive<T>(active: ActiveSession, fn: SessionUpdate<T>): Promise<T> {
    const { hold } = active
    if (hold === undefined) return this.#updates.update(active, fn)
    let updated: Promise<T> | undefined
    const run = async (): Promise<void> => {
      updated = this.#updates.update(active, fn)
      await updated
    }
    return hold.save(run).then(() => {
      if (updated === undefined) throw new SessionGoneError()
      return updated
    })
  }

  /** Ends a session for the application; nothing is told of an id that is none. */
  async destroyById(text: string): Promise<void> {
    const id = this.idOf(text)
    if (id === undefined) return
    const user = await this.#userOfId(id).catch(() => undefined)
    const sid = this.#sidOf(id)
    const { failure } = await this.#end([{ sid, id }])
    if (failure !== undefined) throw failure
    this.#settings.observer.tell('destroyed', { id, by: 'application' })
    if (user !== undefined) await this.#users.forget(user, sid)
  }

  listByUser(user: string | number): Promise<UserSession[]> {
    return this.#users.list(this.#userOf(user, 'listByUser'))
  }

  /** Ends a session wherever it lives; false: it was not known. */
  async revoke(text: string): Promise<boolean> {
    const id = this.idOf(text)
    if (id === undefined) return false
    const attributes = await this.read(id)
    const user = attributes === undefined ? undefined : this.#settings.userOf?.(attributes)
    await this.#users.revoke(user, { sid: this.#sidOf(id), id })
    return attributes !== undefined
  }

  /** Ends all sessions of a user; resolves to their number. */
  revokeUser(user: string | number, { except }: RevokeUserOptions = {}): Promise<number> {
    const name = this.#userOf(user, 'revokeUser')
    const id = except === undefined ? undefined : this.idOf(except)
    if (except !== undefined && id === undefined) {
      return Promise.reject(new TypeError('except is not the id of a session'))
    }
    return this.#users.revokeUser(name, id === undefined ? undefined : this.#sidOf(id))
  }

  close(): void {
    this.#feed?.close()
  }

  async #userOfId(id: string): Promise<string | undefined> {
    const { userOf } = this.#settings
    const attributes = userOf === undefined ? undefined : await this.read(id)
    return attributes === undefined ? undefined : userOf?.(attributes)
  }

  async #end(sessions: readonly EndingSession[]): Promise<EndOutcome> {
    const ended: EndingSession[] = []
    let failure: unknown
    const tried = async (session: EndingSession): Promise<void> => {
      try {
        await this.#endOne(session)
        ended.push(session)
      } catch (error) {
        failure ??= error
      }
    }
    for (let start = 0; start < sessions.length; start += ENDED_AT_ONCE) {
      await Promise.all(sessions.slice(start, start + ENDED_AT_ONCE).map(tried))
    }
    try {
      const isTold = sessions.length > 0 && this.#settings.enabled
      if (isTold) await this.#feed?.append(sessions.map(({ sid }) => sid))
      return { ended, failure }
    } catch (error) {
      return { ended: [], failure: error }
    }
  }

  async #endOne({ sid, id }: EndingSession): Promise<void> {
    const here = this.#localIdOf(sid)
    if (here !== undefined && here !== id) await this.#bare.destroyById(here)
    await this.#bare.destroyById(id)
  }

  /** Another server ended a session that may be in this one's memory. */
  #endedElsewhere(sid: string): void {
    const id = this.#localIdOf(sid)
    if (id === undefined) return
    this.#bare.destroyById(id).then(
      () => this.#settings.observer.tell('destroyed', { id, by: 'elsewhere' }),
      (error: unknown) =>
        this.#settings.logger.warn({ err: error }, 'revoked session is not deleted from the store'),
    )
  }

  /** The id under which a session is in this process's memory. */
  #localIdOf(sid: string): string | undefined {
    if (!this.#settings.sticky) return undefined
    const { route } = this.#settings
    const nodeIds = this.#store.withNodeIds ? this.#store.gauges().map(({ node }) => node) : []
    for (const nodeId of [...nodeIds, undefined]) {
      const held = this.#bare.held(formatSessionId({ sid, nodeId, route }))
      if (held !== undefined) return held.id
    }
    return undefined
  }

  #userOf(user: string | number, what: string): string {
    if (this.#settings.userOf === undefined) throw new TypeError(`${what} needs the option userOf`)
    const name = userText(user)
    if (name === undefined) throw new TypeError(`${what} needs a user`)
    return name
  }

  #sidOf(id: string): string {
    return this.#parse(id)?.sid ?? id
  }

  #parse(id: string): ReturnType<typeof parseSessionId> {
    return parseSessionId(id, this.#store.withNodeIds)
  }
}
