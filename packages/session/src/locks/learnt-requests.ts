/*
 * What `lockingMode: auto` has learnt: which kinds of request (method and path) leave the session
 * unchanged. A kind that once ended unmodified is read-only, unless it is known to have modified a
 * session; that is remembered on its own list, so that it does not go to and fro.
 *
 * Pure: the time is an argument. Both lists have the original's limits, and a kind its length, so
 * a client with a session of its own cannot fill the memory with paths it makes up; at worst it
 * pushes out what was learnt, and requests lock that need not.
 */
import { ExpiringSet } from './expiring-set.ts'

export const READ_ONLY_KINDS_MAX = 1000
export const MODIFYING_KINDS_MAX = 50_000
export const LEARNT_LIFE_MS = 21_600_000
/** Longer kinds are not learnt. */
export const KIND_LENGTH_MAX = 256

export class LearntRequests {
  readonly #readOnly = new ExpiringSet(READ_ONLY_KINDS_MAX, LEARNT_LIFE_MS)
  readonly #modifying = new ExpiringSet(MODIFYING_KINDS_MAX, LEARNT_LIFE_MS)

  /** Kinds remembered. */
  get sizes(): { readOnly: number; modifying: number } {
    return { readOnly: this.#readOnly.size, modifying: this.#modifying.size }
  }

  isReadOnly(kind: string, nowMs: number): boolean {
    return kind.length <= KIND_LENGTH_MAX && this.#readOnly.has(kind, nowMs)
  }

  /** A request of this kind has ended. */
  learn(kind: string, modified: boolean, nowMs: number): void {
    if (kind.length > KIND_LENGTH_MAX) return
    if (modified) {
      this.#readOnly.delete(kind)
      this.#modifying.add(kind, nowMs)
    } else if (!this.#modifying.has(kind, nowMs) && !this.#readOnly.has(kind, nowMs)) {
      this.#readOnly.add(kind, nowMs)
    }
  }
}
