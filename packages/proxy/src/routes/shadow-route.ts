/**
 * Shadow: every operation goes to the main pool; a share of them is also sent to another pool,
 * whose answers are ignored.
 *
 * The main pool gets the operation itself, so its answers neither wait for the shadow nor change
 * with it. Copies are bounded in number and time: beyond the bound they are left out, and counted.
 * flush_all is copied like any other write, whatever the share.
 */
import {
  type Backend,
  type BackendReport,
  Operation,
  type ReplySlot,
  UPSTREAM_ORDER_SHARDS,
  type Upstream,
} from '@holdfast/client'
import { Op } from '@holdfast/protocol'
import { crc32 } from '@holdfast/topology'
import { z } from 'zod'
import { AttemptDeadlines, poolFailed } from './attempts.ts'
import {
  attemptTimeoutMs,
  childName,
  policyReport,
  type RouteType,
  routeType,
} from './route-type.ts'

/** Options of a shadow. */
export interface ShadowOptions {
  main: string
  shadow: string
  /** Share of the operations that are copied. */
  percent: number
  /** By key: always or never the same keys. By request: every so many operations. */
  sample: 'key' | 'request'
  requests: 'all' | 'reads' | 'writes'
  /** Copies that may be outstanding. */
  outstandingMax: number
  timeoutMs: number
}

/** Copies a share of what goes to `main` to `shadow`. */
export function shadowRoute(
  options: Omit<ShadowOptions, 'main' | 'shadow'>,
  main: Backend,
  shadow: Backend,
): Backend {
  return new ShadowRoute(options, main, shadow)
}

/** The policy in a configuration. */
export const SHADOW: RouteType = routeType<ShadowOptions & { type: string }>({
  type: 'shadow',
  description: 'to the main pool; a share is copied to another one, whose answers are ignored',
  schema: z.strictObject({
    type: z.literal('shadow'),
    main: childName.describe('the pool that answers'),
    shadow: childName.describe('the pool that gets copies'),
    percent: z.number().min(0).max(100).default(100).describe('share of operations copied'),
    sample: z
      .enum(['key', 'request'])
      .default('key')
      .describe('key: the same keys always; request: evenly, whatever the key'),
    requests: z.enum(['all', 'reads', 'writes']).default('all').describe('which are copied'),
    outstandingMax: z
      .int()
      .min(1)
      .max(100_000)
      .default(1000)
      .describe('copies that may be outstanding; beyond, none are made'),
    timeoutMs: attemptTimeoutMs,
  }),
  children: ({ main, shadow }) => [main, shadow],
  build: (options, find) => shadowRoute(options, find(options.main), find(options.shadow)),
})

const KEY_SHARES = 10_000

class ShadowRoute implements Backend, Upstream {
  readonly readsOutstanding: Int32Array = new Int32Array(UPSTREAM_ORDER_SHARDS)
  readonly writesOutstanding: Int32Array = new Int32Array(UPSTREAM_ORDER_SHARDS)
  readonly #main: Backend
  readonly #shadow: Backend
  readonly #options: Omit<ShadowOptions, 'main' | 'shadow'>
  readonly #deadlines: AttemptDeadlines
  #outstanding = 0
  /** Percent gathered towards the next copy. */
  #gathered = 0
  #copied = 0
  #leftOut = 0
  #failed = 0

  constructor(options: Omit<ShadowOptions, 'main' | 'shadow'>, main: Backend, shadow: Backend) {
    this.#options = options
    this.#main = main
    this.#shadow = shadow
    this.#deadlines = new AttemptDeadlines(options.timeoutMs)
  }

  submit(operation: Operation): void {
    const copy = this.#isCopied(operation) ? this.#copyOf(operation) : undefined
    this.#main.submit(operation)
    if (copy !== undefined) this.#shadow.submit(copy)
  }

  /** A copy has its outcome; nobody is told. */
  slotSettled(slot: ReplySlot): void {
    this.#outstanding--
    if (slot instanceof Operation && poolFailed(slot)) this.#failed++
  }

  /** Only the main pool has to be usable. */
  report(): BackendReport {
    const own = {
      shadow_copied: this.#copied,
      shadow_left_out: this.#leftOut,
      shadow_failed: this.#failed,
    }
    const { usable } = this.#main.report()
    return policyReport([this.#main, this.#shadow], own, () => usable)
  }

  async stop(): Promise<void> {}

  #isCopied(operation: Operation): boolean {
    const { requests, sample, percent } = this.#options
    if (requests !== 'all' && operation.readsOnly !== (requests === 'reads')) return false
    if (operation.kind === Op.FlushAll) return percent > 0
    if (sample === 'key') {
      const { buf, keyStart, keyEnd } = operation
      return crc32(buf, keyStart, keyEnd) % KEY_SHARES < (percent / 100) * KEY_SHARES
    }
    this.#gathered += percent
    if (this.#gathered < 100) return false
    this.#gathered -= 100
    return true
  }

  #copyOf(operation: Operation): Operation | undefined {
    const { outstandingMax, timeoutMs } = this.#options
    if (this.#outstanding >= outstandingMax) {
      this.#leftOut++
      return undefined
    }
    this.#copied++
    this.#outstanding++
    const copy = new Operation(this, performance.now() + timeoutMs).copy(operation)
    this.#deadlines.watch(copy)
    return copy
  }
}
