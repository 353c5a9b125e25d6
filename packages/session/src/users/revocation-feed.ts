/*
 * Sticky mode: tells every server which sessions were ended elsewhere, so that they end in its
 * memory too. The store keeps one small value, `feed:<prefix>`, of the sids ended in the last
 * minutes; each server reads it every `revocationPoll` ms, one `get`, and does what it has not done
 * yet.
 *
 * Bounded: the last FEED_SESSIONS_MAX sids of the last FEED_LIFE_MS. A server that was cut off for
 * longer finds the rest in the users' indexes, when it notes there that a session is in use.
 */
import type { SessionSettings } from '../options.ts'
import type { SessionStore } from '../store/session-store.ts'
import { CasValues } from './cas-value.ts'

export const FEED_SESSIONS_MAX = 1000
export const FEED_LIFE_MS = 300_000
const FEED_TTL_SECONDS = 600
const FEED_VERSION = 1

/** A sid and when it was ended, by the clock of the server that ended it. */
type Ended = readonly [sid: string, endedMs: number]

export class RevocationFeed {
  readonly #settings: SessionSettings
  readonly #key: string
  readonly #values: CasValues
  readonly #onEnded: (sid: string) => void
  /** The sids of the feed that were acted upon. */
  #ended: ReadonlyMap<string, number> = new Map()
  #lastValue: Buffer | undefined
  /** Waiting to be written, and the write that will take them. */
  #pending: Ended[] = []
  #appending: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #polling = false
  #failing = false
  #closed = false

  constructor(store: SessionStore, settings: SessionSettings, onEnded: (sid: string) => void) {
    this.#settings = settings
    this.#key = `feed:${settings.keyPrefix}`
    this.#values = new CasValues(store, () => settings.observer.counts.indexConflicts++)
    this.#onEnded = onEnded
    this.#schedule()
  }

  /** Whether the session was ended in the last minutes, as far as this server has heard. */
  has(sid: string): boolean {
    return this.#ended.size > 0 && this.#ended.has(sid)
  }

  /** Tells the other servers; rejects when the store did not take it. */
  append(sids: readonly string[]): Promise<void> {
    const nowMs = Date.now()
    for (const sid of sids) this.#pending.push([sid, nowMs])
    // Those that come while a write is out go together with the next one.
    const writing = this.#appending ?? Promise.resolve()
    const mine = writing.catch(() => undefined).then(() => this.#write())
    this.#appending = mine
    return mine
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  async #write(): Promise<void> {
    const added = this.#pending
    if (added.length === 0) return
    this.#pending = []
    const oldestMs = Date.now() - FEED_LIFE_MS
    try {
      await this.#values.change(this.#key, (stored) => {
        const kept = decodeFeed(stored).filter(([, endedMs]) => endedMs >= oldestMs)
        const value = encodeFeed([...kept, ...added].slice(-FEED_SESSIONS_MAX))
        return { value, ttlSeconds: FEED_TTL_SECONDS }
      })
    } catch (error) {
      // They go with the next write, which others may be waiting for.
      this.#pending = [...added, ...this.#pending].slice(-FEED_SESSIONS_MAX)
      throw error
    }
  }

  #schedule(): void {
    const { revocationPollMs } = this.#settings
    if (this.#closed) return
    this.#timer = setTimeout(
      () => void this.poll().finally(() => this.#schedule()),
      revocationPollMs,
    )
    this.#timer.unref()
  }

  /** Reads the feed now. Never rejects. */
  async poll(): Promise<void> {
    if (this.#polling || !this.#settings.enabled) return
    this.#polling = true
    try {
      const value = await this.#values.get(this.#key)
      if (this.#failing) this.#settings.logger.info({}, 'ended sessions can be read again')
      this.#failing = false
      this.#apply(value)
    } catch (error) {
      if (!this.#failing && !this.#closed) {
        this.#settings.logger.warn({ err: error }, 'ended sessions of other servers are not known')
      }
      this.#failing = true
    } finally {
      this.#polling = false
    }
  }

  #apply(value: Buffer | undefined): void {
    if (value === undefined || this.#closed) return
    if (this.#lastValue?.equals(value) === true) return
    this.#lastValue = value
    const known = this.#ended
    this.#ended = new Map(decodeFeed(value))
    for (const sid of this.#ended.keys()) if (!known.has(sid)) this.#onEnded(sid)
  }
}

function encodeFeed(ended: readonly Ended[]): Buffer {
  return Buffer.from(JSON.stringify({ v: FEED_VERSION, ended }))
}

function decodeFeed(value: Buffer | undefined): Ended[] {
  if (value === undefined) return []
  try {
    const { v, ended } = JSON.parse(value.toString()) as { v?: unknown; ended?: unknown }
    if (v !== FEED_VERSION || !Array.isArray(ended)) return []
    return ended.filter(isEnded)
  } catch {
    return []
  }
}

function isEnded(row: unknown): row is Ended {
  return Array.isArray(row) && typeof row[0] === 'string' && typeof row[1] === 'number'
}
