/*
 * Atomic changes of a session: read, change, cas, and from the start when somebody else was faster.
 * What `fn` reads is what its result is stored against, so of parallel updates none is lost, on any
 * number of servers. Updates of one session that come from this process wait for each other.
 *
 *   non-sticky                  the stored session
 *   sticky, in local memory     the stored session with local changes in it; then local memory
 *   sticky, on another server   the stored session; that server merges it with its next save
 *
 * `fn` gets a copy of the attributes, changes it in place and may run several times.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ActiveSession, SessionMode } from '../active-session.ts'
import type { Attributes } from '../encoding/envelope.ts'
import { NO_CONTENT, type SessionCodec, type SessionContent } from '../encoding/session-codec.ts'
import { SessionConflictError, SessionGoneError, SessionStoreUnavailableError } from '../errors.ts'
import type { LocalSession } from '../local-sessions.ts'
import type { SessionSettings } from '../options.ts'
import type { SessionStore } from '../store/session-store.ts'
import { storedTtlSeconds } from '../ttl.ts'

/** Changes the attributes in place; what it returns, the update resolves to. */
export type SessionUpdate<T> = (attributes: Attributes) => T | Promise<T>

/** Each loss against another server counts as one. */
export const UPDATE_ATTEMPTS_MAX = 64
const CONFLICT_DELAY_MS_MAX = 50

export interface AtomicUpdateParts {
  mode: SessionMode
  store: SessionStore
  codec: SessionCodec
  settings: SessionSettings
  sidOf: (id: string) => string
}

/** One attempt: what `fn` returned, or that another writer was faster. */
type Attempt<T> = { done: true; result: T } | { done: false }

const LOST: Attempt<never> = { done: false }

export class AtomicUpdates {
  readonly #mode: SessionMode
  readonly #store: SessionStore
  readonly #codec: SessionCodec
  readonly #settings: SessionSettings
  readonly #sidOf: (id: string) => string
  /** The last update queued per sid; an entry goes when its update is over. */
  readonly #queues = new Map<string, Promise<void>>()

  constructor({ mode, store, codec, settings, sidOf }: AtomicUpdateParts) {
    this.#mode = mode
    this.#store = store
    this.#codec = codec
    this.#settings = settings
    this.#sidOf = sidOf
  }

