/*
 * A session's lock while one request holds it: renewed in the background every third of its life,
 * at most for `lockHoldMax`. Whether it was lost is known by an answer of the store, or by the
 * clock when the store gives none.
 */
import type { Holding, LockKey } from './lock-key.ts'

export interface HeldLockLimits {
  lifeMs: number
  holdMaxMs: number
}

const RENEWALS_PER_LIFE = 3

export class HeldLock {
  readonly #key: LockKey
  readonly #holding: Holding
  readonly #limits: HeldLockLimits
  readonly #onLost: (why: string) => void
  readonly #holdUntilMs: number
  #timer: NodeJS.Timeout | undefined
  #renewing: Promise<boolean> | undefined
  #state: 'held' | 'lost' | 'given' = 'held'

  constructor(
    key: LockKey,
    holding: Holding,
    limits: HeldLockLimits,
    onLost: (why: string) => void,
  ) {
    this.#key = key
    this.#holding = holding
    this.#limits = limits
    this.#onLost = onLost
    this.#holdUntilMs = performance.now() + limits.holdMaxMs
    this.#schedule(limits.lifeMs / RENEWALS_PER_LIFE)
  }

  /**
   * Grows with each hold of this session's lock, as long as its store node lives; undefined where
   * the store does not tell the version of what it wrote.
   */
  get fence(): string | undefined {
    return this.#holding.fence
  }

  /** Ours as far as this process can tell without asking. */
  get isHeld(): boolean {
    return this.#state === 'held' && performance.now() < this.#holding.expiresMs
  }

  /** Asks the store, by renewing; rejects when it does not answer. */
  async confirm(): Promise<boolean> {
    if (this.#state !== 'held') return false
    if (performance.now() >= this.#holdUntilMs) return this.isHeld
    this.#renewing ??= this.#renew()
    return this.#renewing
  }

  /**
   * Ends this hold. `next` is what the key is for then: another holder of this process, or
   * nobody. True: another one may hold it at once, with `holding`.
   */
  async end(next: 'handOver' | 'give'): Promise<Holding | undefined> {
    clearTimeout(this.#timer)
    // Both write on condition of the version: side by side one would miss the other's.
    await this.#renewing?.catch(() => false)
    if (this.#state !== 'held') return undefined
    this.#state = 'given'
    if (next === 'give') {
      await this.#key.give(this.#holding)
      return undefined
    }
    if (!(await this.#key.renew(this.#holding))) return undefined
    return { ...this.#holding, fence: this.#holding.cas }
  }

  async #renew(): Promise<boolean> {
    try {
      const renewed = await this.#key.renew(this.#holding)
      if (!renewed) this.#lose('it is another one’s, or gone')
      return renewed
    } finally {
      this.#renewing = undefined
    }
  }

  async #tick(): Promise<void> {
    const nowMs = performance.now()
    if (nowMs >= this.#holding.expiresMs) {
      // Perhaps only this process stood still: the store knows.
      const stillOurs = nowMs < this.#holdUntilMs && (await this.confirm().catch(() => false))
      if (!stillOurs) return this.#lose('it has expired')
    } else if (nowMs < this.#holdUntilMs) {
      await this.confirm().catch(() => undefined)
    }
    if (this.#state !== 'held') return
    const untilExpiryMs = Math.max(1, this.#holding.expiresMs - performance.now())
    this.#schedule(Math.min(this.#limits.lifeMs / RENEWALS_PER_LIFE, untilExpiryMs))
  }

  #schedule(inMs: number): void {
    if (this.#state !== 'held') return
    this.#timer = setTimeout(() => void this.#tick(), inMs).unref()
  }

  #lose(why: string): void {
    if (this.#state !== 'held') return
    this.#state = 'lost'
    clearTimeout(this.#timer)
    this.#onLost(why)
  }
}
