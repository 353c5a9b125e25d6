/**
 * Backends that are no longer used: each is stopped once its operations are settled, or when it
 * has had long enough for that.
 */
import type { Backend } from './backend.ts'

const LOOK_INTERVAL_MS = 50

export class Retirement {
  readonly #patienceMs: () => number
  readonly #retired: Map<Backend, number> = new Map()
  #timer: NodeJS.Timeout | undefined = undefined

  /** `patienceMs` tells how long operations may take. */
  constructor(patienceMs: () => number) {
    this.#patienceMs = patienceMs
  }

  /** Stops the backend once nothing is outstanding. */
  retire(backend: Backend): void {
    this.#retired.set(backend, performance.now() + this.#patienceMs())
    this.#timer ??= setInterval(() => this.#look(), LOOK_INTERVAL_MS)
  }

  /** Stops all at once. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    const backends = [...this.#retired.keys()]
    this.#retired.clear()
    await Promise.all(backends.map((backend) => backend.stop()))
  }

  #look(): void {
    const nowMs = performance.now()
    for (const [backend, untilMs] of this.#retired) {
      if (backend.report().outstanding > 0 && nowMs < untilMs) continue
      this.#retired.delete(backend)
      void backend.stop()
    }
    if (this.#retired.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
