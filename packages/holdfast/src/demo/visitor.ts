// The demo's own light visitor: keeps its cookie, asks for the next count twice a second through
// the load balancer, and remembers how that went.
import { setTimeout as delay } from 'node:timers/promises'

const VISIT_INTERVAL_MS = 500
const VISIT_TIMEOUT_MS = 10_000

interface CountAnswer {
  readonly count: number
  readonly app: string
}

export class Visitor {
  readonly #url: string
  #cookie = ''
  #count = 0
  #app = '-'
  #failed = 0
  #slowestMs = 0

  constructor(url: string) {
    this.#url = url
  }

  get visits(): { count: number; app: string; failed: number; slowestMs: number } {
    return {
      count: this.#count,
      app: this.#app,
      failed: this.#failed,
      slowestMs: this.#slowestMs,
    }
  }

  /** Visits until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedAtMs = performance.now()
      try {
        await this.#visit()
      } catch {
        if (!signal.aborted) this.#failed++
      }
      const tookMs = performance.now() - startedAtMs
      this.#slowestMs = Math.max(this.#slowestMs, Math.round(tookMs))
      await delay(Math.max(0, VISIT_INTERVAL_MS - tookMs))
    }
  }

  async #visit(): Promise<void> {
    const response = await fetch(`${this.#url}/count`, {
      method: 'POST',
      headers: this.#cookie === '' ? {} : { cookie: this.#cookie },
      signal: AbortSignal.timeout(VISIT_TIMEOUT_MS),
    })
    if (!response.ok) throw new Error(`the app answered ${response.status}`)
    const answer = (await response.json()) as CountAnswer
    for (const cookie of response.headers.getSetCookie()) {
      this.#cookie = cookie.split(';', 1)[0] ?? ''
    }
    this.#count = answer.count
    this.#app = answer.app
  }
}
