/**
 * Runs a fuzz target for a budget of time: inputs from a fast-check generator, each given to the
 * target's check, which throws when an invariant is broken. A failure is shrunk and told with its
 * seed; an input that takes too long is a failure too, and one that never ends is told and ended by
 * a watchdog, which cannot shrink it.
 *
 * HOLDFAST_FUZZ_SECONDS  time for each target, 1 unless set
 * HOLDFAST_FUZZ_SEED     seed of the first input; random unless set
 * HOLDFAST_FUZZ_PATH     the place behind the seed that a failure was told with
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { startWatchdog } from './fuzz-watchdog.ts'

/** One parser with the inputs to try on it. */
export interface FuzzTarget<Input> {
  /** Kebab-case, unique in the project: `npm run fuzz` takes it. */
  name: string
  inputs: fc.Arbitrary<Input>
  /** Throws, or rejects, when an invariant does not hold. */
  check(input: Input): void | Promise<void>
}

const SECONDS_DEFAULT = 1
/** Most CPU time for one input, with all the ways it is split. */
const INPUT_CPU_MS_MAX = 3000
const RUNS_MAX = 1_000_000_000
const SEED_MAX = 0x7fff_ffff
/** Extra time of a test beyond its budget: shrinking, and a loaded machine. */
const SPARE_MS = 100_000
const SHOWN_CHARS_MAX = 4000

/** Makes the target a test of this file. */
export function fuzz<Input>(target: FuzzTarget<Input>): void {
  const budgetMs = Number(process.env.HOLDFAST_FUZZ_SECONDS ?? SECONDS_DEFAULT) * 1000
  assert.ok(budgetMs > 0, 'HOLDFAST_FUZZ_SECONDS is a number above 0')
  test(`fuzz ${target.name}`, { timeout: budgetMs + SPARE_MS }, async (t) => {
    const runs = await runTarget(target, budgetMs)
    t.diagnostic(`figure: fuzz ${target.name} ${runs} inputs in ${budgetMs / 1000} s`)
  })
}

/** Runs the target for `budgetMs`; returns the number of inputs, throws what a defect looks like. */
export async function runTarget<Input>(
  target: FuzzTarget<Input>,
  budgetMs: number,
): Promise<number> {
  const seed = Number(process.env.HOLDFAST_FUZZ_SEED ?? Math.floor(Math.random() * SEED_MAX))
  const path = process.env.HOLDFAST_FUZZ_PATH
  const watchdog = startWatchdog(target.name, seed)
  let runs = 0
  const property = fc.asyncProperty(target.inputs, async (input) => {
    watchdog.alive(runs++)
    const before = process.threadCpuUsage()
    await target.check(input)
    const { user, system } = process.threadCpuUsage(before)
    const tookMs = (user + system) / 1000
    assert.ok(tookMs < INPUT_CPU_MS_MAX, `one input took ${tookMs} ms of CPU`)
  })
  try {
    const told = await fc.check(property, {
      seed,
      numRuns: RUNS_MAX,
      interruptAfterTimeLimit: budgetMs,
      ...(path === undefined ? {} : { path, endOnFailure: true }),
    })
    // On a loaded machine a short budget may end within the first input.
    const tooSlow = told.interrupted && told.counterexample === null
    if (told.failed && !tooSlow) throw failure(target.name, told)
    return told.numRuns
  } finally {
    await watchdog.stop()
  }
}

function failure<Input>(name: string, told: fc.RunDetails<[Input]>): Error {
  const { seed, counterexamplePath, counterexample, errorInstance: cause } = told
  const shown = fc.stringify(counterexample).slice(0, SHOWN_CHARS_MAX)
  const again = `HOLDFAST_FUZZ_SEED=${seed} HOLDFAST_FUZZ_PATH=${counterexamplePath ?? ''}`
  const why = cause instanceof Error ? cause.message : String(cause)
  return new Error(`fuzz ${name}: ${why}\nagain with ${again}\ninput: ${shown}`, { cause })
}
