/**
 * Warm-up: a cold pool takes over from a warm one; what is missing in the cold pool is brought over
 * from the warm one when it is asked for.
 *
 * Every operation is carried out by the cold pool. A miss there is looked up in the warm pool, and
 * what is found is added to the cold one (with the time to live that it has left, or a given one)
 * before the operation is repeated there; so incr, append, cas or touch work on items that only the
 * warm pool has. `add` looks into the warm pool first. What was written to the cold pool is deleted
 * from the warm one, unless `keepWarm`: else an older value came back when the cold pool evicts or
 * expires its own. Deletes go to both. A warm pool that fails makes the operation fail, since a
 * failure is no miss, or counts as a miss by option. flush_all succeeds when both pools did it.
 */
import {
  answerWhenAll,
  type Backend,
  type BackendReport,
  Fork,
  type Operation,
} from '@holdfast/client'
import { Dialect, Extra, Op } from '@holdfast/protocol'
import { z } from 'zod'
import {
  AttemptDeadlines,
  compares,
  disguiseCas,
  foundNothing,
  poolFailed,
  succeeded,
} from './attempts.ts'
import { askWithTtl, makeAdd } from './item-copy.ts'
import { KeyLanes } from './key-lanes.ts'
import {
  attemptTimeoutMs,
  childName,
  policyReport,
  type RouteType,
  routeType,
} from './route-type.ts'
import { answerWithBest, answerWithBestOfAll } from './spread.ts'

/** Options of a warm-up. */
export interface WarmUpOptions {
  cold: string
  warm: string
  /** Time to live of what is brought over; without it that which is left, asked of the warm pool. */
  ttlSeconds?: number | undefined
  /** What a failure of the warm pool is taken for. */
  warmFailure: 'fail' | 'miss'
  /** Leave in the warm pool what was written to the cold one. */
  keepWarm: boolean
  timeoutMs: number
}

/** Carries out everything in `cold`, with the items of `warm` in its place until it has them. */
export function warmUpRoute(
  options: Omit<WarmUpOptions, 'cold' | 'warm'>,
  cold: Backend,
  warm: Backend,
): Backend {
  return new WarmUpRoute(options, cold, warm)
}

/** The policy in a configuration. */
export const WARM_UP: RouteType = routeType<WarmUpOptions & { type: string }>({
  type: 'warm-up',
  description: 'to the cold pool; what it misses is brought over from the warm one',
  schema: z.strictObject({
    type: z.literal('warm-up'),
    cold: childName.describe('the pool that takes over'),
    warm: childName.describe('the pool that has the items'),
    ttlSeconds: z
      .int()
      .min(1)
      .max(2_592_000)
      .optional()
      .describe('time to live of what is brought over; default: what is left of its own'),
    warmFailure: z
      .enum(['fail', 'miss'])
      .default('fail')
      .describe('what a failure of the warm pool is taken for'),
    keepWarm: z
      .boolean()
      .default(false)
      .describe('leave in the warm pool what was written to the cold one'),
    timeoutMs: attemptTimeoutMs,
  }),
  children: ({ cold, warm }) => [cold, warm],
  build: (options, find) => warmUpRoute(options, find(options.cold), find(options.warm)),
})

/** Number of the warm pool, for the disguise of its CAS ids. */
const WARM = 1

class WarmUpRoute implements Backend {
  readonly #cold: Backend
  readonly #warm: Backend
  readonly #ttlSeconds: number | undefined
  readonly #warmMayFail: boolean
  readonly #keepWarm: boolean
  readonly #deadlines: AttemptDeadlines
  readonly #lanes: KeyLanes = new KeyLanes((operation) => this.#start(operation))
  #brought = 0
  #warmFailures = 0

  constructor(options: Omit<WarmUpOptions, 'cold' | 'warm'>, cold: Backend, warm: Backend) {
    this.#cold = cold
    this.#warm = warm
    this.#ttlSeconds = options.ttlSeconds
    this.#warmMayFail = options.warmFailure === 'miss'
    this.#keepWarm = options.keepWarm
    this.#deadlines = new AttemptDeadlines(options.timeoutMs)
  }

  submit(operation: Operation): void {
    this.#lanes.submit(operation)
  }

