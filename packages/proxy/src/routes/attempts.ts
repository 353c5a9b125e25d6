/**
 * What policies share: judging the outcome of a child, keeping the time of each attempt, and CAS
 * ids that tell from which pool they are.
 */
import { Fifo, type Operation, Outcome, TIMEOUT_LINE } from '@holdfast/client'
import { Extra, Op } from '@holdfast/protocol'

/** The pool could not carry it out, so another one may. The client's own mistakes are not this. */
export function poolFailed(child: Operation): boolean {
  return child.outcome === Outcome.Failed
}

/** The item is not there. */
export function foundNothing({ kind, outcome }: Operation): boolean {
  if (outcome === Outcome.Miss || outcome === Outcome.NotFound) return true
  return outcome === Outcome.NotStored && kind !== Op.Add
}

/** What was asked is done. */
export function succeeded({ outcome }: Operation): boolean {
  return (
    outcome === Outcome.Stored ||
    outcome === Outcome.Deleted ||
    outcome === Outcome.Touched ||
    outcome === Outcome.Counted ||
    outcome === Outcome.Ok ||
    outcome === Outcome.Hit
  )
}

/** True when the outcome hangs on the item's CAS. */
export function compares({ kind, extras }: Operation): boolean {
  return kind === Op.Cas || (extras & Extra.Compare) !== 0
}

/**
 * Pools number their items independently, so the same CAS id may mean different items in two
 * pools. Ids from any pool but the first are disguised on their way to the client and back: an id
 * from one pool never fits an item of another by accident.
 */
export function disguiseCas(child: Operation, pool: number): void {
  if (pool === 0) return
  const disguise = disguiseOf(pool)
  child.resultCasHi = (child.resultCasHi ^ disguise) >>> 0
  child.stampHi = (child.stampHi ^ disguise) >>> 0
}

/** Undoes the disguise of the id that `child` compares with, for `pool`. */
export function revealCas(child: Operation, pool: number): void {
  if (pool > 0 && compares(child)) child.casHi = (child.casHi ^ disguiseOf(pool)) >>> 0
}

function disguiseOf(pool: number): number {
  return (pool * 0x1100_0001) >>> 0
}

/** Fails attempts that take too long, all after the same time. */
export class AttemptDeadlines {
  readonly #timeoutMs: number
  readonly #attempts: Fifo<Operation> = new Fifo()
  readonly #deadlinesMs: Fifo<number> = new Fifo()
  #timer: NodeJS.Timeout | undefined = undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** Fails the operation when it has no outcome in time. */
  watch(attempt: Operation): void {
    const nowMs = performance.now()
    this.#forgetSettled()
    this.#attempts.push(attempt)
    this.#deadlinesMs.push(nowMs + this.#timeoutMs)
    this.#arm(nowMs)
  }

  /** Settled ones leave as others come, so that the queue is as long as what is outstanding. */
  #forgetSettled(): void {
    while (this.#attempts.peek()?.settled === true) {
      this.#attempts.shift()
      this.#deadlinesMs.shift()
    }
  }

  #arm(nowMs: number): void {
    const deadlineMs = this.#deadlinesMs.peek()
    if (this.#timer !== undefined || deadlineMs === undefined) return
    this.#timer = setTimeout(this.#expire, Math.max(1, deadlineMs - nowMs))
    this.#timer.unref()
  }

  #expire = (): void => {
    this.#timer = undefined
    const nowMs = performance.now()
    while ((this.#deadlinesMs.peek() ?? Number.POSITIVE_INFINITY) <= nowMs) {
      this.#deadlinesMs.shift()
      this.#attempts.shift()?.fail(TIMEOUT_LINE)
    }
    this.#forgetSettled()
    this.#arm(nowMs)
  }
}
