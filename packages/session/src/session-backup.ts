/*
 * The backup of local sessions to the store, in sticky mode.
 *
 * Per session at most one write is out and at most one more waits; those who ask meanwhile share
 * the waiting one, which writes the session as it is by then. So writes of one session cannot
 * overtake each other. Only an acknowledgement counts: a session whose backup was refused, timed
 * out or failed stays in `#unsaved`, and is written again with its next request and by the repair
 * timer. Deletions that failed are owed and repeated likewise.
 */
import { SessionEncodingError } from './encoding/envelope.ts'
import type { SessionCodec, SessionContent } from './encoding/session-codec.ts'
import type { LocalSession } from './local-sessions.ts'
import type { SessionSettings } from './options.ts'
import type { SessionStore } from './store/session-store.ts'
import { slackSeconds, storedTtlSeconds } from './ttl.ts'

export const REPAIR_INTERVAL_MS = 1000
export const CATCH_UP_INTERVAL_MS = 10
/** Sessions and deletions repeated by one run of the repair timer. */
export const REPAIR_BATCH = 64
/** Most deletions owed to the store; beyond it the oldest is left to expire there. */
export const DELETES_OWED_MAX = 10_000

interface Writes {
  inFlight: Promise<void>
  next: Promise<void> | undefined
}

export class SessionBackup {
  readonly #store: SessionStore
  readonly #settings: SessionSettings
  readonly #codec: SessionCodec
  readonly #writes = new WeakMap<LocalSession, Writes>()
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
    if (session.savedContent === undefined || session.supersededId !== undefined) return true
    return this.#content(session) !== session.savedContent
  }

  /** A write of this session failed and has not been made good. */
  isOwed(session: LocalSession): boolean {
    return this.#unsaved.has(session)
  }

  /** Resolves when the store has acknowledged the session as it is at this call, or later. */
  save(session: LocalSession): Promise<void> {
    const writes = this.#writes.get(session)
    if (writes === undefined) return this.#startWrite(session)
    writes.next ??= writes.inFlight.catch(ignore).then(() => this.#startWrite(session))
    return writes.next
  }

  /** Renews the stored session's time to live; a session the store has lost is written again. */
  async renew(session: LocalSession): Promise<void> {
    const { id, maxInactiveSeconds } = session
    try {
      if (await this.#store.touch(id, storedTtlSeconds(maxInactiveSeconds))) return
      if (session.destroyed) return
      session.savedContent = undefined
      await this.save(session)
    } catch (error) {
      this.#settings.logger.warn({ err: error }, 'session could not be renewed in the store')
      // The whole session is stored again: by then the store may have dropped it.
      session.savedContent = undefined
      this.#oweSave(session)
    }
  }

  /** Deletes a destroyed session after its last write; a failure is owed and reported. */
  async remove(session: LocalSession): Promise<void> {
    session.destroyed = true
    this.#unsaved.delete(session)
    const ids = [session.id]
    if (session.supersededId !== undefined) ids.push(session.supersededId)
    await this.#writes.get(session)?.inFlight.catch(ignore)
    for (const id of ids) await this.deleteKey(id)
  }

  /** Deletes a key; rejects when the store did not answer, and then repeats it later. */
  async deleteKey(id: string): Promise<void> {
    this.#oweDelete(id)
    try {
      await this.#store.delete(id)
      this.#deletesOwed.delete(id)
    } catch (error) {
      this.#scheduleRepair()
      throw error
    }
  }

  /** True for a session that was destroyed here while the store could not be told. */
  isDeleteOwed(id: string): boolean {
    return this.#deletesOwed.has(id)
  }

  /** Waits for the writes that are out, writes what is unsaved once more, then stops. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#repairTimer)
    await Promise.allSettled(this.#running)
    await Promise.allSettled([...this.#unsaved].map((session) => this.save(session)))
  }

  #startWrite(session: LocalSession): Promise<void> {
    const inFlight = this.#write(session).finally(() => {
      this.#running.delete(inFlight)
      const writes = this.#writes.get(session)
      if (writes?.inFlight === inFlight && writes.next === undefined) this.#writes.delete(session)
    })
    this.#writes.set(session, { inFlight, next: undefined })
    this.#running.add(inFlight)
    return inFlight
  }

  async #write(session: LocalSession): Promise<void> {
    if (session.destroyed) {
      this.#unsaved.delete(session)
      return
    }
    try {
      const content = this.#content(session)
      if (content !== session.savedContent) {
        const ttlSeconds = storedTtlSeconds(session.maxInactiveSeconds)
        const sentMs = Date.now()
        await this.#store.set(session.id, this.#codec.encode(content, session), ttlSeconds)
        session.savedContent = content
        session.renewedMs = sentMs
      }
      this.#unsaved.delete(session)
      await this.#dropSuperseded(session)
    } catch (error) {
      // Repeating cannot help a session that is no JSON; the next request tries again.
      if (!(error instanceof SessionEncodingError)) this.#oweSave(session)
      throw error
    }
  }

  /**
   * The key before a takeover goes when the session is safe under its own, and before the response
   * does: the user may be back at the other server at once, and a late deletion would meet the key
   * that it has made anew. For the same reason a deletion that failed is not repeated.
   */
  async #dropSuperseded(session: LocalSession): Promise<void> {
    const { supersededId } = session
    if (supersededId === undefined) return
    session.supersededId = undefined
    try {
      await this.deleteKey(supersededId)
    } catch (error) {
      this.#deletesOwed.delete(supersededId)
      this.#settings.logger.warn({ err: error }, 'key before the takeover is left to expire')
    }
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
      ...ids.map((id) => this.deleteKey(id)),
    ])
    this.#repairing = false
    const failures = results.filter(({ status }) => status === 'rejected').length
    this.#settings.logger.debug({ repeated: results.length, failures }, 'repeated failed backups')
    if (this.#unsaved.size + this.#deletesOwed.size === 0) return
    // Once the store takes everything again, what is left follows quickly.
    this.#scheduleRepair(failures === 0 ? CATCH_UP_INTERVAL_MS : REPAIR_INTERVAL_MS)
  }
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
