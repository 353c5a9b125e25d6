// What every suite is given and gives back.
import type { BenchOptions } from './options.ts'
import type { Stage } from './stage.ts'

/** Where and how a suite runs. */
export interface SuiteSurroundings {
  readonly stage: Stage
  readonly options: BenchOptions
  /** Says what is going on, on standard error. */
  readonly say: (text: string) => void
}

/** A part of the result file. */
export interface SuiteReport {
  readonly markdown: readonly string[]
  /** The raw figures, for the JSON beside it. */
  readonly raw: unknown
  /** False when a candidate gave a wrong reply, lost a connection, or did not answer. */
  readonly sound: boolean
}
