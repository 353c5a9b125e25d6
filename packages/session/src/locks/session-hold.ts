/*
 * What one request holds of its session, from load to release: the lock or none, and whether it
 * may write. The session manager asks it on each commit and save.
 *
 * A request without its lock does no harm by itself: each write is on condition of the version
 * (CAS) loaded. Only when that fails, because somebody else has written meanwhile, there is a
 * choice: merge, as without locks, or refuse. A request that had the lock and lost it has read
 * what nobody else was to change, so its write is refused (`beforeMerge`).
 */
import {
  type ActiveSession,
  type Commit,
  NOTHING_TO_COMMIT,
  type SessionMode,
} from '../active-session.ts'
import { SessionLockLostError, SessionReadOnlyError } from './lock-errors.ts'
import type { AcquiredLock } from './session-locks.ts'

export interface SessionHoldOptions {
  lock?: AcquiredLock | undefined
  /** Why the request must not write; undefined: it may. */
  readOnly?: 'declared' | 'lockTimeout' | undefined
  /** After the lock is lost changes are merged, as without locks. */
  mergesWhenLost: boolean
  /** Told once, when the request is over, if it came to the point of storing. */
  onOver?: ((modified: boolean) => void) | undefined
  /** A change that is dropped. */
  onDropped?: ((error: Error) => void) | undefined
}

export class SessionHold {
  readonly #options: SessionHoldOptions
  #saving: Promise<unknown> | undefined
  #committed = false
  #modified = false
  #over = false
  /** A save was refused, so the application knows and decides about its response. */
  #isTold = false

  constructor(options: SessionHoldOptions) {
    this.#options = options
  }

  /** As the mode's commit, unless the request is only to read. Throws SessionReadOnlyError. */
  commit(active: ActiveSession, mode: SessionMode, saveUninitialized: boolean): Commit {
    this.#committed = true
    const { readOnly, onDropped } = this.#options
    if (readOnly !== undefined && (active.accessed || active.isNew)) {
      if (mode.isChanged(active)) {
        this.#modified = true
        const refused = new SessionReadOnlyError(readOnly)
        if (readOnly === 'lockTimeout' && !this.#isTold) throw refused
        onDropped?.(refused)
        return NOTHING_TO_COMMIT
      }
      if (active.isNew) return NOTHING_TO_COMMIT
    }
    const commit = mode.commit(active, saveUninitialized)
    if (commit.saved !== undefined) this.#stores(commit.saved)
    return commit
  }

  /** As `commit`, for an explicit save. */
  save(store: () => Promise<void>): Promise<void> {
    const { readOnly } = this.#options
    if (readOnly !== undefined) {
      this.#isTold = true
      return Promise.reject(new SessionReadOnlyError(readOnly))
    }
    const saved = store()
    this.#stores(saved)
    return saved
  }

  /** As `save`, for an atomic update: it would bring in what others wrote since the lock was lost. */
  async update<T>(work: () => Promise<T>): Promise<T> {
    const { lock, mergesWhenLost } = this.#options
    if (lock !== undefined && !mergesWhenLost && !lock.lock.isHeld) await this.beforeMerge()
    let result: Promise<T> | undefined
    await this.save(() => {
      result = work()
      return result.then(() => undefined)
    })
    if (result === undefined) throw new Error('bug: nothing was saved')
    return result
  }

  /** The request ends its session, which it may always do. */
  destroys(): void {
    this.#committed = true
    this.#modified = true
  }

  /**
   * Asked when somebody else has written the session since it was loaded. Rejects with
   * SessionLockLostError when the lock should have kept them off, else as the store does.
   */
  async beforeMerge(): Promise<void> {
    const { lock, mergesWhenLost } = this.#options
    if (lock === undefined || mergesWhenLost) return
    if (!(await lock.lock.confirm())) throw new SessionLockLostError()
  }

  /** The request is over: the lock goes back when what is being stored is stored. Idempotent. */
  async release(): Promise<void> {
    if (this.#over) return
    this.#over = true
    if (this.#committed) this.#options.onOver?.(this.#modified)
    await this.#saving?.catch(() => undefined)
    await this.#options.lock?.release()
  }

  #stores(saved: Promise<void>): void {
    this.#modified = true
    this.#committed = true
    this.#saving = Promise.allSettled([this.#saving, saved])
  }
}
