// Waiting for a condition, with a bound.
import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 20

/** Resolves with the milliseconds it took; throws with `what` as it is when the time is over. */
export async function until(
  what: string | (() => string),
  timeoutMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<number> {
  const startedAtMs = performance.now()
  while (!(await condition())) {
    if (performance.now() - startedAtMs > timeoutMs) {
      throw new Error(`${typeof what === 'string' ? what : what()}: not within ${timeoutMs} ms`)
    }
    await delay(POLL_MS)
  }
  return performance.now() - startedAtMs
}
