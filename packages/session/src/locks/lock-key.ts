/*
 * The lock of one session as the store has it: the key `lock:<prefix><id>` on the session's node,
 * made by `add`, so that it has one owner, with the owner's token as its value.
 *
 * The version (CAS) that the store gave the key is its fencing number: a store gives each write a
 * greater one, so whoever gets the lock later has the greater number. Renewal and release are
 * writes on condition of the version, so they never touch another owner's lock; a release is a
 * conditional write that has expired already, as memcached's text protocol has no conditional
 * delete. The token belongs to a process, whose queue lets one request at a time hold the lock:
 * when an answer was lost and the version is not known, a key with our token is still ours.
 */
import { randomBytes } from 'node:crypto'
import type { NodeKey, SessionStore } from '../store/session-store.ts'

/** What the holder of a lock knows about it. */
export interface Holding {
  /** The key's version; undefined where the store does not tell what a write made. */
  cas: string | undefined
  /** The version that this hold began with. */
  fence: string | undefined
  /** Until then, on the clock of `performance.now()`, the store keeps the key for sure. */
  expiresMs: number
}

/** memcached's clock ticks in seconds, so what is stored for n seconds may live n - 1 only. */
const TICK_SECONDS = 1
const EXPIRED = -1

export function newOwnerToken(): Buffer {
  return Buffer.from(randomBytes(16).toString('base64url'))
}

export class LockKey {
  readonly #keys: SessionStore['keys']
  readonly #node: NodeKey
  readonly #key: string
  readonly #token: Buffer
  readonly #lifeSeconds: number

  constructor(
    keys: SessionStore['keys'],
    place: { node: NodeKey; key: string },
    owner: { token: Buffer; lifeSeconds: number },
  ) {
    this.#keys = keys
    this.#node = place.node
    this.#key = place.key
    this.#token = owner.token
    this.#lifeSeconds = owner.lifeSeconds
  }

  /** Undefined: somebody has it. Rejects when the store does not answer. */
  async take(): Promise<Holding | undefined> {
    const expiresMs = this.#expiryFromNow()
    const { outcome, cas } = await this.#keys.add(
      this.#node,
      this.#key,
      this.#token,
      this.#lifeSeconds + TICK_SECONDS,
    )
    return outcome === 'STORED' ? { cas, fence: cas, expiresMs } : undefined
  }

  /** Takes a lock that is ours though nobody holds it: the answer to its `add` got lost. */
  async adopt(): Promise<Holding | undefined> {
    const holding: Holding = { cas: undefined, fence: undefined, expiresMs: 0 }
    return (await this.renew(holding)) ? holding : undefined
  }

  /** The next holder in this process begins; false: the lock is no longer ours. */
  async renew(holding: Holding): Promise<boolean> {
    const expiresMs = this.#expiryFromNow()
    if (!(await this.#write(holding, this.#lifeSeconds + TICK_SECONDS))) return false
    holding.expiresMs = expiresMs
    return true
  }

  /** Gives the lock back if it is still ours. */
  async give(holding: Holding): Promise<void> {
    await this.#write(holding, EXPIRED)
  }

  #expiryFromNow(): number {
    return performance.now() + this.#lifeSeconds * 1000
  }

  async #write(holding: Holding, ttlSeconds: number): Promise<boolean> {
    if (holding.cas !== undefined) {
      const written = await this.#writeIf(holding.cas, ttlSeconds)
      if (written.outcome === 'NOT_FOUND') return false
      if (written.outcome === 'STORED') {
        holding.cas = written.cas
        return true
      }
    }
    // Either the version was never told, or the answer to our last write got lost.
    const item = await this.#keys.get(this.#node, this.#key)
    if (item?.cas === undefined || !item.value.equals(this.#token)) return false
    const written = await this.#writeIf(item.cas, ttlSeconds)
    holding.cas = written.cas
    return written.outcome === 'STORED'
  }

  #writeIf(cas: string, ttlSeconds: number): ReturnType<SessionStore['keys']['cas']> {
    return this.#keys.cas(this.#node, this.#key, this.#token, { ttlSeconds, cas })
  }
}