  /** Rejects with SessionGoneError for an id that is not known, SessionConflictError. */
  updateById<T>(id: string, fn: SessionUpdate<T>): Promise<T> {
    return this.#queued(id, () => {
      const active = this.#mode.held(id) === undefined ? undefined : this.#mode.peek(id)
      if (active?.local !== undefined) return this.#updateLocal(active, active.local, fn)
      if (this.#settings.sticky) return this.#repeated(() => this.#tryElsewhere(id, fn))
      return this.#updateStored(id, fn).then(({ result }) => result)
    })
  }

  /** For the session of a request, which sees the outcome in its own attributes. */
  update<T>(active: ActiveSession, fn: SessionUpdate<T>): Promise<T> {
    active.accessed = true
    return this.#queued(active.id, () => {
      const { local, stored } = active
      if (active.destroyed || local?.destroyed === true) throw new SessionGoneError()
      if (local !== undefined) return this.#updateLocal(active, local, fn)
      if (active.isNew || stored?.content === undefined) return this.#updateNew(active, fn)
      return this.#updateCopy(active, stored.content, fn)
    })
  }

  async #updateNew<T>(active: ActiveSession, fn: SessionUpdate<T>): Promise<T> {
    const result = await fn(active.attributes)
    await this.#mode.save(active)
    return result
  }

  /** The request's own changes stay its own until its end; what was stored is merged into them. */
  async #updateCopy<T>(
    active: ActiveSession,
    base: SessionContent,
    fn: SessionUpdate<T>,
  ): Promise<T> {
    const { result, fresh } = await this.#updateStored(active.id, fn)
    const theirs = { attributes: this.#copyOf(fresh), cookie: fresh.cookie }
    this.#codec.mergeParts(active, base, theirs)
    active.stored = fresh.stored
    return result
  }

  #updateStored<T>(id: string, fn: SessionUpdate<T>): Promise<{ result: T; fresh: ActiveSession }> {
    let presentId = id
    return this.#repeated(async () => {
      const fresh = await this.#mode.load(presentId)
      if (fresh === undefined || fresh.degraded === true) throw new SessionGoneError()
      // On another node now; where it is there already, that one has to be read.
      presentId = fresh.id
      const result = await fn(fresh.attributes)
      if (!this.#mode.isChanged(fresh)) return { done: true, result: { result, fresh } }
      const outcome = await this.#mode.storeOnce(fresh)
      if (outcome === 'NOT_FOUND') throw new SessionGoneError()
      return outcome === 'STORED' ? { done: true, result: { result, fresh } } : LOST
    })
  }

  /** Sticky: this server does not hold the session, and does not take it over for this. */
  async #tryElsewhere<T>(id: string, fn: SessionUpdate<T>): Promise<Attempt<T>> {
    const { enabled } = this.#settings
    const item = enabled && this.#store.knows(id) ? await this.#store.load(id) : undefined
    const decoded = item === undefined ? undefined : await this.#codec.decode(item.value, id)
    if (item === undefined || decoded?.ok !== true) throw new SessionGoneError()
    const { envelope, content } = decoded
    const result = await fn(envelope.attributes)
    const changed = this.#codec.content(envelope.attributes, envelope.cookie)
    if (changed === content) return { done: true, result }
    if (item.cas === undefined) throw new SessionConflictError(1)
    const value = await this.#codec.encode(changed, { ...envelope, id })
    const ttlSeconds = storedTtlSeconds(envelope.maxInactiveSeconds)
    const { outcome } = await this.#store.cas(id, value, ttlSeconds, item.cas)
    if (outcome === 'NOT_FOUND') throw new SessionGoneError()
    return outcome === 'STORED' ? { done: true, result } : LOST
  }

  /** With the store away, local memory alone is changed and the store is owed, as by a request. */
  async #updateLocal<T>(
    active: ActiveSession,
    local: LocalSession,
    fn: SessionUpdate<T>,
  ): Promise<T> {
    const { enabled, storeFailure } = this.#settings
    if (!enabled || active.isNew) return await this.#changeMemory(active, local, fn)
    try {
      const result = await this.#repeated(() => this.#tryLocal(active, local, fn))
      // A user who changed is listed by this; nothing else is left to store.
      await this.#mode.save(active)
      return result
    } catch (error) {
      if (storeFailure === 'fail' || !(error instanceof SessionStoreUnavailableError)) throw error
      return await this.#changeMemory(active, local, fn)
    }
  }

  async #tryLocal<T>(
    active: ActiveSession,
    local: LocalSession,
    fn: SessionUpdate<T>,
  ): Promise<Attempt<T>> {
    const isClean = this.#codec.content(local.attributes, local.cookie) === local.savedContent
    if (!isClean || local.unclaimed || local.supersededId !== undefined)
      await this.#mode.save(active)
    if (local.destroyed) throw new SessionGoneError()
    const from = await this.#storedState(local)
    if (from === undefined) {
      // The store lost it, or another server ended it: the save finds out.
      local.savedContent = undefined
      local.savedCas = undefined
      await this.#mode.save(active)
      return LOST
    }
    const draft = this.#codec.attributesIn(from.content)
    const result = await fn(draft)
    const content = this.#codec.content(draft, local.cookie)
    if (content === from.content) return { done: true, result }
    const ttlSeconds = storedTtlSeconds(local.maxInactiveSeconds)
    const value = await this.#codec.encode(content, local)
    const { outcome, cas } = await this.#store.cas(local.id, value, ttlSeconds, from.cas)
    if (outcome !== 'STORED') {
      // What this server remembers of the store is out of date.
      local.savedCas = undefined
      return LOST
    }
    this.#codec.merge(local.attributes, local.savedContent ?? NO_CONTENT, draft)
    local.savedContent = content
    local.savedCas = cas
    return { done: true, result }
  }

  /** What is stored of a local session, from memory if its version is known; with its version. */
  async #storedState(
    local: LocalSession,
  ): Promise<{ content: SessionContent; cas: string } | undefined> {
    const { id, savedContent, savedCas } = local
    if (savedContent !== undefined && savedCas !== undefined) {
      return { content: savedContent, cas: savedCas }
    }
    const item = await this.#store.load(id)
    const decoded = item === undefined ? undefined : await this.#codec.decode(item.value, id)
    if (item?.cas === undefined || decoded?.ok !== true) return undefined
    return { content: decoded.content, cas: item.cas }
  }

  async #changeMemory<T>(
    active: ActiveSession,
    local: LocalSession,
    fn: SessionUpdate<T>,
  ): Promise<T> {
    const before = this.#codec.content(local.attributes, local.cookie)
    const draft = this.#codec.attributesIn(before)
    const result = await fn(draft)
    if (local.destroyed) throw new SessionGoneError()
    this.#codec.merge(local.attributes, before, draft)
    await this.#mode.save(active).catch((error: unknown) => {
      if (!(error instanceof SessionStoreUnavailableError)) throw error
    })
    return result
  }

  #copyOf({ attributes, cookie }: ActiveSession): Attributes {
    return this.#codec.attributesIn(this.#codec.content(attributes, cookie))
  }

  async #repeated<T>(attempt: () => Promise<Attempt<T>>): Promise<T> {
    for (let attempts = 0; attempts < UPDATE_ATTEMPTS_MAX; attempts++) {
      if (attempts > 0) {
        this.#settings.observer.counts.conflicts++
        await delay(Math.random() * Math.min(2 ** attempts, CONFLICT_DELAY_MS_MAX))
      }
      const tried = await attempt()
      if (tried.done) return tried.result
    }
    throw new SessionConflictError(UPDATE_ATTEMPTS_MAX)
  }

  #queued<T>(id: string, work: () => Promise<T>): Promise<T> {
    const sid = this.#sidOf(id)
    const done = (this.#queues.get(sid) ?? Promise.resolve()).then(work)
    const settled = done.then(ignore, ignore).then(() => {
      if (this.#queues.get(sid) === settled) this.#queues.delete(sid)
    })
    this.#queues.set(sid, settled)
    return done
  }
}

function ignore(): void {}
