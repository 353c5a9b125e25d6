/*
 * The backup of local sessions to the store, in sticky mode.
 *
 * Per session at most one write is out and at most one more waits; those who ask meanwhile share
 * the waiting one, which writes the session as it is by then. So writes of one session cannot
 * overtake each other. Each write carries the version that the last one made (CAS): what another
 * server has stored meanwhile, after a balancer moved the user there and back, is merged in; what
 * it has ended stays ended. Only an acknowledgement counts: a session whose backup was refused,
 * timed out or failed stays in `#unsaved`, and is written again with its next request and by the
 * repair timer. Deletions that failed are owed and repeated likewise.
 */
import { isEncodingFault } from './encoding/encoding-errors.ts'
import { NO_CONTENT, type SessionCodec, type SessionContent } from './encoding/session-codec.ts'
import { SessionConflictError, SessionUnreadableError } from './errors.ts'
import { FormerKeys } from './former-keys.ts'
import type { LocalSession } from './local-sessions.ts'
import type { SessionSettings } from './options.ts'
import { idWithoutRoute } from './session-id.ts'
import type { SessionStore, StoredSession, Written } from './store/session-store.ts'
import { slackSeconds, storedTtlSeconds } from './ttl.ts'

export const REPAIR_INTERVAL_MS = 1000
export const CATCH_UP_INTERVAL_MS = 10
/** Sessions and deletions repeated by one run of the repair timer. */
export const REPAIR_BATCH = 64
/** Most deletions owed to the store; beyond it the oldest is left to expire there. */
export const DELETES_OWED_MAX = 10_000
/** Most times that one backup starts anew because another server was faster. */
export const BACKUP_ATTEMPTS_MAX = 8

interface Writes {
  inFlight: Promise<void>
  next: Promise<void> | undefined
}

export class SessionBackup {
  readonly #store: SessionStore
  readonly #settings: SessionSettings
  readonly #codec: SessionCodec
  readonly #former: FormerKeys
  readonly #writes = new WeakMap<LocalSession, Writes>()
  /** Sessions that the store was asked to keep or renew before: other servers may know them. */
  readonly #known = new WeakSet<LocalSession>()
  readonly #running = new Set<Promise<void>>()
  readonly #unsaved = new Set<LocalSession>()
  #unsavedSinceMs = 0
  readonly #deletesOwed = new Set<string>()
  #repairTimer: NodeJS.Timeout | undefined
  #repairing = false
  #closed = false

  constructor(store: SessionStore, settings: SessionSettings, codec: SessionCodec) {
    this.#store = store
    this.#settings = settings
    this.#codec = codec
    this.#former = new FormerKeys(store, settings, codec)
  }

  /** Sessions and deletions that the store has not acknowledged and that are repeated. */
  get queueLength(): number {
    return this.#unsaved.size + this.#deletesOwed.size
  }

  /** How long there have been unsaved sessions without a break. */
  get lagMs(): number {
    return this.#unsaved.size === 0 ? 0 : Date.now() - this.#unsavedSinceMs
  }

  /** Whether the session differs from what the store has acknowledged. Throws SessionEncodingError. */
  isDirty(session: LocalSession): boolean {
    const { savedContent, unclaimed, supersededId } = session
    if (savedContent === undefined || unclaimed || supersededId !== undefined) return true
    return this.dirtyContent(session) !== undefined
  }

  /** What the store has not acknowledged; undefined: nothing. Throws SessionEncodingError. */
  dirtyContent(session: LocalSession): SessionContent | undefined {
    const { savedContent, watch, cookie } = session
    if (watch.isSettled(savedContent, cookie)) return undefined
    const content = this.#content(session)
    if (content !== savedContent) {
      watch.changed()
      return content
    }
    // The text that is kept anyway, not another one like it.
    watch.settle(savedContent, cookie)
    return undefined
  }

  /** A write of this session failed and has not been made good. */
  isOwed(session: LocalSession): boolean {
    return this.#unsaved.has(session)
  }

