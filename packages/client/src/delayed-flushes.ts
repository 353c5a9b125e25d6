/**
 * flush_all with a delay: answered at once, carried out later, as memcached does. A bounded number
 * of timers; a proxy that stops forgets them.
 */
import type { MemcachedRequest } from '@holdfast/protocol'
import type { Backend } from './backend.ts'
import { Operation, TIMEOUT_LINE, UPSTREAM_ORDER_SHARDS, type Upstream } from './operation.ts'

/** Reply line when a delayed flush_all cannot be taken. */
export const DELAYED_FLUSH_LINE = 'SERVER_ERROR delayed flush_all out of bounds'

const PENDING_MAX = 16
/** Longest delay of a timer of this platform. */
const TIMER_MS_MAX: number = 2 ** 31 - 1

export class DelayedFlushes {
  readonly #operationTimeoutMs: number
  readonly #timers: Set<NodeJS.Timeout> = new Set()

  constructor(operationTimeoutMs: number) {
    this.#operationTimeoutMs = operationTimeoutMs
  }

  /** Has the backend flushed after the delay; false when that is beyond the bounds. */
  schedule(request: MemcachedRequest, delayMs: number, backend: Pick<Backend, 'submit'>): boolean {
    if (delayMs > TIMER_MS_MAX || this.#timers.size >= PENDING_MAX) return false
    const deadlineMs = performance.now() + delayMs + this.#operationTimeoutMs
    const operation = new Operation(new NoUpstream(), deadlineMs).take(request, 0)
    operation.exptime = 0
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      backend.submit(operation)
      setTimeout(() => operation.fail(TIMEOUT_LINE), this.#operationTimeoutMs).unref()
    }, delayMs)
    timer.unref()
    this.#timers.add(timer)
    return true
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}

/** Stands for the client of a request that is carried out after its reply. */
class NoUpstream implements Upstream {
  readonly readsOutstanding: Int32Array = new Int32Array(UPSTREAM_ORDER_SHARDS)
  readonly writesOutstanding: Int32Array = new Int32Array(UPSTREAM_ORDER_SHARDS)
  slotSettled(): void {}
}
