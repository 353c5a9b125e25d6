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
import type { Commit, SessionMode, StoredState } from './active-session.ts'
import { ActiveSession, NOTHING_TO_COMMIT } from './active-session.ts'
import type { CookieOverrides, Envelope } from './encoding/envelope.ts'
import { replaceAttributes } from './encoding/merge.ts'
import {
  type Decoded,
  NO_CONTENT,
  type SessionCodec,
  type SessionContent,
} from './encoding/session-codec.ts'
import { SessionConflictError, SessionGoneError, SessionUnreadableError } from './errors.ts'
import { FormerKeys } from './former-keys.ts'
import type { ModeGauges } from './observe/metrics-table.ts'
import type { SessionSettings } from './options.ts'
import { SessionCopies } from './session-copies.ts'
import type { SessionStore, StoredSession, Written } from './store/session-store.ts'
import { lifeSeconds, masterTtlSeconds } from './ttl.ts'

export const STORE_ATTEMPTS_MAX = 8
const CONFLICT_DELAY_MS = 2

type Readable = Extract<Decoded, { ok: true }>

export class NonStickyMode implements SessionMode {
  readonly #settings: SessionSettings
  readonly #store: SessionStore
  readonly #codec: SessionCodec
  readonly #copies: SessionCopies
  readonly #former: FormerKeys
  /** The last write queued per session id. */
  readonly #writing = new Map<string, Promise<void>>()

  constructor(store: SessionStore, settings: SessionSettings, codec: SessionCodec) {
    this.#settings = settings
    this.#store = store
    this.#codec = codec
    this.#copies = new SessionCopies(store, settings)
    this.#former = new FormerKeys(store, settings, codec)
  }

