/*
 * Non-sticky mode: the store is the master, each request works on its own copy.
 *
 * Loading is one `gats`, which also renews the time to live, so a request that changes nothing
 * costs one operation. Storing is a `cas` with the version loaded; when another request was faster,
 * the session is loaded again, merged per attribute and stored again. A session that is gone by
 * then was destroyed, and stays so. Writes of one session queue up within this process, so that its
 * own parallel requests do not make each other's versions stale over and over. With several nodes
 * each session has a second copy (session-copies.ts), from which it goes on, under the id of
 * another node, when its own is away.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ActiveSession, Commit, SessionMode, StoredState } from './active-session.ts'
import { NOTHING_TO_COMMIT } from './active-session.ts'
import type { CookieOverrides, Envelope } from './encoding/envelope.ts'
import { replaceAttributes } from './encoding/merge.ts'
import { NO_CONTENT, type SessionCodec, type SessionContent } from './encoding/session-codec.ts'
import { SessionConflictError, SessionGoneError, SessionUnreadableError } from './errors.ts'
import type { ModeGauges } from './observe/metrics-table.ts'
import type { SessionSettings } from './options.ts'
import { SessionCopies } from './session-copies.ts'
import type { SessionStore, StoredSession, Written } from './store/session-store.ts'
import { lifeSeconds, masterTtlSeconds } from './ttl.ts'

export const STORE_ATTEMPTS_MAX = 8
const CONFLICT_DELAY_MS = 2

export class NonStickyMode implements SessionMode {
  readonly #settings: SessionSettings
  readonly #store: SessionStore
  readonly #codec: SessionCodec
  readonly #copies: SessionCopies
  /** The last write queued per session id. */
  readonly #writing = new Map<string, Promise<void>>()

  constructor(store: SessionStore, settings: SessionSettings, codec: SessionCodec) {
    this.#settings = settings
    this.#store = store
    this.#codec = codec
    this.#copies = new SessionCopies(store, settings)
  }

  async load(id: string): Promise<ActiveSession | undefined> {
    if (!this.#store.knows(id)) return undefined
    const movedTo = this.#store.relocated(id)
    if (movedTo !== undefined) return await this.#loadMoved(id, movedTo)
    const found = await this.#loadAt(id)
    return found === 'missing' ? await this.#loadCopy(id, id) : found
  }

  /** The session as its node has it; undefined: not readable. */
  async #loadAt(id: string): Promise<ActiveSession | 'missing' | undefined> {
    const item = await this.#store.loadAndRenew(id, this.#ttlSeconds)
    if (item === undefined) return 'missing'
    const decoded = this.#decode(item.value, id)
    if (decoded === undefined) return undefined
    const { envelope, content } = decoded
    const ttlSeconds = this.#ttlOf(envelope.cookie)
    // Loading has renewed it for as long as most sessions live; this one has a life of its own.
    if (ttlSeconds !== this.#ttlSeconds) await this.#store.touch(id, ttlSeconds)
    this.#copies.renew(id, item.value, ttlSeconds)
    const active = this.#active(id, envelope, { content, cas: item.cas })
    active.isNew = false
    return active
  }

  /** The session sits on a node that is away, or on a failover node while a primary is up. */
  async #loadMoved(id: string, movedTo: string): Promise<ActiveSession | undefined> {
    // Another request of this browser may have moved it already; what it stored there is newer.
    const moved = await this.#loadAt(movedTo)
    if (moved !== 'missing') {
      if (moved !== undefined) moved.cookieDue = true
      return moved
    }
    const item = this.#store.isUp(id) ? await this.#store.load(id) : undefined
    const active =
      item === undefined ? await this.#loadCopy(id, movedTo) : this.#revived(item, id, movedTo)
    if (active !== undefined) this.#settings.observer.takenOver(movedTo, id)
    return active
  }

  /** The second copy of a session that its node does not have. */
  async #loadCopy(id: string, newId: string): Promise<ActiveSession | undefined> {
    const item = await this.#copies.find(id)
    return item === undefined ? undefined : this.#revived(item, id, newId)
  }

  /** A session that has to be stored anew, changed or not. */
  #revived(item: StoredSession, id: string, newId: string): ActiveSession | undefined {
    const decoded = this.#decode(item.value, id)
    if (decoded === undefined) return undefined
    const formerId = newId === id ? undefined : id
    const stored: StoredState = { content: undefined, cas: undefined, formerId }
    const active = this.#active(newId, decoded.envelope, stored)
    active.isNew = false
    active.cookieDue = newId !== id
    return active
  }

  peek(): undefined {
    return undefined
  }

  create(id: string): ActiveSession {
    const nowMs = Date.now()
    const envelope: Envelope = {
      createdMs: nowMs,
      lastAccessedMs: nowMs,
      maxInactiveSeconds: this.#settings.maxInactiveSeconds,
      attributes: {},
      cookie: {},
    }
    return this.#active(id, envelope, { content: undefined, cas: undefined })
  }

  admit(): void {
    // Sessions are counted by the store alone.
  }

  isChanged({ attributes, cookie, stored }: ActiveSession): boolean {
    if (stored?.content === undefined) return Object.keys(attributes).length > 0
    return this.#codec.content(attributes, cookie) !== stored.content
  }

  commit(active: ActiveSession, saveUninitialized: boolean): Commit {
    const { stored } = active
    if (stored === undefined || active.destroyed) return NOTHING_TO_COMMIT
    const { cookieDue } = active
    if (stored.content === undefined) {
      if (!saveUninitialized && Object.keys(active.attributes).length === 0) {
        return NOTHING_TO_COMMIT
      }
      return { saved: this.#enqueue(active, stored), cookieDue: cookieDue || active.isNew }
    }
    if (!active.accessed) return { saved: undefined, cookieDue }
    const content = this.#codec.content(active.attributes, active.cookie)
    const changed = content !== stored.content
    return { saved: changed ? this.#enqueue(active, stored, content) : undefined, cookieDue }
  }

  async save(active: ActiveSession): Promise<void> {
    active.accessed = true
    const { saved, cookieDue } = this.commit(active, true)
    if (cookieDue) active.cookieDue = true
    await saved
  }

  async storeOnce(active: ActiveSession): Promise<Written['outcome']> {
    const { stored } = active
    if (stored === undefined) return 'NOT_FOUND'
    const content = this.#codec.content(active.attributes, active.cookie)
    const { outcome, cas } = await this.#put(active, content, stored.cas)
    if (outcome === 'STORED') active.stored = { content, cas }
    return outcome
  }

  held(): undefined {
    return undefined
  }

  async reload(active: ActiveSession): Promise<void> {
    const fresh = await this.load(active.id)
    if (fresh === undefined) throw new SessionGoneError()
    replaceAttributes(active.attributes, fresh.attributes)
    active.stored = fresh.stored
  }

  async destroy(active: ActiveSession): Promise<void> {
    active.destroyed = true
    await this.#writing.get(active.id)
    if (!active.isNew) await this.destroyById(active.id)
  }

  async destroyById(id: string): Promise<void> {
    if (!this.#store.knows(id)) return
    await Promise.all([this.#store.delete(id), this.#copies.delete(id)])
  }

  gauges(): ModeGauges {
    return { localSessions: 0, backupQueue: this.#writing.size, backupLagMs: 0 }
  }

  async close(): Promise<void> {
    await Promise.all(this.#writing.values())
    await this.#copies.close()
  }

  /** `content` is what the session is at this call, where that is known. */
  #enqueue(active: ActiveSession, stored: StoredState, content?: SessionContent): Promise<void> {
    const { id } = active
    const before = this.#writing.get(id)
    const written =
      before === undefined
        ? this.#write(active, stored, content)
        : before.then(() => this.#write(active, stored))
    const done = (): void => {
      if (this.#writing.get(id) === settled) this.#writing.delete(id)
    }
    const settled = written.then(done, done)
    this.#writing.set(id, settled)
    return written
  }

  async #write(active: ActiveSession, stored: StoredState, known?: SessionContent): Promise<void> {
    if (active.destroyed) return
    for (let attempt = 0; attempt < STORE_ATTEMPTS_MAX; attempt++) {
      if (attempt > 0) await delay(Math.random() * CONFLICT_DELAY_MS * 2 ** attempt)
      const isFirst = stored.content === undefined
      if (!isFirst && stored.cas === undefined) {
        if (!(await this.#mergeStored(active, stored))) return
        content = undefined
      }
      content ??= this.#codec.content(active.attributes, active.cookie)
      const { outcome, cas } = await this.#put(active, content, isFirst ? undefined : stored.cas)
      stored.cas = outcome === 'STORED' ? cas : undefined
      if (outcome === 'NOT_FOUND') {
        this.#gone(active)
        return
      }
      if (outcome === 'STORED') {
        active.isNew = false
        stored.content = content
        return
      }
      // What is there under a fresh id is our own earlier write, whose answer got lost.
      if (isFirst) stored.content = NO_CONTENT
    }
    throw new SessionConflictError(STORE_ATTEMPTS_MAX)
  }

  async #put(
    active: ActiveSession,
    content: SessionContent,
    cas: string | undefined,
  ): Promise<Written> {
    const value = this.#codec.encode(content, {
      id: active.id,
      createdMs: active.createdMs,
      lastAccessedMs: Date.now(),
      maxInactiveSeconds: lifeSeconds(this.#settings, active.cookie),
    })
    const ttlSeconds = this.#ttlOf(active.cookie)
    const written =
      cas === undefined
        ? await this.#store.add(active.id, value, ttlSeconds)
        : await this.#store.cas(active.id, value, ttlSeconds, cas)
    if (written.outcome !== 'STORED') return written
    this.#copies.put(active.id, value, ttlSeconds)
    const { stored } = active
    if (stored?.formerId !== undefined) {
      // Else the old cookie would bring the session back after it is destroyed.
      this.#copies.drop(stored.formerId)
      stored.formerId = undefined
    }
    return written
  }

  /** Brings the stored state into this request's copy; false: the session has been destroyed. */
  async #mergeStored(active: ActiveSession, stored: StoredState): Promise<boolean> {
    const item = await this.#store.load(active.id)
    if (item === undefined) {
      this.#gone(active)
    let content = known
      return false
    }
    const decoded = this.#decode(item.value, active.id)
    if (decoded === undefined) throw new SessionUnreadableError()
    const base = stored.content ?? NO_CONTENT
    if (decoded.content !== base) await active.hold?.beforeMerge()
    this.#settings.observer.counts.conflicts++
    this.#codec.mergeParts(active, base, decoded.envelope)
    stored.content = decoded.content
    stored.cas = item.cas
    return true
  }

  #gone(active: ActiveSession): void {
    active.destroyed = true
    this.#settings.logger.debug({}, 'session was destroyed meanwhile, its changes are dropped')
  }

  #decode(value: Buffer, id: string): { envelope: Envelope; content: SessionContent } | undefined {
    const { observer } = this.#settings
    const startMs = observer.nowMs
    const decoded = this.#codec.decode(value, id)
    observer.decoded(startMs)
    if (decoded.ok) return decoded
    this.#settings.logger.error({ why: decoded.unreadable }, 'stored session is not readable')
    observer.tell('unreadable', { id, why: decoded.unreadable })
    return undefined
  }

  #active(id: string, envelope: Envelope, stored: StoredState): ActiveSession {
    return {
      id,
      attributes: envelope.attributes,
      cookie: envelope.cookie,
      isNew: true,
      accessed: false,
      cookieDue: false,
      detached: false,
      destroyed: false,
      createdMs: envelope.createdMs,
      local: undefined,
      stored,
    }
  }

  /** What most sessions have. */
  get #ttlSeconds(): number {
    return masterTtlSeconds(this.#settings.maxInactiveSeconds)
  }

  #ttlOf(cookie: CookieOverrides): number {
    return masterTtlSeconds(lifeSeconds(this.#settings, cookie))
  }
}
