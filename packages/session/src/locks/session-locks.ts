/*
 * The locks of all sessions in this process: one queue per session that is locked or waited for.
 *
 * It knows sessions by id and nothing of requests; which of them lock is decided by
 * `lock-policy.ts`, what a request may do without a lock by `request-locking.ts`.
 */

import { SessionStoreUnavailableError } from '../errors.ts'
import type { SessionSettings } from '../options.ts'
import { idWithoutRoute } from '../session-id.ts'
import type { SessionStore } from '../store/session-store.ts'
import type { HeldLock } from './held-lock.ts'
import { SessionLockTimeoutError } from './lock-errors.ts'
import { LockKey, newOwnerToken } from './lock-key.ts'
import { LockQueue, type WatchClient } from './lock-queue.ts'

/** A lock that a request has got. */
export interface AcquiredLock {
  readonly lock: HeldLock
  /** Never rejects. */
  release(): Promise<void>
}

export class SessionLocks {
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
    const queue = this.#queueOf(id)
    const waiting = queue.wait(watchClient)
    await this.#settings.observer.locking(id, isHad(waiting))
    const lock = await waiting
    return { lock, release: () => this.#release(queue, lock) }
  }

  /** The fencing number of the lock that a request of this process holds. */
  fenceOf(id: string): string | undefined {
    return this.#queues.get(id)?.fence
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
    const startMs = performance.now()
    const released = queue.release(lock).finally(() => {
      this.#releases.delete(released)
      this.#settings.observer.unlocked(startMs)
    })
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
    const { keyPrefix, lockExpirationSeconds, lockHoldMaxSeconds, lockWaitMs } = this.#settings
    const { logger, observer } = this.#settings
    const key = new LockKey(
      this.#store.keys,
      { node, key: `lock:${keyPrefix}${idWithoutRoute(id)}` },
      { token: this.#token, lifeSeconds: lockExpirationSeconds },
    )
    const queue = new LockQueue(key, {
      waitMs: lockWaitMs,
      lifeMs: lockExpirationSeconds * 1000,
      holdMaxMs: lockHoldMaxSeconds * 1000,
      onLost: (why) => {
        observer.counts.locksLost++
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

/** False: it was not had in time; rejects for other reasons. */
function isHad(waiting: Promise<HeldLock>): Promise<boolean> {
  return waiting.then(
    () => true,
    (error: unknown) => {
      if (error instanceof SessionLockTimeoutError) return false
      throw error
    },
  )
}
