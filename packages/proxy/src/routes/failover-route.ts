/**
 * Failover: each operation goes to the first pool, and on to the next when that one fails.
 *
 * What a failure is, is an option; a miss can count as one. Of several answers the first that is no
 * failure counts, so a pool that is down does not turn the miss of another into an error. Writes
 * made elsewhere while the first pool was away are not brought back to it: who needs that writes to
 * all pools. A delete goes to every pool, so that a copy left by an earlier failover does not come
 * back; its answer is DELETED when any pool had the item. flush_all goes to every pool and succeeds
 * when all did.
 */
import {
  answerWhenAll,
  type Backend,
  type BackendReport,
  Fork,
  type Operation,
  Outcome,
  TIMEOUT_LINE,
} from '@holdfast/client'
import { Op } from '@holdfast/protocol'
import { z } from 'zod'
import {
  AttemptDeadlines,
  compares,
  disguiseCas,
  foundNothing,
  poolFailed,
  revealCas,
} from './attempts.ts'
import { KeyLanes } from './key-lanes.ts'
import {
  attemptTimeoutMs,
  childNames,
  policyReport,
  type RouteType,
  routeType,
  someUsable,
} from './route-type.ts'
import { answerWithBest } from './spread.ts'

/** Options of a failover. */
export interface FailoverOptions {
  /** In the order in which they are tried. */
  pools: readonly string[]
  /** What leads to the next pool. */
  on: readonly ('error' | 'timeout' | 'miss')[]
  /** Writes fail over as well; else they fail with the first pool. */
  writes: boolean
  timeoutMs: number
}

/** Hands each operation to the first of `children` that does not fail. */
export function failoverRoute(
  options: Omit<FailoverOptions, 'pools'>,
  children: readonly Backend[],
): Backend {
  return new FailoverRoute(options, children)
}

/** The policy in a configuration. */
export const FAILOVER: RouteType = routeType<FailoverOptions & { type: string }>({
  type: 'failover',
  description: 'to the first pool, and on to the next when that one fails',
  schema: z.strictObject({
    type: z.literal('failover'),
    pools: childNames.describe('in the order in which they are tried'),
    on: z
      .array(z.enum(['error', 'timeout', 'miss']))
      .min(1)
      .default(['error', 'timeout'])
      .describe('what leads to the next pool'),
    writes: z.boolean().default(true).describe('writes fail over too, else only reads'),
    timeoutMs: attemptTimeoutMs,
  }),
  children: ({ pools }) => pools,
  build: (options, find) => failoverRoute(options, options.pools.map(find)),
})

class FailoverRoute implements Backend {
  readonly #children: readonly Backend[]
  readonly #deadlines: AttemptDeadlines
  readonly #onError: boolean
  readonly #onTimeout: boolean
  readonly #onMiss: boolean
  readonly #writes: boolean
  readonly #lanes: KeyLanes = new KeyLanes((operation) => this.#start(operation))
  #failovers = 0

  constructor(options: Omit<FailoverOptions, 'pools'>, children: readonly Backend[]) {
    this.#children = children
    this.#deadlines = new AttemptDeadlines(options.timeoutMs)
    this.#onError = options.on.includes('error')
    this.#onTimeout = options.on.includes('timeout')
    this.#onMiss = options.on.includes('miss')
    this.#writes = options.writes
  }

  submit(operation: Operation): void {
    this.#lanes.submit(operation)
  }

  report(): BackendReport {
    return policyReport(this.#children, { failovers: this.#failovers }, someUsable)
  }

  async stop(): Promise<void> {}

  #start = (operation: Operation): Fork => {
    const { kind } = operation
    if (kind === Op.FlushAll) return this.#toAll(new Fork(operation, answerWhenAll))
    if (kind === Op.Delete && !compares(operation) && this.#writes) {
      return this.#toAll(new Fork(operation, answerWithBest))
    }
    const fork = new Fork(operation, this.#judge)
    this.#attempt(fork)
    return fork
  }

  #toAll(fork: Fork): Fork {
    fork.spread(this.#children, (part, child) => {
      this.#deadlines.watch(part)
      child.submit(part)
    })
    return fork
  }

  #attempt(fork: Fork): void {
    const pool = fork.children.length
    const child = fork.child()
    revealCas(child, pool)
    this.#deadlines.watch(child)
    this.#children[pool]?.submit(child)
  }

  #judge = (child: Operation, fork: Fork): void => {
    const { children } = fork
    if (this.#goesOn(child, fork) && children.length < this.#children.length) {
      this.#failovers++
      this.#attempt(fork)
      return
    }
    const answer = poolFailed(child) ? (children.find((one) => !poolFailed(one)) ?? child) : child
    disguiseCas(answer, children.indexOf(answer))
    fork.answerWith(answer)
  }

  #goesOn(child: Operation, fork: Fork): boolean {
    if (!this.#writes && !fork.parent.readsOnly) return false
    if (child.outcome === Outcome.Failed) {
      return child.line.startsWith(TIMEOUT_LINE) ? this.#onTimeout : this.#onError
    }
    return this.#onMiss && foundNothing(child)
  }
}
