/*
 * Non-sticky mode: the store is the master, each request works on its own copy.
 *
 * Loading is one `gats`, which also renews the time to live, so a request that changes nothing
 * costs one operation. Storing is a `cas` with the version loaded; when another request was
 * faster, the session is loaded again, merged per attribute and stored again. A session that is
 * gone by then was destroyed, and stays so. Writes of one session queue up within this process,
 * so that its own parallel requests do not make each other's versions stale over and over.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ActiveSession, Commit, SessionMode, StoredState } from './active-session.ts'
import { NOTHING_TO_COMMIT } from './active-session.ts'
import type { Envelope } from './encoding/envelope.ts'
import { replaceAttributes } from './encoding/merge.ts'
import { NO_CONTENT, type SessionCodec, type SessionContent } from './encoding/session-codec.ts'
import { SessionConflictError, SessionGoneError } from './errors.ts'
import type { ModeGauges } from './observe/metrics-table.ts'
import type { SessionSettings } from './options.ts'
import type { SessionStore } from './store/session-store.ts'

export const STORE_ATTEMPTS_MAX = 8
const CONFLICT_DELAY_MS = 2

export class NonStickyMode implements SessionMode {
  readonly #settings: SessionSettings
  readonly #store: SessionStore
  readonly #codec: SessionCodec
  /** The last write queued per session id. */
  readonly #writing = new Map<string, Promise<void>>()

  constructor(store: SessionStore, settings: SessionSettings, codec: SessionCodec) {
    this.#settings = settings
    this.#store = store
    this.#codec = codec
  }

  async load(id: string): Promise<ActiveSession | undefined> {
    if (!this.#store.knows(id)) return undefined
    const item = await this.#store.loadAndRenew(id, this.#ttlSeconds)
    const decoded = item === undefined ? undefined : this.#decode(item.value, id)
    if (item === undefined || decoded === undefined) return undefined
    const { envelope, content } = decoded
    const active = this.#active(id, envelope, { content, cas: item.cas })
    active.isNew = false
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
      return { saved: this.#enqueue(active, stored), cookieDue: true }
    }
    if (!active.accessed) return { saved: undefined, cookieDue }
    const changed = this.#codec.content(active.attributes, active.cookie) !== stored.content
    return { saved: changed ? this.#enqueue(active, stored) : undefined, cookieDue }
  }

  async save(active: ActiveSession): Promise<void> {
    active.accessed = true
    const { saved, cookieDue } = this.commit(active, true)
    if (cookieDue) active.cookieDue = true
    await saved
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
    if (!active.isNew) await this.#store.delete(active.id)
  }

  async destroyById(id: string): Promise<void> {
    if (this.#store.knows(id)) await this.#store.delete(id)
  }

  gauges(): ModeGauges {
    return { localSessions: 0, backupQueue: this.#writing.size, backupLagMs: 0 }
  }

  async close(): Promise<void> {
    await Promise.all(this.#writing.values())
  }

  #enqueue(active: ActiveSession, stored: StoredState): Promise<void> {
    const { id } = active
    const written = (this.#writing.get(id) ?? Promise.resolve()).then(() =>
      this.#write(active, stored),
    )
    const settled = written
      .catch(() => undefined)
      .then(() => {
        if (this.#writing.get(id) === settled) this.#writing.delete(id)
      })
    this.#writing.set(id, settled)
    return written
  }

  async #write(active: ActiveSession, stored: StoredState): Promise<void> {
    if (active.destroyed) return
    for (let attempt = 0; attempt < STORE_ATTEMPTS_MAX; attempt++) {
      if (attempt > 0) await delay(Math.random() * CONFLICT_DELAY_MS * 2 ** attempt)
      const isFirst = stored.content === undefined
      if (!isFirst && stored.cas === undefined && !(await this.#mergeStored(active, stored))) return
      const content = this.#codec.content(active.attributes, active.cookie)
      const outcome = await this.#put(active, content, isFirst ? undefined : stored.cas)
      stored.cas = undefined
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
  ): Promise<'STORED' | 'EXISTS' | 'NOT_FOUND'> {
    const value = this.#codec.encode(content, {
      id: active.id,
      createdMs: active.createdMs,
      lastAccessedMs: Date.now(),
      maxInactiveSeconds: this.#settings.maxInactiveSeconds,
    })
    const written =
      cas === undefined
        ? await this.#store.add(active.id, value, this.#ttlSeconds)
        : await this.#store.cas(active.id, value, this.#ttlSeconds, cas)
    return written.outcome
  }

  /** Brings the stored state into this request's copy; false: the session has been destroyed. */
  async #mergeStored(active: ActiveSession, stored: StoredState): Promise<boolean> {
    const item = await this.#store.load(active.id)
    const decoded = item === undefined ? undefined : this.#decode(item.value, active.id)
    if (item === undefined || decoded === undefined) {
      this.#gone(active)
      return false
    }
    const base = stored.content ?? NO_CONTENT
    if (decoded.content !== base) await active.hold?.beforeMerge()
    this.#codec.merge(active.attributes, base, decoded.envelope.attributes)
    stored.content = decoded.content
    stored.cas = item.cas
    return true
  }

  #gone(active: ActiveSession): void {
    active.destroyed = true
    this.#settings.logger.debug({}, 'session was destroyed meanwhile, its changes are dropped')
  }

  #decode(value: Buffer, id: string): { envelope: Envelope; content: SessionContent } | undefined {
    const decoded = this.#codec.decode(value, id)
    if (decoded.ok) return decoded
    this.#settings.logger.error({ why: decoded.unreadable }, 'stored session is not readable')
    this.#settings.observer.tell('unreadable', { id, why: decoded.unreadable })
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

  get #ttlSeconds(): number {
    return Math.max(0, this.#settings.maxInactiveSeconds)
  }
}
