/*
 * The locks of all sessions in this process: one queue per session that is locked or waited for.
 *
 * It knows sessions by id and nothing of requests; which of them lock is decided by
 * `lock-policy.ts`, what a request may do without a lock by `request-locking.ts`.
 */
import { SessionStoreUnavailableError } from '../errors.ts'
import type { SessionSettings } from '../options.ts'
import type { SessionStore } from '../store/session-store.ts'
import type { HeldLock } from './held-lock.ts'
import { SessionLockTimeoutError } from './lock-errors.ts'
import { LockKey, newOwnerToken } from './lock-key.ts'
import { LockQueue, type WatchClient } from './lock-queue.ts'

/** What has happened since the start. */
export interface LockCounts {
  /** Requests that got the lock of their session. */
  acquired: number
  /** Milliseconds that they waited for it, the store's answer included. */
  waitedMs: number
  /** Requests that did not get it within `lockWait`. */
  timedOut: number
  /** Locks that expired, or became another one's, while their request ran. */
  lost: number
}

/** A lock that a request has got. */
export interface AcquiredLock {
  readonly lock: HeldLock
  /** Never rejects. */
  release(): Promise<void>
}

export class SessionLocks {
  readonly counts: LockCounts = { acquired: 0, waitedMs: 0, timedOut: 0, lost: 0 }
  readonly #store: SessionStore
  readonly #settings: SessionSettings
  readonly #token = newOwnerToken()
  readonly #queues = new Map<string, LockQueue>()
  readonly #releases = new Set<Promise<void>>()

  constructor(store: SessionStore, settings: SessionSettings) {
    this.#store = store
    this.#settings = settings
  }

  /** Rejects with SessionLockTimeoutError, ClientGoneError or SessionStoreUnavailableError. */
  async acquire(id: string, watchClient: WatchClient): Promise<AcquiredLock> {
    const startMs = performance.now()
    const queue = this.#queueOf(id)
    try {
      const lock = await queue.wait(watchClient)
      this.counts.acquired += 1
      this.counts.waitedMs += performance.now() - startMs
      return { lock, release: () => this.#release(queue, lock) }
    } catch (error) {
      if (error instanceof SessionLockTimeoutError) this.counts.timedOut += 1
      throw error
    }
  }

  /** Sessions that are locked or waited for. */
  get size(): number {
    return this.#queues.size
  }

  /** Waits for the releases that are out; the locks of requests that still run expire. */
  async close(): Promise<void> {
    await Promise.all(this.#releases)
  }

  #release(queue: LockQueue, lock: HeldLock): Promise<void> {
    const released = queue.release(lock).finally(() => this.#releases.delete(released))
    this.#releases.add(released)
    return released
  }

  #queueOf(id: string): LockQueue {
    const known = this.#queues.get(id)
    if (known !== undefined) return known
    const node = this.#store.keys.nodeOf(id)
    if (node === undefined) {
      throw new SessionStoreUnavailableError('lock it', new Error('its node is not configured'))
    }
    const { keyPrefix, lockExpirationSeconds, lockHoldMaxSeconds, lockWaitMs, logger } =
      this.#settings
    const key = new LockKey(
      this.#store.keys,
      { node, key: `lock:${keyPrefix}${id}` },
      { token: this.#token, lifeSeconds: lockExpirationSeconds },
    )
    const queue = new LockQueue(key, {
      waitMs: lockWaitMs,
      lifeMs: lockExpirationSeconds * 1000,
      holdMaxMs: lockHoldMaxSeconds * 1000,
      onLost: (why) => {
        this.counts.lost += 1
        logger.warn({ why }, 'request has lost the lock of its session')
      },
      onIdle: () => {
        if (this.#queues.get(id) === queue) this.#queues.delete(id)
      },
    })
    this.#queues.set(id, queue)
    return queue
  }
}
