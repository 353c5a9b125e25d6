/**
 * The scale of latency histograms: log-linear, four steps to each doubling of microseconds, so that
 * a quantile is off by a quarter at most from 4 us to a minute, and finding the step costs one
 * count of leading zeros. Commands are timed by class: what is alike for a store is counted alike.
 */
import { Op } from '@holdfast/protocol'

/** Steps of the scale; the last one takes everything beyond. */
export const LATENCY_STEPS = 100

/** Classes of commands that are timed apart. */
export const LATENCY_CLASSES = ['read', 'store', 'count', 'delete', 'touch', 'flush'] as const
export type LatencyClass = (typeof LATENCY_CLASSES)[number]

const STEPS_PER_OCTAVE = 4
const MICROSECONDS_MAX: number = 2 ** 26 - 1

const CLASS_OF_OP: Uint8Array = classTable()

/** Index into `LATENCY_CLASSES`. */
export function latencyClass(op: Op): number {
  return CLASS_OF_OP[op] ?? 0
}

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

function classTable(): Uint8Array {
  const table = new Uint8Array(Math.max(...Object.values(Op)) + 1)
  const classes: Record<LatencyClass, readonly Op[]> = {
    read: [Op.Get, Op.Gets, Op.Debug],
    store: [Op.Set, Op.Add, Op.Replace, Op.Append, Op.Prepend, Op.Cas],
    count: [Op.Incr, Op.Decr],
    delete: [Op.Delete],
    touch: [Op.Touch, Op.Gat, Op.Gats],
    flush: [Op.FlushAll],
  }
  for (const [index, name] of LATENCY_CLASSES.entries()) {
    for (const op of classes[name]) table[op] = index
  }
  return table
}
