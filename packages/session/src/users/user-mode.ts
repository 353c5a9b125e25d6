/*
 * A mode that keeps the users' indexes in step with the sessions that go through it, and that ends
 * sessions which were ended on another server.
 *
 * A request whose session has the same user as before costs a look at the attribute and nothing
 * else; once in `refreshMs` the index is told in the background that the session is in use. A
 * login, where the user changes, waits for the index whatever `sessionBackupAsync` says.
 */
import type { ActiveSession, Commit, SessionMode } from '../active-session.ts'
import type { Attributes } from '../encoding/envelope.ts'
import { replaceAttributes } from '../encoding/merge.ts'
import { NO_CONTENT, type SessionCodec } from '../encoding/session-codec.ts'
import { SessionStoreUnavailableError } from '../errors.ts'
import type { LocalSession } from '../local-sessions.ts'
import type { ModeGauges } from '../observe/metrics-table.ts'
import type { SessionSettings } from '../options.ts'
import type { Written } from '../store/session-store.ts'
import { lifeSeconds } from '../ttl.ts'
import type { RevocationFeed } from './revocation-feed.ts'
import { isLoginRefusal, SessionRevokedError } from './user-errors.ts'
import type { ListedSession } from './user-index.ts'
import type { UserSessions } from './user-sessions.ts'

/** Sessions of which it is remembered when the index was last told of them. */
export const NOTED_SESSIONS_MAX = 100_000

type WriteOutcome = Written['outcome']

/** Leaves the index as it is when a session changed its user and could not be stored. */
const NOT_STORED = new Error('not stored')

/** What the index has been told of a session. */
interface Known {
  user: string | undefined
  id: string
  /** A background note is on its way. */
  refreshing: boolean
  /** When the index was last told; undefined: look it up. */
  notedMs: number | undefined
}

export interface UserModeParts {
  mode: SessionMode
  users: UserSessions
  codec: SessionCodec
  settings: SessionSettings
  feed: RevocationFeed | undefined
  sidOf: (id: string) => string
}

export class UserMode implements SessionMode {
  readonly #mode: SessionMode
  readonly #users: UserSessions
  readonly #codec: SessionCodec
  readonly #settings: SessionSettings
  readonly #feed: RevocationFeed | undefined
  readonly #sidOf: (id: string) => string
  /** By the attributes, which in sticky mode all requests of a session share. */
  readonly #known = new WeakMap<Attributes, Known>()
  /** When the index was last told, by sid; the one told longest ago goes first. */
  readonly #notedMs = new Map<string, number>()

  constructor({ mode, users, codec, settings, feed, sidOf }: UserModeParts) {
    this.#mode = mode
    this.#users = users
    this.#codec = codec
    this.#settings = settings
    this.#feed = feed
    this.#sidOf = sidOf
    settings.observer.events.on('expired', ({ id, attributes }) => {
      const user = attributes === undefined ? undefined : this.#userOrNobody(attributes)
      if (user !== undefined && settings.enabled) void this.#users.forget(user, this.#sidOf(id))
    })
  }

