/*
 * The requests of one session in this process, in order of arrival: one may hold the lock, the
 * others wait.
 *
 *   wait ──► [ w3 w2 w1 ] ──► the ONE poller: add, pause, add ... ──► holder ──► release
 *                  ▲                                                                │
 *                  └── hand over: one conditional write, no polling ◄───────────────┘
 *
 * A process with a queue would shut out the other processes by handing over to itself again and
 * again, so after `yieldAfterMs` in a row it gives the lock back and pauses for longer than any
 * poller does.
 */
import { SessionStoreUnavailableError } from '../errors.ts'
import { HeldLock, type HeldLockLimits } from './held-lock.ts'
import { ClientGoneError, SessionLockTimeoutError } from './lock-errors.ts'
import type { Holding, LockKey } from './lock-key.ts'

/** Most requests of one session that wait in one process; one more is refused at once. */
export const LOCK_WAITERS_MAX = 256
/** Pause of a poller, growing twofold, with half as much of jitter either way. */
export const LOCK_POLL_MS_MIN = 5
export const LOCK_POLL_MS_MAX = 50

export interface LockQueueOptions extends HeldLockLimits {
  waitMs: number
  onLost: (why: string) => void
  /** Nobody holds the lock or waits for it. */
  onIdle: () => void
}

/** Calls back when the client has gone; returns how to stop listening. */
export type WatchClient = (gone: () => void) => () => void

interface Waiter {
  resolve: (lock: HeldLock) => void
  reject: (error: unknown) => void
}

export class LockQueue {
  readonly #key: LockKey
  readonly #options: LockQueueOptions
  readonly #yieldAfterMs: number
  #waiters: Waiter[] = []
  #holder: HeldLock | undefined
  #taking = false
  /** The store has been asked for the lock and has not answered. */
  #asking = false
  #answeredMs = 0
  #endPause: (() => void) | undefined
  /** Releases that the store has not answered yet. */
  #giving = 0
  /** Since when this process has had the lock without giving it back. */
  #heldSinceMs = 0

  constructor(key: LockKey, options: LockQueueOptions) {
    this.#key = key
    this.#options = options
    this.#yieldAfterMs = options.waitMs / 4
  }

  /** Of the request of this process that holds the lock. */
  get fence(): string | undefined {
    return this.#holder?.isHeld === true ? this.#holder.fence : undefined
  }

  /** Rejects with SessionLockTimeoutError, ClientGoneError, or as the store does. */
  wait(watchClient: WatchClient): Promise<HeldLock> {
    if (this.#waiters.length >= LOCK_WAITERS_MAX) {
      const why = `${LOCK_WAITERS_MAX} requests wait for it already`
      return Promise.reject(new SessionLockTimeoutError(why))
    }
    const { promise, resolve, reject } = Promise.withResolvers<HeldLock>()
    const waiter: Waiter = { resolve, reject }
    this.#waiters.push(waiter)
    const arrivedMs = performance.now()
    const giveUp = (): void => this.#leave(waiter, this.#timeoutError(arrivedMs))
    // A process that stood still runs its timers first: what has come meanwhile is read before.
    const timer = setTimeout(() => setImmediate(giveUp), this.#options.waitMs)
    const unwatch = watchClient(() => this.#leave(waiter, new ClientGoneError()))
    // The poller may be in the pause of one that has left.
    if (this.#waiters.length === 1) this.#endPause?.()
    this.#takeNext(0)
    const settled = (): void => {
      clearTimeout(timer)
      unwatch()
    }
    promise.then(settled, settled)
    return promise
  }

  /** Never rejects: a lock that cannot be given back expires. */
  async release(lock: HeldLock): Promise<void> {
    if (this.#holder !== lock) return
    const inARowMs = performance.now() - this.#heldSinceMs
    const mayHandOver = this.#waiters.length > 0 && inARowMs < this.#yieldAfterMs
    if (mayHandOver) {
      const holding = await lock.end('handOver').catch(() => undefined)
      // Lost meanwhile: then the queue has gone on already.
      if (this.#holder !== lock) return
      this.#holder = undefined
      if (holding !== undefined) this.#grant(holding)
      else this.#takeNext(0)
      return
    }
    this.#holder = undefined
    this.#giving += 1
    const given = lock.end('give').catch(() => undefined)
    this.#takeNext(Math.min(2 * LOCK_POLL_MS_MAX, this.#yieldAfterMs))
    await given
    this.#giving -= 1
    this.#tellIfIdle()
  }

  /** A store that has said nothing is away, whoever has the lock. */
  #timeoutError(arrivedMs: number): Error {
    const why = `within ${this.#options.waitMs} ms`
    if (!this.#asking || this.#answeredMs >= arrivedMs) {
      return new SessionLockTimeoutError(`not free ${why}`)
    }
    return new SessionStoreUnavailableError('lock the session', new Error(`no answer ${why}`))
  }

  #leave(waiter: Waiter, error: Error): void {
    const place = this.#waiters.indexOf(waiter)
    if (place === -1) return
    this.#waiters.splice(place, 1)
    waiter.reject(error)
    this.#tellIfIdle()
  }

  #takeNext(pauseMs: number): void {
    if (this.#taking || this.#holder !== undefined || this.#waiters.length === 0) return
    this.#taking = true
    this.#take(pauseMs)
      .then(
        (holding) => {
          this.#taking = false
          if (holding === undefined) return
          this.#heldSinceMs = performance.now()
          this.#grant(holding)
        },
        (error: unknown) => {
          this.#taking = false
          for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
        },
      )
      .finally(() => this.#tellIfIdle())
  }

  /** Asks until the lock is ours or nobody waits for it any more. */
  async #take(firstPauseMs: number): Promise<Holding | undefined> {
    let pauseMs = firstPauseMs
    for (let attempt = 0; ; attempt++) {
      if (pauseMs > 0) await this.#pause(pauseMs * (0.5 + Math.random()))
      if (this.#waiters.length === 0) return undefined
      const holding = await this.#ask(attempt)
      if (holding !== undefined) return holding
      pauseMs = Math.min(LOCK_POLL_MS_MAX, LOCK_POLL_MS_MIN * 2 ** attempt)
    }
  }

  async #ask(attempt: number): Promise<Holding | undefined> {
    this.#asking = true
    try {
      const taken = await this.#key.take()
      // Once is enough: what this process might have left there was left before it waited.
      return taken === undefined && attempt === 1 ? await this.#key.adopt() : taken
    } finally {
      this.#asking = false
      this.#answeredMs = performance.now()
    }
  }

  async #pause(pauseMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, pauseMs)
    this.#endPause = resolve
    await promise
    clearTimeout(timer)
    this.#endPause = undefined
  }

  #grant(holding: Holding): void {
    const lock = new HeldLock(this.#key, holding, this.#options, (why) => {
      this.#options.onLost(why)
      if (this.#holder !== lock) return
      this.#holder = undefined
      this.#takeNext(0)
      this.#tellIfIdle()
    })
    this.#holder = lock
    const waiter = this.#waiters.shift()
    if (waiter !== undefined) waiter.resolve(lock)
    else void this.release(lock)
  }

  #tellIfIdle(): void {
    if (this.#holder !== undefined || this.#taking || this.#giving > 0) return
    if (this.#waiters.length === 0) this.#options.onIdle()
    else this.#takeNext(0)
  }
}
