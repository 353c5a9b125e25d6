/** Keeps a stream at a rate: how long to wait after each portion. Pure but for the clock it is given. */

const MILLISECONDS = 1000

export class Pace {
  readonly #bytesPerSecond: number
  readonly #nowMs: () => number
  #dueMs: number

  constructor(bytesPerSecond: number, nowMs: () => number = () => performance.now()) {
    this.#bytesPerSecond = bytesPerSecond
    this.#nowMs = nowMs
    this.#dueMs = nowMs()
  }

  /** Milliseconds to wait when so many bytes have gone. Time that was not used is not made up for. */
  waitAfter(bytes: number): number {
    const nowMs = this.#nowMs()
    this.#dueMs = Math.max(this.#dueMs, nowMs) + (bytes / this.#bytesPerSecond) * MILLISECONDS
    return this.#dueMs - nowMs
  }
}
