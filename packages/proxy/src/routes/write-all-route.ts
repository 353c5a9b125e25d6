/**
 * Write to all: every pool has every item; writes go to all pools, reads to the first that
 * answers.
 *
 * It does not fail while one pool lives (`succeed: one`), or only when a single one fails (`all`).
 * Plain writes (set, delete, touch) go to all pools at once, and are answered when all have
 * answered or had their time. What depends on the item as it is (add, replace, append, prepend,
 * incr, decr, cas, gat, meta commands of that kind) is decided by the first pool that answers and,
 * when done, repeated by the others: what add, replace and cas stored as a set, so that all pools
 * end with the same value. Where an item is missing the next pool is asked, since a pool that was
 * restarted is empty; an `add` is decided by the first living pool alone, so it is no lock while
 * pools differ. CAS ids are of the pool that gave them: after a failover they do not fit any more,
 * and the client reads again. flush_all succeeds when all pools did it.
 */
import {
  answerWhenAll,
  type Backend,
  type BackendReport,
  Fork,
  type ForkWatcher,
  type Operation,
} from '@holdfast/client'
import { Extra, Op } from '@holdfast/protocol'
import { z } from 'zod'
import {
  AttemptDeadlines,
  disguiseCas,
  foundNothing,
  poolFailed,
  revealCas,
  succeeded,
} from './attempts.ts'
import { KeyLanes } from './key-lanes.ts'
import {
  allUsable,
  attemptTimeoutMs,
  childNames,
  policyReport,
  type RouteType,
  routeType,
  someUsable,
} from './route-type.ts'
import { answerWithBest, answerWithBestOfAll } from './spread.ts'

/** Options of a write-all. */
export interface WriteAllOptions {
  /** In the order in which they are read. */
  pools: readonly string[]
  /** A write succeeds when one pool did it, or only when all did. */
  succeed: 'one' | 'all'
  timeoutMs: number
}

/** Keeps every item in each of `children`. */
export function writeAllRoute(
  options: Omit<WriteAllOptions, 'pools'>,
  children: readonly Backend[],
): Backend {
  return new WriteAllRoute(options, children)
}

/** The policy in a configuration. */
export const WRITE_ALL: RouteType = routeType<WriteAllOptions & { type: string }>({
  type: 'write-all',
  description: 'writes to all pools, reads from the first that answers',
  schema: z.strictObject({
    type: z.literal('write-all'),
    pools: childNames.describe('in the order in which they are read'),
    succeed: z
      .enum(['one', 'all'])
      .default('one')
      .describe('a write succeeds when one pool did it, or only when all did'),
    timeoutMs: attemptTimeoutMs,
  }),
  children: ({ pools }) => pools,
  build: (options, find) => writeAllRoute(options, options.pools.map(find)),
})

class WriteAllRoute implements Backend {
  readonly #children: readonly Backend[]
  readonly #deadlines: AttemptDeadlines
  readonly #needsAll: boolean
  readonly #whenSpread: ForkWatcher
  readonly #lanes: KeyLanes = new KeyLanes((operation) => this.#start(operation))
  #readsElsewhere = 0
  #writesFailed = 0

  constructor(options: Omit<WriteAllOptions, 'pools'>, children: readonly Backend[]) {
    this.#children = children
    this.#deadlines = new AttemptDeadlines(options.timeoutMs)
    this.#needsAll = options.succeed === 'all'
    this.#whenSpread = this.#needsAll ? answerWithBestOfAll : answerWithBest
  }

  submit(operation: Operation): void {
    this.#lanes.submit(operation)
  }

  report(): BackendReport {
    const own = {
      write_all_reads_elsewhere: this.#readsElsewhere,
      write_all_writes_failed: this.#writesFailed,
    }
    return policyReport(this.#children, own, this.#needsAll ? allUsable : someUsable)
  }

  async stop(): Promise<void> {}

  #start = (operation: Operation): Fork => {
    const { kind, extras } = operation
    if (kind === Op.FlushAll) return this.#spread(new Fork(operation, answerWhenAll))
    if (operation.readsOnly || kind === Op.Debug)
      return this.#ask(new Fork(operation, this.#judgeRead))
    if (extras === 0 && (kind === Op.Set || kind === Op.Delete || kind === Op.Touch)) {
      return this.#spread(new Fork(operation, this.#judgeSpread))
    }
    return this.#ask(new Fork(operation, this.#judgeDecision))
  }

  #spread(fork: Fork): Fork {
    fork.spread(this.#children, (part, child) => this.#send(part, child))
    return fork
  }

  #judgeSpread = (child: Operation, fork: Fork): void => {
    if (poolFailed(child)) this.#writesFailed++
    this.#whenSpread(child, fork)
  }

  /** Asks the next pool; a fork's children are in the order of the pools. */
  #ask(fork: Fork): Fork {
    const pool = fork.children.length
    const child = fork.child()
    revealCas(child, pool)
    this.#send(child, this.#children[pool])
    return fork
  }

  #judgeRead = (child: Operation, fork: Fork): void => {
    if (this.#asksOn(child, fork)) {
      this.#readsElsewhere++
      this.#ask(fork)
      return
    }
    answerWithBest(child, fork)
  }

  /** Called for each pool that is asked to decide, then for each that repeats what was decided. */
  #judgeDecision = (child: Operation, fork: Fork): void => {
    const { children } = fork
    const decided = children.find(succeeded)
    if (poolFailed(child)) this.#writesFailed++
    if (decided === undefined) {
      if (this.#asksOn(child, fork)) this.#ask(fork)
      else answerWithBest(child, fork)
      return
    }
    if (child === decided) this.#repeat(fork)
    if (fork.unsettled > 0 || fork.parent.settled) return
    const failed = this.#needsAll ? children.find(poolFailed) : undefined
    if (failed === undefined) disguiseCas(decided, children.indexOf(decided))
    fork.answerWith(failed ?? decided)
  }

  #asksOn(child: Operation, fork: Fork): boolean {
    if (fork.children.length === this.#children.length) return false
    return poolFailed(child) || foundNothing(child)
  }

  #repeat(fork: Fork): void {
    if (!isRepeated(fork.parent)) return
    const unasked = this.#children.slice(fork.children.length)
    fork.spread(unasked, (part, child) => this.#send(repetition(part), child))
  }

  #send(part: Operation, child: Backend | undefined): void {
    this.#deadlines.watch(part)
    child?.submit(part)
  }
}

/** The right to fill an item again is one pool's; so are items made empty for it. */
function isRepeated({ kind, extras }: Operation): boolean {
  return (kind !== Op.Get && kind !== Op.Gets) || (extras & Extra.Touch) !== 0
}

/** What the other pools are asked when one has decided. */
function repetition(child: Operation): Operation {
  switch (child.kind) {
    case Op.Add:
    case Op.Replace:
    case Op.Cas:
      child.kind = Op.Set
      break
    case Op.Get:
    case Op.Gets:
    case Op.Gat:
    case Op.Gats:
      child.kind = Op.Touch
      child.extras = 0
      break
    default:
      break
  }
  child.extras &= ~Extra.Compare
  if (child.kind === Op.Set) child.extras &= ~Extra.Invalidate
  child.casHi = 0
  child.casLo = 0
  return child
}
