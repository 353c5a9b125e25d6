/**
 * The scale of latency histograms: log-linear, four steps to each doubling of microseconds, so that
 * a quantile is off by a quarter at most from 4 us to a minute, and finding the step costs one
 * count of leading zeros. Counts of several processes add up step by step, so proxies send them to
 * the store in this scale (proxy-report.ts).
 */

/** Steps of the scale; the last one takes everything beyond. */
export const LATENCY_STEPS = 100

const STEPS_PER_OCTAVE = 4
const MICROSECONDS_MAX: number = 2 ** 26 - 1

/** The step that a time belongs to. */
export function latencyStep(microseconds: number): number {
  const us = microseconds > MICROSECONDS_MAX ? MICROSECONDS_MAX : microseconds | 0
  if (us < STEPS_PER_OCTAVE) return Math.max(us, 0)
  const exponent = 31 - Math.clz32(us)
  return (exponent - 1) * STEPS_PER_OCTAVE + ((us >>> (exponent - 2)) & 3)
}

/** Where a step begins. */
export function latencyStepStartUs(step: number): number {
  if (step < STEPS_PER_OCTAVE) return step
  const exponent = Math.floor(step / STEPS_PER_OCTAVE) + 1
  return (STEPS_PER_OCTAVE + (step % STEPS_PER_OCTAVE)) * 2 ** (exponent - 2)
}

/** Upper end of the step in which the quantile lies, in microseconds; 0 when nothing was timed. */
export function latencyQuantileUs(steps: readonly number[], quantile: number): number {
  const total = steps.reduce((sum, count) => sum + count, 0)
  let rest = Math.ceil(total * quantile)
  if (rest === 0) return 0
  for (const [step, count] of steps.entries()) {
    rest -= count
    if (rest <= 0) return latencyStepStartUs(step + 1)
  }
  return latencyStepStartUs(LATENCY_STEPS)
}
