/*
 * Loads sessions under their locks: decides by the policy, waits for the lock, loads, and gives
 * the session its hold. The way from a request to its lock and back is here; who waits for whom
 * is `session-locks.ts`'s, what a hold lets through `session-hold.ts`'s.
 */
import type { ActiveSession } from '../active-session.ts'
import type { SessionSettings } from '../options.ts'
import type { RequestFacts } from '../session-manager.ts'
import type { SessionStore } from '../store/session-store.ts'
import { isClientGone, onClientGone } from './client-gone.ts'
import { ClientGoneError, SessionLockTimeoutError } from './lock-errors.ts'
import { LockPolicy, type LockRule } from './lock-policy.ts'
import { SessionHold, type SessionHoldOptions } from './session-hold.ts'
import { type AcquiredLock, SessionLocks } from './session-locks.ts'

/** Requests with a session that a `uriPattern` may leave out before the log is told. */
export const UNMATCHED_REQUESTS_TOLD = 1000

/** Undefined: there is no such session. */
type Loaded = ActiveSession | undefined

export class RequestLocking {
  readonly #settings: SessionSettings
  readonly #locks: SessionLocks
  readonly #policy: LockPolicy
  readonly #store: SessionStore
  #unmatched = 0

  private constructor(store: SessionStore, settings: SessionSettings) {
    this.#settings = settings
    this.#store = store
    this.#locks = new SessionLocks(store, settings)
    this.#policy = new LockPolicy(settings)
  }

  /** Undefined where nothing is ever locked or only read; warns of options without effect. */
  static for(store: SessionStore, settings: SessionSettings): RequestLocking | undefined {
    const { lockingMode, readOnlyRequests, sticky, logger } = settings
    if (lockingMode === 'none' && readOnlyRequests === undefined) return undefined
    if (!sticky) return new RequestLocking(store, settings)
    logger.warn({}, 'lockingMode and readOnlyRequests have no effect on sticky sessions')
    return undefined
  }

  /**
   * Loads the session of this id by `load`, under its lock if the request needs one. Rejects with
   * SessionLockTimeoutError, ClientGoneError, or as `load` does.
   */
  load(
    id: string,
    request: RequestFacts | undefined,
    load: () => Loaded | Promise<Loaded>,
  ): Loaded | Promise<Loaded> {
    const place = this.#store.relocated(id) ?? id
    if (!this.#store.knows(place)) return load()
    const rule = this.#policy.ruleFor(request, Date.now())
    this.#watchPattern(rule)
    if (rule.rule === 'lock') return this.#loadLocked(place, request, rule, load)
    const readOnly = rule.rule === 'readOnly' ? 'declared' : undefined
    if (rule.kind === undefined && readOnly === undefined) return load()
    this.#settings.observer.counts.readOnlyRequests++
    const loaded = load()
    if (loaded instanceof Promise) return loaded.then((one) => this.#hold(one, rule, { readOnly }))
    return this.#hold(loaded, rule, { readOnly })
  }

  /** A session made for this request is not stored either, if the request is only to read. */
  created(active: ActiveSession, request: RequestFacts | undefined): ActiveSession {
    const rule = this.#policy.ruleFor(request, Date.now())
    return rule.rule === 'readOnly' ? this.#hold(active, rule, { readOnly: 'declared' }) : active
  }

  /** See SessionManager. */
  fenceOf(id: string): string | undefined {
    return this.#locks.fenceOf(id)
  }

  /** Waits for the releases that are out. */
  close(): Promise<void> {
    return this.#locks.close()
  }

  async #loadLocked(
    place: string,
    request: RequestFacts | undefined,
    rule: LockRule,
    load: () => Loaded | Promise<Loaded>,
  ): Promise<Loaded> {
    let lock: AcquiredLock
    try {
      lock = await this.#locks.acquire(place, (gone) => onClientGone(request?.raw, gone))
    } catch (error) {
      return this.#loadUnlocked(error, rule, load)
    }
    try {
      const active = await load()
      // Nobody would tell us any more that this response is over.
      if (isClientGone(request?.raw)) throw new ClientGoneError()
      if (active !== undefined && !active.isNew) return this.#hold(active, rule, { lock })
      await lock.release()
      return active
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /** The lock could not be had; with the store away that is for the caller to answer. */
  async #loadUnlocked(
    error: unknown,
    rule: LockRule,
    load: () => Loaded | Promise<Loaded>,
  ): Promise<Loaded> {
    const { lockTimeout, logger } = this.#settings
    if (!(error instanceof SessionLockTimeoutError) || lockTimeout === 'fail') throw error
    logger.warn({ err: error, lockTimeout }, 'request goes on without the lock of its session')
    const readOnly = lockTimeout === 'readOnly' ? 'lockTimeout' : undefined
    return this.#hold(await load(), rule, { readOnly })
  }

  #hold<S extends Loaded>(
    active: S,
    { kind }: LockRule,
    { lock, readOnly }: Pick<SessionHoldOptions, 'lock' | 'readOnly'>,
  ): S {
    if (active === undefined) return active
    const { lockTimeout, logger } = this.#settings
    active.hold = new SessionHold({
      lock,
      readOnly,
      mergesWhenLost: lockTimeout === 'continue',
      onOver:
        kind === undefined || active.isNew
          ? undefined
          : (modified) => this.#policy.learn(kind, modified, Date.now()),
      onDropped: (error) => logger.warn({ err: error }, 'change of a session is dropped'),
    })
    return active
  }

  /** A pattern that never matches locks nothing, and nobody would notice. */
  #watchPattern({ rule }: LockRule): void {
    if (this.#settings.lockingMode !== 'uriPattern') return
    if (rule === 'lock') this.#unmatched = Number.NaN
    else this.#unmatched += 1
    if (this.#unmatched !== UNMATCHED_REQUESTS_TOLD) return
    this.#settings.logger.warn(
      { requests: this.#unmatched },
      'the uriPattern of lockingMode has not matched any request yet: nothing is locked',
    )
  }
}