  load(id: string): Promise<ActiveSession | undefined> | ActiveSession | undefined {
    const found = this.#mode.load(id)
    if (found instanceof Promise) return found.then((active) => this.#arrived(active, id))
    return this.#meet(found, id)
  }

  peek(id: string): ActiveSession | undefined {
    return this.#meet(this.#mode.peek(id), id)
  }

  create(id: string): ActiveSession {
    return this.#mode.create(id)
  }

  admit(): void {
    this.#mode.admit()
  }

  isChanged(active: ActiveSession): boolean {
    return this.#mode.isChanged(active)
  }

  commit(active: ActiveSession, saveUninitialized: boolean): Commit {
    if (!this.#settings.enabled) return this.#mode.commit(active, saveUninitialized)
    const known = this.#known.get(active.attributes)
    let user = known?.user
    try {
      if (active.accessed || active.isNew) user = this.#userOf(active)
    } catch (error) {
      return { saved: Promise.reject(error), cookieDue: false, awaited: true }
    }
    if (user === known?.user) {
      const commit = this.#mode.commit(active, saveUninitialized)
      if (user !== undefined) this.#noteUse(active, user, commit)
      return commit
    }
    const isEmpty = active.isNew && Object.keys(active.attributes).length === 0
    if (isEmpty && !saveUninitialized) return this.#mode.commit(active, saveUninitialized)
    const save = (): Promise<void> =>
      this.#mode.commit(active, saveUninitialized).saved ?? Promise.resolve()
    const cookieDue = active.isNew || active.cookieDue
    return { saved: this.#changeUser(active, user, save), cookieDue, awaited: true }
  }

  save(active: ActiveSession): Promise<void> {
    if (!this.#settings.enabled) return this.#mode.save(active)
    const known = this.#known.get(active.attributes)
    const user = this.#userOf(active)
    if (user === known?.user) return this.#mode.save(active)
    return this.#changeUser(active, user, () => this.#mode.save(active))
  }

  async storeOnce(active: ActiveSession): Promise<WriteOutcome> {
    const user = this.#userOf(active)
    const known = this.#known.get(active.attributes)
    if (user === known?.user) return await this.#mode.storeOnce(active)
    let outcome: WriteOutcome = 'EXISTS'
    const store = async (): Promise<void> => {
      outcome = await this.#mode.storeOnce(active)
      if (outcome !== 'STORED') throw NOT_STORED
    }
    try {
      await this.#changeUser(active, user, store)
    } catch (error) {
      if (error !== NOT_STORED) throw error
    }
    return outcome
  }

  held(id: string): LocalSession | undefined {
    return this.#mode.held(id)
  }

  async reload(active: ActiveSession): Promise<void> {
    await this.#mode.reload(active)
    this.#meet(active, active.id)
  }

  async destroy(active: ActiveSession): Promise<void> {
    const isListed = this.#settings.enabled
    const user = isListed ? this.#known.get(active.attributes)?.user : undefined
    await this.#mode.destroy(active)
    const sid = this.#sidOf(active.id)
    this.#notedMs.delete(sid)
    if (user !== undefined) await this.#users.forget(user, sid)
  }

  destroyById(id: string): Promise<void> {
    return this.#mode.destroyById(id)
  }

  gauges(): ModeGauges {
    return this.#mode.gauges()
  }

  close(): Promise<void> {
    return this.#mode.close()
  }

  /** A session from the store may have been ended while it was on its way here. */
  async #arrived(
    active: ActiveSession | undefined,
    id: string,
  ): Promise<ActiveSession | undefined> {
    if (active === undefined || this.#feed?.has(this.#sidOf(active.id)) !== true) {
      return this.#meet(active, id)
    }
    await this.#mode.destroy(active).catch(() => undefined)
    return undefined
  }

  /** What is loaded counts as listed, under the id it was loaded by. */
  #meet(active: ActiveSession | undefined, id: string): ActiveSession | undefined {
    if (active === undefined || this.#known.has(active.attributes)) return active
    const user = this.#userOrNobody(active.attributes)
    this.#know(active.attributes, user, id)
    return active
  }

  async #changeUser(
    active: ActiveSession,
    user: string | undefined,
    save: () => Promise<void>,
  ): Promise<void> {
    const previous = this.#known.get(active.attributes)?.user
    const sid = this.#sidOf(active.id)
    const isListed = user === undefined ? false : await this.#reserve(active, user)
    await save()
    if (user !== undefined && isListed) {
      if (await this.#wasEnded(user, sid)) {
        await this.#mode.destroy(active)
        throw new SessionRevokedError()
      }
      this.#noted(sid)
    }
    if (user === undefined || isListed) {
      this.#know(active.attributes, user, active.id)
    }
    if (previous !== undefined) await this.#users.forget(previous, sid)
  }

  /** False: the store is away and the policy lets the login pass; the next request tries again. */
  async #reserve(active: ActiveSession, user: string): Promise<boolean> {
    try {
      await this.#users.reserve(user, this.#listed(active))
      return true
    } catch (error) {
      if (isLoginRefusal(error)) this.#takeBack(active)
      const mayPass = error instanceof SessionStoreUnavailableError
      if (!mayPass || this.#settings.storeFailure === 'fail') throw error
      this.#settings.logger.warn({ err: error }, 'session of a user is not listed yet')
      return false
    }
  }

  async #wasEnded(user: string, sid: string): Promise<boolean> {
    try {
      return await this.#users.wasEnded(user, sid)
    } catch (error) {
      if (this.#settings.storeFailure === 'fail') throw error
      return false
    }
  }

  /** A refused login leaves the session as it was stored, so nobody is logged in by it. */
  #takeBack({ attributes, local, stored }: ActiveSession): void {
    const content = local?.savedContent ?? stored?.content ?? NO_CONTENT
    replaceAttributes(attributes, this.#codec.attributesIn(content))
  }

  #noteUse(active: ActiveSession, user: string, { saved }: Commit): void {
    const known = this.#known.get(active.attributes)
    if (known === undefined || known.refreshing) return
    known.notedMs ??= this.#notedMs.get(this.#sidOf(active.id)) ?? 0
    const isDue = Date.now() - known.notedMs >= this.#users.indexes.refreshMs
    if (!isDue && known.id === active.id) return
    known.refreshing = true
    void this.#refresh(active, user, saved).finally(() => {
      known.refreshing = false
    })
  }

  /** Never rejects: the next request tries again. */
  async #refresh(
    active: ActiveSession,
    user: string,
    saved: Promise<void> | undefined,
  ): Promise<void> {
    try {
      await saved
      if (active.destroyed || active.local?.destroyed === true) return
      if (await this.#users.refresh(user, this.#listed(active))) {
        this.#noted(this.#sidOf(active.id))
        this.#know(active.attributes, user, active.id)
        return
      }
      await this.#mode.destroy(active)
      this.#settings.observer.tell('destroyed', { id: active.id, by: 'elsewhere' })
    } catch (error) {
      this.#settings.logger.debug({ err: error }, 'use of a session is not noted')
    }
  }

  #know(attributes: Attributes, user: string | undefined, id: string): void {
    this.#known.set(attributes, { user, id, refreshing: false, notedMs: undefined })
  }

  #listed(active: ActiveSession): ListedSession {
    const { id, createdMs, cookie } = active
    const life = lifeSeconds(this.#settings, cookie)
    return { sid: this.#sidOf(id), id, createdMs, seenMs: Date.now(), lifeSeconds: life }
  }

  #noted(sid: string): void {
    this.#notedMs.delete(sid)
    for (const oldest of this.#notedMs.keys()) {
      if (this.#notedMs.size < NOTED_SESSIONS_MAX) break
      this.#notedMs.delete(oldest)
    }
    this.#notedMs.set(sid, Date.now())
  }

  #userOf(active: ActiveSession): string | undefined {
    return this.#settings.userOf?.(active.attributes)
  }

  /** For stored sessions, where the application cannot be told of a wrong type. */
  #userOrNobody(attributes: Attributes): string | undefined {
    try {
      return this.#settings.userOf?.(attributes)
    } catch {
      return undefined
    }
  }
}
