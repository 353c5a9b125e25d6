/** Keeps a copy at a rate, so that the store has time for its clients. */
import { setTimeout as delay } from 'node:timers/promises'

const MEGABYTE: number = 1024 * 1024
const MILLISECONDS = 1000
/** Shorter waits are saved up. */
const WAIT_MS_MIN = 5

export class Throttle {
  readonly #bytesPerMs: number
  #dueMs: number = performance.now()

  constructor(megabytesPerSecond: number) {
    this.#bytesPerMs = (megabytesPerSecond * MEGABYTE) / MILLISECONDS
  }

  /** Waits as long as so many bytes are worth. */
  async after(bytes: number): Promise<void> {
    const nowMs = performance.now()
    this.#dueMs = Math.max(this.#dueMs, nowMs) + bytes / this.#bytesPerMs
    const waitMs = this.#dueMs - nowMs
    if (waitMs >= WAIT_MS_MIN) await delay(waitMs)
  }
}
