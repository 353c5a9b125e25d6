/*
 * Changing a shared value in the store without losing anybody's change: read, change, cas, and from
 * the start when another writer was faster. Changes of one key that come from this process wait for
 * each other, so they do not make each other's versions stale.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { SessionConflictError } from '../errors.ts'
import type { NodeKey, SessionStore } from '../store/session-store.ts'

export const CHANGE_ATTEMPTS_MAX = 32
const CONFLICT_DELAY_MS_MAX = 40

/** A value in the store under a full key. */
export interface SharedKey {
  node: NodeKey
  key: string
}

export class CasValues {
  readonly #store: SessionStore
  readonly #onConflict: () => void
  /** The last change queued per key; an entry goes when its change is over. */
  readonly #queues = new Map<string, Promise<void>>()

  constructor(store: SessionStore, onConflict: () => void) {
    this.#store = store
    this.#onConflict = onConflict
  }

  get(at: SharedKey): Promise<Buffer | undefined> {
    return this.#store.keys.get(at.node, at.key).then((item) => item?.value)
  }

  /**
   * Stores what `change` makes of the value (undefined: there is none); undefined from `change`
   * leaves it as it is. `change` may be called several times. Rejects with SessionConflictError.
   */
  change(
    at: SharedKey,
    ttlSeconds: number,
    change: (value: Buffer | undefined) => Buffer | undefined,
  ): Promise<void> {
    const before = this.#queues.get(at.key) ?? Promise.resolve()
    const changed = before.then(() => this.#change(at, ttlSeconds, change))
    const settled = changed
      .catch(() => undefined)
      .then(() => {
        if (this.#queues.get(at.key) === settled) this.#queues.delete(at.key)
      })
    this.#queues.set(at.key, settled)
    return changed
  }

  async #change(
    at: SharedKey,
    ttlSeconds: number,
    change: (value: Buffer | undefined) => Buffer | undefined,
  ): Promise<void> {
    for (let attempt = 0; attempt < CHANGE_ATTEMPTS_MAX; attempt++) {
      if (attempt > 0) {
        this.#onConflict()
        await delay(Math.random() * Math.min(2 ** attempt, CONFLICT_DELAY_MS_MAX))
      }
      const item = await this.#store.keys.get(at.node, at.key)
      const value = change(item?.value)
      if (value === undefined) return
      if (await this.#put(at, value, { ttlSeconds, cas: item?.cas })) return
    }
    throw new SessionConflictError(CHANGE_ATTEMPTS_MAX)
  }

  async #put(
    at: SharedKey,
    value: Buffer,
    { ttlSeconds, cas }: { ttlSeconds: number; cas: string | undefined },
  ): Promise<boolean> {
    const { keys } = this.#store
    const written =
      cas === undefined
        ? await keys.add(at.node, at.key, value, ttlSeconds)
        : await keys.cas(at.node, at.key, value, { ttlSeconds, cas })
    return written.outcome === 'STORED'
  }
}
