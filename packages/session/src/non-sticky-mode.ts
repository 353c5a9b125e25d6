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
import {
  type Attributes,
  type CookieOverrides,
  decodeEnvelope,
  type Envelope,
  encodeContent,
  encodeEnvelope,
  filterAttributes,
} from './envelope.ts'
import { SessionConflictError, SessionGoneError } from './errors.ts'
import { assignAttributes, mergeAttributes } from './merge.ts'
import type { SessionSettings } from './options.ts'
import type { SessionStore } from './store/session-store.ts'

export const STORE_ATTEMPTS_MAX = 8
const CONFLICT_DELAY_MS = 2

export class NonStickyMode implements SessionMode {
  readonly #settings: SessionSettings
  readonly #store: SessionStore
  /** The last write queued per session id. */
  readonly #writing = new Map<string, Promise<void>>()

  constructor(store: SessionStore, settings: SessionSettings) {
    this.#settings = settings
    this.#store = store
  }

  async load(id: string): Promise<ActiveSession | undefined> {
    if (!this.#store.knows(id)) return undefined
    const item = await this.#store.loadAndRenew(id, this.#ttlSeconds)
    const envelope = item === undefined ? undefined : this.#decode(item.value)
    if (item === undefined || envelope === undefined) return undefined
    const content = this.#content(envelope.attributes, envelope.cookie)
    const base: Attributes = structuredClone(envelope.attributes)
    const active = this.#active(id, envelope, { base, content, cas: item.cas })
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
    return this.#active(id, envelope, { base: {}, content: undefined, cas: undefined })
  }

  admit(): void {
    // Sessions are counted by the store alone.
  }

  isChanged({ attributes, cookie, stored }: ActiveSession): boolean {
    if (stored?.content === undefined) return Object.keys(attributes).length > 0
    return this.#content(attributes, cookie) !== stored.content
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
    const changed = this.#content(active.attributes, active.cookie) !== stored.content
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
    assignAttributes(active.attributes, fresh.attributes)
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
      const content = this.#content(active.attributes, active.cookie)
      const base = this.#storable(active.attributes)
      const outcome = await this.#put(active, content, isFirst ? undefined : stored.cas)
      stored.cas = undefined
      if (outcome === 'NOT_FOUND') {
        this.#gone(active)
        return
      }
      if (outcome === 'STORED') {
        active.isNew = false
        stored.content = content
        stored.base = base
        return
      }
      // What is there under a fresh id is our own earlier write, whose answer got lost.
      if (isFirst) stored.content = ''
    }
    throw new SessionConflictError(STORE_ATTEMPTS_MAX)
  }

  async #put(
    active: ActiveSession,
    content: string,
    cas: string | undefined,
  ): Promise<'STORED' | 'EXISTS' | 'NOT_FOUND'> {
    const value = encodeEnvelope(content, {
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
    const envelope = item === undefined ? undefined : this.#decode(item.value)
    if (item === undefined || envelope === undefined) {
      this.#gone(active)
      return false
    }
    const theirs = envelope.attributes
    const merged = mergeAttributes(stored.base, this.#storable(active.attributes), theirs)
    assignAttributes(active.attributes, { ...this.#unstorable(active.attributes), ...merged })
    stored.base = structuredClone(theirs)
    stored.cas = item.cas
    return true
  }

  #gone(active: ActiveSession): void {
    active.destroyed = true
    this.#settings.logger.debug({}, 'session was destroyed meanwhile, its changes are dropped')
  }

  #decode(value: Buffer): Envelope | undefined {
    const decoded = decodeEnvelope(value)
    if (decoded.ok) return decoded.envelope
    this.#settings.logger.error({ why: decoded.unreadable }, 'stored session is not readable')
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

  /** The attributes as they come back from the store. */
  #storable(attributes: Attributes): Attributes {
    const { attributeFilter } = this.#settings
    const kept =
      attributeFilter === undefined ? attributes : filterAttributes(attributes, attributeFilter)
    return JSON.parse(JSON.stringify(kept)) as Attributes
  }

  #unstorable(attributes: Attributes): Attributes {
    const { attributeFilter } = this.#settings
    if (attributeFilter === undefined) return {}
    return Object.fromEntries(
      Object.entries(attributes).filter(([name]) => !attributeFilter.test(name)),
    )
  }

  #content(attributes: Attributes, cookie: CookieOverrides): string {
    return encodeContent(attributes, cookie, this.#settings.attributeFilter)
  }

  get #ttlSeconds(): number {
    return Math.max(0, this.#settings.maxInactiveSeconds)
  }
}
