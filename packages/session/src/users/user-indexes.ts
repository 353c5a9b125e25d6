/*
 * The indexes of all users in the store: `user:<prefix><sha256 of the user>`, each changed by cas.
 *
 * The name of the user is in no key and no value. An index lives as long as its sessions: it is
 * written when one is added, and again while one is in use (`REFRESH_MS_MAX` at the latest).
 */
import { createHash } from 'node:crypto'
import type { SessionSettings } from '../options.ts'
import type { SessionStore } from '../store/session-store.ts'
import { CasValues } from './cas-value.ts'
import {
  decodeIndex,
  EMPTY_INDEX,
  encodeIndex,
  indexTtlSeconds,
  type UserIndex,
  withoutExpired,
} from './user-index.ts'

/** A session in use is noted in its user's index no more often than this. */
export const REFRESH_MS_MAX = 60_000
const REFRESH_MS_MIN = 500
/** Clocks of servers may differ by this much. */
const CLOCK_SKEW_MS = 10_000

export class UserIndexes {
  readonly refreshMs: number
  /** A session in use may be silent here for so long. */
  readonly #marginMs: number
  readonly #settings: SessionSettings
  readonly #values: CasValues

  constructor(store: SessionStore, settings: SessionSettings) {
    this.#settings = settings
    this.#values = new CasValues(store, () => settings.observer.counts.indexConflicts++)
    const { maxInactiveSeconds } = settings
    const quarterMs = maxInactiveSeconds > 0 ? maxInactiveSeconds * 250 : REFRESH_MS_MAX
    this.refreshMs = Math.max(REFRESH_MS_MIN, Math.min(REFRESH_MS_MAX, quarterMs))
    this.#marginMs = 2 * this.refreshMs + CLOCK_SKEW_MS
  }

  async read(user: string): Promise<UserIndex> {
    return this.#decoded(await this.#values.get(this.#keyOf(user)))
  }

  /**
   * Stores what `change` makes of the index and resolves to it; the same object leaves it as it is.
   * `change` may be called several times. Expired sessions are gone before it sees the index.
   */
  async change(user: string, change: (index: UserIndex) => UserIndex): Promise<UserIndex> {
    let changed = EMPTY_INDEX
    await this.#values.change(this.#keyOf(user), (value) => {
      const stored = this.#decoded(value)
      changed = change(withoutExpired(stored, Date.now(), this.#marginMs))
      if (changed === stored) return undefined
      const ttlSeconds = indexTtlSeconds(changed, this.#marginMs)
      return { value: encodeIndex(changed), ttlSeconds }
    })
    return changed
  }

  #decoded(value: Buffer | undefined): UserIndex {
    if (value === undefined) return EMPTY_INDEX
    const index = decodeIndex(value)
    if (index !== undefined) return index
    this.#settings.logger.error({}, 'the list of a user’s sessions is not readable, it begins anew')
    return EMPTY_INDEX
  }

  #keyOf(user: string): string {
    const hash = createHash('sha256').update(user).digest('hex')
    return `user:${this.#settings.keyPrefix}${hash}`
  }
}
