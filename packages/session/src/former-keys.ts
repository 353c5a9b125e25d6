/*
 * What sessions leave behind on store nodes that are away: a session that moves to another node
 * cannot delete its key on the node that it leaves. That key is deleted here when the node is back,
 * unless the session has come back to it: then it was written later than it left, and stays.
 *
 * Until then a request with the old id is led to the new one. What this process does not get to
 * (it is stopped before the node is back, or there are more than FORMER_KEYS_MAX) expires with the
 * session's life; meanwhile a session that was ended is kept from being read by its mark
 * (`SessionStore.load`).
 */
import type { SessionCodec } from './encoding/session-codec.ts'
import type { SessionSettings } from './options.ts'
import { idWithoutRoute } from './session-id.ts'
import type { SessionStore } from './store/session-store.ts'

/** Most keys remembered; beyond it the oldest is left to expire. */
export const FORMER_KEYS_MAX = 10_000
export const SWEEP_INTERVAL_MS = 1000
/** While keys are there to be deleted, runs follow each other quickly. */
const CATCH_UP_INTERVAL_MS = 10
/** Keys looked at by one run. */
const SWEEP_BATCH = 64

interface FormerKey {
  /** What the session went on as. */
  newId: string
  leftMs: number
}

export class FormerKeys {
  readonly #store: SessionStore
  readonly #settings: SessionSettings
  readonly #codec: SessionCodec
  /** By the id without its route; the one left longest ago first. */
  readonly #left = new Map<string, FormerKey>()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(store: SessionStore, settings: SessionSettings, codec: SessionCodec) {
    this.#store = store
    this.#settings = settings
    this.#codec = codec
  }

  /** The session is stored under its new id, or ended. Never rejects. */
  async leave(id: string, newId: string): Promise<void> {
    if (!this.#store.knows(id)) return
    // Where it goes to it is no former key, if it ever was.
    this.#left.delete(idWithoutRoute(newId))
    if (this.#store.isUp(id)) {
      try {
        await this.#store.delete(id)
        return
      } catch (error) {
        this.#settings.logger.debug({ err: error }, 'key on the former node is deleted later')
      }
    }
    this.#remember(id, newId)
  }

  /** What a session that left this key went on as, as long as the key may still be there. */
  newIdOf(id: string): string | undefined {
    return this.#left.size === 0 ? undefined : this.#left.get(idWithoutRoute(id))?.newId
  }

  /** Keys that are left are left to expire. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #remember(id: string, newId: string): void {
    const [oldest] = this.#left.keys()
    if (this.#left.size >= FORMER_KEYS_MAX && oldest !== undefined) {
      this.#left.delete(oldest)
      this.#settings.observer.counts.deletesDropped++
    }
    this.#left.set(idWithoutRoute(id), { newId, leftMs: Date.now() })
    this.#schedule(SWEEP_INTERVAL_MS)
  }

  #schedule(intervalMs: number): void {
    if (this.#closed || this.#timer !== undefined) return
    const jitter = 0.75 + Math.random() / 2
    this.#timer = setTimeout(() => void this.#sweep(), intervalMs * jitter)
    this.#timer.unref()
  }

  async #sweep(): Promise<void> {
    const due: string[] = []
    for (const id of this.#left.keys()) {
      if (this.#store.knows(id) && !this.#store.isUp(id)) continue
      if (due.push(id) === SWEEP_BATCH) break
    }
    const gone = await Promise.all(due.map((id) => this.#settle(id)))
    this.#timer = undefined
    const isMore = due.length === SWEEP_BATCH && gone.every((isGone) => isGone)
    if (this.#left.size > 0) this.#schedule(isMore ? CATCH_UP_INTERVAL_MS : SWEEP_INTERVAL_MS)
  }

  /** True: nothing is left to do for this key. */
  async #settle(id: string): Promise<boolean> {
    const left = this.#left.get(id)
    if (left === undefined) return true
    try {
      if (this.#store.knows(id)) await this.#deleteIfOlder(id, left.leftMs)
      if (this.#left.get(id) === left) this.#left.delete(id)
      return true
    } catch (error) {
      this.#settings.logger.debug({ err: error }, 'key on the former node is not deleted yet')
      return false
    }
  }

  async #deleteIfOlder(id: string, leftMs: number): Promise<void> {
    const item = await this.#store.load(id)
    const decoded = item === undefined ? undefined : await this.#codec.decode(item.value, id)
    if (item?.cas === undefined || decoded?.ok !== true) return
    if (decoded.envelope.lastAccessedMs >= leftMs) return
    // The version makes sure that it is what was looked at.
    await this.#store.expire(id, item.cas)
  }
}
