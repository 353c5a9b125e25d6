/**
 * The long poll of `/pools/default?waitChange=MS&etag=E`: an answer when the pool is not as the
 * caller knows it, or when the time is over. What counts as a change is the stable view, without
 * figures that move all the time. One look serves all who wait.
 */
import { createHash } from 'node:crypto'
import type { StoreNode } from '../node.ts'
import { poolView } from './pool-view.ts'

/** Changes of health reach those who wait within this; changes of the document at once. */
const LOOK_INTERVAL_MS = 250
export const WAIT_MS_MAX = 60_000
/** Callers beyond are answered at once. */
const WAITING_MAX = 500

interface Waiting {
  etag: string
  resolve: () => void
}

export class PoolWait {
  readonly #node: StoreNode
  readonly #waiting = new Set<Waiting>()
  #timer: NodeJS.Timeout | null = null
  #stopListening: (() => void) | null = null

  constructor(node: StoreNode) {
    this.#node = node
  }

  /** Names the state that the pool is in. */
  etag(): string {
    const text = JSON.stringify(poolView(this.#node.viewSource(), { detail: 'stable' }))
    return String(createHash('sha1').update(text).digest().readUInt32BE(0))
  }

  /** Resolves when the pool's etag is another one, after the time, or when `signal` aborts. */
  async untilChanged(etag: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.etag() !== etag || this.#waiting.size >= WAITING_MAX || signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiting = { etag, resolve }
    const timer = setTimeout(resolve, Math.min(timeoutMs, WAIT_MS_MAX))
    signal.addEventListener('abort', () => resolve(), { once: true })
    this.#waiting.add(waiting)
    this.#watch()
    await promise
    clearTimeout(timer)
    this.#waiting.delete(waiting)
    if (this.#waiting.size === 0) this.#rest()
  }

  /** Answers everybody. */
  close(): void {
    for (const { resolve } of this.#waiting) resolve()
  }

  #watch(): void {
    if (this.#timer) return
    const look = (): void => {
      const etag = this.etag()
      for (const waiting of this.#waiting) if (waiting.etag !== etag) waiting.resolve()
    }
    this.#timer = setInterval(look, LOOK_INTERVAL_MS)
    this.#stopListening = this.#node.onDocument(look)
  }

  #rest(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
    this.#stopListening?.()
    this.#stopListening = null
  }
}