  /**
   * Resolves when the store has acknowledged the session as it is at this call, or later; `content`
   * is what it is at this call, where that is known.
   */
  save(session: LocalSession, content?: SessionContent): Promise<void> {
    const writes = this.#writes.get(session)
    if (writes === undefined) return this.#startWrite(session, content)
    writes.next ??= writes.inFlight.catch(ignore).then(() => this.#startWrite(session))
    return writes.next
  }

  /** Renews the stored session's time to live; a session the store has lost is written again. */
  async renew(session: LocalSession): Promise<void> {
    const { id, maxInactiveSeconds } = session
    this.#known.add(session)
    try {
      if (await this.#store.touch(id, storedTtlSeconds(maxInactiveSeconds))) {
        this.#settings.observer.counts.touched++
        return
      }
      if (session.destroyed || (await this.wasEnded(session))) return
      forgetSaved(session)
      await this.save(session)
    } catch (error) {
      this.#settings.logger.warn({ err: error }, 'session could not be renewed in the store')
      // The whole session is stored again: by then the store may have dropped it.
      forgetSaved(session)
      this.#oweSave(session)
    }
  }

  /** Ends a session after its last write; a failure is owed and reported. */
  async remove(session: LocalSession): Promise<void> {
    session.destroyed = true
    this.#unsaved.delete(session)
    await this.#writes.get(session)?.inFlight.catch(ignore)
    await Promise.all([this.end(session.id), this.dropSuperseded(session)])
  }

  /**
   * Lets go of an expired session. False: it is not this server's to end, because another one has
   * taken it over, or the store has none or tells no versions.
   */
  async discard(session: LocalSession): Promise<boolean> {
    session.destroyed = true
    this.#unsaved.delete(session)
    await this.#writes.get(session)?.inFlight.catch(ignore)
    const { id, savedCas } = session
    return savedCas !== undefined && (await this.#store.expire(id, savedCas))
  }

  /**
   * Deletes a session's key and marks it as ended; rejects when the store did not acknowledge both,
   * and then repeats both later: without the mark, a server that still has the session in memory
   * would take the missing key for a loss and store it anew.
   */
  async end(id: string): Promise<void> {
    const owed = idWithoutRoute(id)
    this.#oweDelete(owed)
    try {
      await Promise.all([this.#store.delete(owed), this.#store.tombstones.mark(owed)])
      this.#deletesOwed.delete(owed)
    } catch (error) {
      this.#scheduleRepair()
      throw error
    }
  }

  /** True for a session that was destroyed here while the store could not be told. */
  isDeleteOwed(id: string): boolean {
    return this.#deletesOwed.has(idWithoutRoute(id))
  }

  /** The session has moved away from this id, whose key could not be deleted yet. */
  hasLeft(id: string): boolean {
    return this.#former.newIdOf(id) !== undefined
  }

  /** Waits for the writes that are out, writes what is unsaved once more, then stops. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#repairTimer)
    this.#former.close()
    await Promise.allSettled(this.#running)
    await Promise.allSettled([...this.#unsaved].map((session) => this.save(session)))
  }

  #startWrite(session: LocalSession, content?: SessionContent): Promise<void> {
    const inFlight = this.#write(session, content).finally(() => {
      this.#running.delete(inFlight)
      const writes = this.#writes.get(session)
      if (writes?.inFlight === inFlight && writes.next === undefined) this.#writes.delete(session)
    })
    this.#writes.set(session, { inFlight, next: undefined })
    this.#running.add(inFlight)
    return inFlight
  }

  async #write(session: LocalSession, known: SessionContent | undefined): Promise<void> {
    if (session.destroyed) {
      this.#unsaved.delete(session)
      return
    }
    try {
      const content = known ?? this.#content(session)
      if (content !== session.savedContent || session.unclaimed) await this.#put(session, content)
      this.#unsaved.delete(session)
      if (!session.destroyed) await this.dropSuperseded(session)
    } catch (error) {
      // Repeating cannot help what has no stored form or cannot be read; the next request tries
      // again.
      const isLasting = isEncodingFault(error) || error instanceof SessionUnreadableError
      if (!isLasting) this.#oweSave(session)
      throw error
    }
  }

  /** One acknowledged write of the session as it is, with what others have stored merged in. */
  async #put(session: LocalSession, firstContent: SessionContent): Promise<void> {
    let content = firstContent
    for (let attempt = 0; attempt < BACKUP_ATTEMPTS_MAX; attempt++) {
      const sentMs = Date.now()
      const written = await this.#putOnce(session, content)
      if (written.outcome === 'STORED') {
        session.savedContent = content
        session.heldContent = undefined
        session.savedCas = written.cas
        session.unclaimed = false
        session.renewedMs = sentMs
        return
      }
      if (session.destroyed) return
      const stored = written.outcome === 'EXISTS' ? await this.#store.load(session.id) : undefined
      if (stored === undefined) {
        if (await this.wasEnded(session)) return
        // The store has lost it.
        forgetSaved(session)
        continue
      }
      await this.mergeStored(session, stored)
      content = this.#content(session)
    }
    throw new SessionConflictError(BACKUP_ATTEMPTS_MAX)
  }

  async #putOnce(session: LocalSession, content: SessionContent): Promise<Written> {
    const { id, savedCas } = session
    const ttlSeconds = storedTtlSeconds(session.maxInactiveSeconds)
    const encoded = this.#codec.encode(content, session)
    const value = encoded instanceof Promise ? await encoded : encoded
    if (savedCas !== undefined) return await this.#store.cas(id, value, ttlSeconds, savedCas)
    // After a lost answer it is not known what became of it; another server may have ended it.
    const isUnsure = session.savedContent === undefined && this.#known.has(session)
    if (isUnsure && (await this.wasEnded(session))) return { outcome: 'NOT_FOUND', cas: undefined }
    this.#known.add(session)
    // Nobody else has this id yet, or the server does not tell versions.
    return { outcome: 'STORED', ...(await this.#store.set(id, value, ttlSeconds)) }
  }

  /**
   * Brings in what another server that served this user meanwhile has stored. Rejects with
   * SessionUnreadableError.
   */
  async mergeStored(session: LocalSession, stored: StoredSession): Promise<void> {
    const decoded = await this.#codec.decode(stored.value, session.id)
    const { logger, observer } = this.#settings
    observer.counts.conflicts++
    if (!decoded.ok) {
      // It may hold what another server has changed, so it is not replaced.
      logger.error({ why: decoded.unreadable }, 'stored session is not readable')
      observer.tell('unreadable', { id: session.id, why: decoded.unreadable })
      throw new SessionUnreadableError()
    }
    session.savedCas = stored.cas
    const base = session.savedContent ?? NO_CONTENT
    session.watch.changed()
    this.#codec.mergeParts(session, base, decoded.envelope)
    session.savedContent = decoded.content
  }

  /** Whether another server has ended the session; then it ends here as well. */
  async wasEnded(session: LocalSession): Promise<boolean> {
    if (!(await this.#store.tombstones.has(session.id))) return false
    session.destroyed = true
    this.#settings.logger.debug({}, 'session was ended by another server, its changes are dropped')
    this.#settings.observer.tell('destroyed', { id: session.id, by: 'elsewhere' })
    return true
  }

  /** The key on the node that the session has left goes when it is safe on the other. */
  async dropSuperseded(session: LocalSession): Promise<void> {
    const { supersededId } = session
    if (supersededId === undefined) return
    session.supersededId = undefined
    await this.#former.leave(supersededId, session.id)
  }

  #content(session: LocalSession): SessionContent {
    return this.#codec.content(session.attributes, session.cookie)
  }

  #oweSave(session: LocalSession): void {
    if (session.destroyed) return
    if (this.#unsaved.size === 0) this.#unsavedSinceMs = Date.now()
    this.#unsaved.add(session)
    this.#scheduleRepair()
  }

  #oweDelete(id: string): void {
    const [oldest] = this.#deletesOwed
    if (this.#deletesOwed.size >= DELETES_OWED_MAX && oldest !== undefined) {
      this.#deletesOwed.delete(oldest)
      this.#settings.observer.counts.deletesDropped++
    }
    this.#deletesOwed.add(id)
  }

  #scheduleRepair(intervalMs: number = REPAIR_INTERVAL_MS): void {
    if (this.#closed || this.#repairing || this.#repairTimer !== undefined) return
    const jitter = 0.75 + Math.random() / 2
    this.#repairTimer = setTimeout(() => void this.#repair(), intervalMs * jitter)
    this.#repairTimer.unref()
  }

  async #repair(): Promise<void> {
    this.#repairTimer = undefined
    this.#repairing = true
    const sessions = first(this.#unsaved, REPAIR_BATCH)
    const ids = first(this.#deletesOwed, REPAIR_BATCH)
    const results = await Promise.allSettled([
      ...sessions.map((session) => this.save(session)),
      ...ids.map((id) => this.end(id)),
    ])
    this.#repairing = false
    const failures = results.filter(({ status }) => status === 'rejected').length
    this.#settings.logger.debug({ repeated: results.length, failures }, 'repeated failed backups')
    if (this.#unsaved.size + this.#deletesOwed.size === 0) return
    // Once the store takes everything again, what is left follows quickly.
    this.#scheduleRepair(failures === 0 ? CATCH_UP_INTERVAL_MS : REPAIR_INTERVAL_MS)
  }
}

/** The next write stores the whole session, whatever the store has. */
export function forgetSaved(session: LocalSession): void {
  session.savedContent = undefined
  session.savedCas = undefined
}

/** How long an unmodified session is used before its stored copy is renewed. */
export function renewIntervalMs(session: LocalSession): number {
  return slackSeconds(session.maxInactiveSeconds) * 1000
}

function first<T>(set: ReadonlySet<T>, countMax: number): T[] {
  const taken: T[] = []
  for (const one of set) {
    if (taken.length === countMax) break
    taken.push(one)
  }
  return taken
}

function ignore(): void {}