  async load(id: string): Promise<ActiveSession | undefined> {
    const newId = this.#former.newIdOf(id)
    const followed = newId === undefined ? undefined : await this.#loadUnmoved(newId, id)
    if (followed !== undefined) return followed
    const movedTo = this.#store.relocated(id)
    if (movedTo !== undefined) return await this.#loadMoved(id, movedTo)
    if (!this.#store.knows(id)) return undefined
    const found = await this.#loadAt(id)
    return found === 'missing' ? await this.#loadCopy(id, id) : found
  }

  /** The session as its node has it; undefined: not readable, or ended. */
  async #loadAt(id: string): Promise<ActiveSession | 'missing' | undefined> {
    const item = await this.#store.loadAndRenew(id, this.#ttlSeconds)
    if (item === undefined) return 'missing'
    const decoding = this.#decode(item.value, id)
    const decoded = decoding instanceof Promise ? await decoding : decoding
    if (decoded === undefined) return undefined
    const { envelope, content } = decoded
    const writtenMs = envelope.lastAccessedMs
    if (this.#store.isSuspect(id, writtenMs) && (await this.#store.dropIfEnded(id, item.cas))) {
      return undefined
    }
    const ttlSeconds = this.#ttlOf(envelope.cookie)
    // Loading has renewed it for as long as most sessions live; this one has a life of its own.
    if (ttlSeconds !== this.#ttlSeconds) await this.#store.touch(id, ttlSeconds)
    this.#copies.renew(id, item.value, ttlSeconds)
    const active = this.#active(id, envelope, { content, cas: item.cas, writtenMs })
    active.isNew = false
    return active
  }

  /** What the session with this id went on as, where that can be had as it is. */
  async #loadUnmoved(newId: string, id: string): Promise<ActiveSession | undefined> {
    if (!this.#store.isUp(newId) || this.#store.relocated(newId) !== undefined) return undefined
    return movedFrom(id, await this.#loadAt(newId))
  }

  /** Its node is away or configured no more, or is a failover node while a primary is up. */
  async #loadMoved(id: string, movedTo: string): Promise<ActiveSession | undefined> {
    // Another request of this browser may have moved it already; what it stored there is newer,
    // unless that node was away itself: then it may have what the session left behind there.
    const there = await this.#loadAt(movedTo)
    const found = there === 'missing' ? undefined : there
    const foundMs = found?.stored?.writtenMs ?? 0
    if (there !== 'missing' && !this.#store.isSuspect(movedTo, foundMs)) return movedFrom(id, found)
    const here = await this.#revivedFrom(id, movedTo)
    if (here === undefined || foundMs >= here.writtenMs) {
      if (found !== undefined || !this.#store.knows(id)) return movedFrom(id, found)
      // Nothing anywhere: another request may just have moved it.
      return movedFrom(id, await this.#loadAt(movedTo))
    }
    const { cas } = found?.stored ?? {}
    if (cas !== undefined && !(await this.#store.expire(movedTo, cas))) {
      return movedFrom(id, await this.#loadAt(movedTo))
    }
    this.#settings.observer.takenOver(movedTo, id)
    return here.active
  }

  /** From the node that the session leaves, or from the second copy when that is away. */
  async #revivedFrom(
    id: string,
    newId: string,
  ): Promise<{ active: ActiveSession; writtenMs: number } | undefined> {
    const item = this.#store.isUp(id) ? await this.#store.load(id) : undefined
    const active =
      item === undefined ? await this.#loadCopy(id, newId) : await this.#revived(item, id, newId)
    return active && { active, writtenMs: active.stored?.writtenMs ?? 0 }
  }

  /** The second copy of a session that its node does not have. */
  async #loadCopy(id: string, newId: string): Promise<ActiveSession | undefined> {
    const item = await this.#copies.find(id)
    if (item === undefined) return undefined
    // The copy's node may have been away when the session was ended, or the copy on its way.
    if (await this.#store.tombstones.has(id)) {
      this.#copies.drop(id)
      return undefined
    }
    return this.#revived(item, id, newId)
  }

  /** A session that has to be stored anew, changed or not. */
  async #revived(
    item: StoredSession,
    id: string,
    newId: string,
  ): Promise<ActiveSession | undefined> {
    const decoded = await this.#decode(item.value, id)
    if (decoded === undefined) return undefined
    const formerId = newId === id ? undefined : id
    const writtenMs = decoded.envelope.lastAccessedMs
    const stored: StoredState = { content: undefined, cas: undefined, writtenMs, formerId }
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
    const { watch, cookie } = active
    if (watch.isSettled(stored.content, cookie)) return { saved: undefined, cookieDue }
    const content = this.#codec.content(watch.watched, cookie)
    const changed = content !== stored.content
    return { saved: changed ? this.#enqueue(active, stored, content) : undefined, cookieDue }
  }

  async save(active: ActiveSession): Promise<void> {
    active.accessed = true
    active.watch.changed()
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
    if (!active.isNew) await Promise.all([this.destroyById(active.id), this.#leaveFormer(active)])
  }

  async destroyById(id: string): Promise<void> {
    if (!this.#store.knows(id)) return
    const ended = [this.#store.delete(id), this.#copies.delete(id)]
    // A node that is away may have the session, or its copy, when it is back.
    if (this.#store.hasSeveralNodes) ended.push(this.#store.tombstones.mark(id))
    await Promise.all(ended)
  }

  /** Else the old cookie would bring the session back after it is destroyed. */
  async #leaveFormer({ id, stored }: ActiveSession): Promise<void> {
    const formerId = stored?.formerId
    if (stored === undefined || formerId === undefined) return
    stored.formerId = undefined
    this.#copies.drop(formerId)
    await this.#former.leave(formerId, id)
  }

  gauges(): ModeGauges {
    return { localSessions: 0, backupQueue: this.#writing.size, backupLagMs: 0 }
  }

  async close(): Promise<void> {
    await Promise.all(this.#writing.values())
    this.#former.close()
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
    let content = known
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
    const encoded = this.#codec.encode(content, {
      id: active.id,
      createdMs: active.createdMs,
      lastAccessedMs: Date.now(),
      maxInactiveSeconds: lifeSeconds(this.#settings, active.cookie),
    })
    const value = encoded instanceof Promise ? await encoded : encoded
    const ttlSeconds = this.#ttlOf(active.cookie)
    const written =
      cas === undefined
        ? await this.#store.add(active.id, value, ttlSeconds)
        : await this.#store.cas(active.id, value, ttlSeconds, cas)
    if (written.outcome !== 'STORED') return written
    this.#copies.put(active.id, value, ttlSeconds)
    if (active.stored?.formerId !== undefined) await this.#leaveFormer(active)
    return written
  }

  /** Brings the stored state into this request's copy; false: the session has been destroyed. */
  async #mergeStored(active: ActiveSession, stored: StoredState): Promise<boolean> {
    const item = await this.#store.load(active.id)
    if (item === undefined) {
      this.#gone(active)
      return false
    }
    const decoded = await this.#decode(item.value, active.id)
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

  /** A promise where the codec takes its time. */
  #decode(value: Buffer, id: string): Readable | undefined | Promise<Readable | undefined> {
    const startMs = this.#settings.observer.nowMs
    const decoded = this.#codec.decode(value, id)
    if (!(decoded instanceof Promise)) return this.#readable(decoded, id, startMs)
    return decoded.then((one) => this.#readable(one, id, startMs))
  }

  #readable(decoded: Decoded, id: string, startMs: number): Readable | undefined {
    const { observer } = this.#settings
    observer.decoded(startMs)
    if (decoded.ok) return decoded
    this.#settings.logger.error({ why: decoded.unreadable }, 'stored session is not readable')
    observer.tell('unreadable', { id, why: decoded.unreadable })
    return undefined
  }

  #active(id: string, envelope: Envelope, stored: StoredState): ActiveSession {
    const { attributes, cookie, createdMs } = envelope
    const watch = this.#codec.watch(attributes)
    if (stored.content !== undefined) watch.settle(stored.content, cookie)
    return new ActiveSession({
      id,
      watch,
      cookie,
      isNew: true,
      cookieDue: false,
      createdMs,
      stored,
    })
  }

  /** What most sessions have. */
  get #ttlSeconds(): number {
    return masterTtlSeconds(this.#settings.maxInactiveSeconds)
  }

  #ttlOf(cookie: CookieOverrides): number {
    return masterTtlSeconds(lifeSeconds(this.#settings, cookie))
  }
}

/** The browser has to be told the new id. */
function movedFrom(
  id: string,
  active: ActiveSession | 'missing' | undefined,
): ActiveSession | undefined {
  if (active === undefined || active === 'missing') return undefined
  active.cookieDue ||= active.id !== id
  return active
}