  /** Only the cold pool has to be usable, unless failures of the warm one count. */
  report(): BackendReport {
    const own = { warm_up_brought: this.#brought, warm_up_warm_failures: this.#warmFailures }
    const [cold, warm] = [this.#cold.report(), this.#warm.report()]
    const usable = cold.usable && (this.#warmMayFail || warm.usable)
    return policyReport([this.#cold, this.#warm], own, () => usable)
  }

  async stop(): Promise<void> {}

  #start = (operation: Operation): Fork => {
    const { kind, extras } = operation
    if (kind === Op.FlushAll) return this.#toBoth(new Fork(operation, answerWhenAll))
    if (kind === Op.Delete && !compares(operation)) {
      const judge = this.#warmMayFail ? answerWithBest : answerWithBestOfAll
      return this.#toBoth(new Fork(operation, judge))
    }
    const trip = new Trip(operation)
    if (kind === Op.Add || (extras & Extra.Vivify) !== 0) {
      this.#bring(trip, () => this.#finish(trip))
    } else {
      this.#tryCold(trip)
    }
    return trip.fork
  }

  #toBoth(fork: Fork): Fork {
    const [inCold, inWarm] = [fork.child(), fork.child()]
    this.#deadlines.watch(inCold)
    this.#deadlines.watch(inWarm)
    this.#cold.submit(inCold)
    this.#warm.submit(inWarm)
    return fork
  }

  #tryCold(trip: Trip): void {
    this.#send(trip, trip.fork.child(), this.#cold, (tried) => {
      if (!foundNothing(tried)) this.#answer(trip, tried)
      else
        this.#bring(trip, (found) => {
          if (found === undefined) trip.fork.answerWith(tried)
          else if (isPlainGet(trip.fork.parent)) trip.fork.answerWith(found)
          else this.#finish(trip, found)
        })
    })
  }

  /** Adds the warm pool's item, if it has one, to the cold one. */
  #bring(trip: Trip, then: (found: Operation | undefined) => void): void {
    const question = askWithTtl(trip.fork.child(), this.#ttlSeconds === undefined)
    this.#send(trip, question, this.#warm, (found) => {
      if (poolFailed(found)) {
        this.#warmFailures++
        if (this.#warmMayFail) then(undefined)
        else trip.fork.answerWith(found)
      } else if (!succeeded(found)) {
        then(undefined)
      } else {
        this.#brought++
        const addition = makeAdd(trip.fork.child(), found, this.#ttlSeconds, Date.now())
        // Whatever becomes of it: when somebody else was quicker, theirs counts.
        this.#send(trip, addition, this.#cold, () => then(found))
      }
    })
  }

  /** Asks the cold pool (again); a read that it cannot answer is answered by what was found. */
  #finish(trip: Trip, found?: Operation): void {
    this.#send(trip, trip.fork.child(), this.#cold, (done) => {
      if (found === undefined || succeeded(done) || !trip.fork.parent.readsOnly) {
        this.#answer(trip, done)
        return
      }
      disguiseCas(found, WARM)
      trip.fork.answerWith(found)
    })
  }

  /** Answers as the cold pool did, once the warm one has forgotten what is not true any more. */
  #answer(trip: Trip, done: Operation): void {
    if (this.#keepWarm || !succeeded(done) || !changesValue(trip.fork.parent)) {
      trip.fork.answerWith(done)
      return
    }
    const removal = trip.fork.child()
    removal.kind = Op.Delete
    removal.extras = 0
    this.#send(trip, removal, this.#warm, (removed) => {
      if (poolFailed(removed)) this.#warmFailures++
      trip.fork.answerWith(done)
    })
  }

  #send(trip: Trip, child: Operation, to: Backend, then: (child: Operation) => void): void {
    trip.onOutcome = then
    this.#deadlines.watch(child)
    to.submit(child)
  }
}

/** An operation on its way through both pools, one step after the other. */
class Trip {
  readonly fork: Fork
  /** Told of the outcome of the step that is under way. */
  onOutcome: (child: Operation) => void = () => {}

  constructor(parent: Operation) {
    this.fork = new Fork(parent, (child) => this.onOutcome(child))
  }
}

/** A get whose reply shows nothing that differs between pools. */
function isPlainGet({ kind, extras, dialect }: Operation): boolean {
  return kind === Op.Get && extras === 0 && dialect === Dialect.Text
}

function changesValue({ kind, readsOnly }: Operation): boolean {
  return !readsOnly && kind !== Op.Touch && kind !== Op.Gat && kind !== Op.Gats
}
