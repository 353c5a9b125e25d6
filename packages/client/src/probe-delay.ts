/**
 * When a server that could not be reached is tried again: soon at first, then less and less often,
 * never rarer than once a second, and not by all links at the same moment.
 */

/** Shortest wait before a server is tried again. */
export const PROBE_MS_MIN = 50
/** Longest wait before a server is tried again. */
export const PROBE_MS_MAX = 1000

const DOUBLINGS_MAX = 10

/** Milliseconds to wait after so many failures in a row, of which there is at least one. */
export function probeDelayMs(failuresInRow: number): number {
  const grownMs = PROBE_MS_MIN * 2 ** Math.min(failuresInRow - 1, DOUBLINGS_MAX)
  return Math.min(grownMs, PROBE_MS_MAX) * (0.75 + Math.random() / 4)
}
