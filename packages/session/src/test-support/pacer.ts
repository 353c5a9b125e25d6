/*
 * Steps of a test at stated times, where time itself is what is tested: how long a session lives.
 * On a machine that is too busy to keep the times the test says nothing, so it begins again, and is
 * skipped when it never succeeds in keeping them.
 */
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

const ATTEMPTS_MAX = 4

class TooLateError extends Error {}

export class Pacer {
  readonly #startMs = performance.now()
  readonly #toleranceMs: number

  private constructor(toleranceMs: number) {
    this.#toleranceMs = toleranceMs
  }

  /** Runs `play`, again when a step of it came later than `toleranceMs` after its time. */
  static async keep(
    t: TestContext,
    toleranceMs: number,
    play: (pacer: Pacer) => Promise<void>,
  ): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const pacer = new Pacer(toleranceMs)
      try {
        await play(pacer)
        return
      } catch (error) {
        // What a late step has seen means nothing, be it right or wrong.
        if (!(error instanceof TooLateError)) throw error
      }
    }
    t.skip('the machine is too busy to keep the times')
  }

  get nowMs(): number {
    return performance.now() - this.#startMs
  }

  /** Does the step at `atMs` after the start; it has to be over within the tolerance. */
  async at<T>(atMs: number, step: () => Promise<T>): Promise<T> {
    await delay(Math.max(0, atMs - this.nowMs))
    const result = await step().catch((error: unknown) => {
      this.#check(atMs)
      throw error
    })
    this.#check(atMs)
    return result
  }

  /** Something else on this machine has to keep up as well. */
  demand(isPunctual: boolean): void {
    if (!isPunctual) throw new TooLateError()
  }

  #check(atMs: number): void {
    if (this.nowMs > atMs + this.#toleranceMs) throw new TooLateError()
  }
}
