// Round after round, all contenders of a cell in turn (ABAB...), so that whatever else the machine
// does befalls all of them. Each round begins with another contender.
import type { Target } from './candidates.ts'
import { type Cell, cellName } from './cells.ts'
import type { LoadResult, Series } from './figures.ts'
import { LoadError, type LoadOptions, runLoad } from './load-generator.ts'
import type { Stage } from './stage.ts'

/** Who is measured under which name. */
export interface Contender {
  readonly name: string
  readonly target: Target
}

/** One cell with the series of all contenders. */
export interface CellResult {
  readonly cell: Cell
  readonly series: readonly Series[]
}

/** Measures one cell. A contender that fails keeps its place, with a reason instead of figures. */
export async function playRounds(
  stage: Stage,
  cell: Cell,
  contenders: readonly Contender[],
  options: LoadOptions & { readonly rounds: number },
): Promise<CellResult> {
  const series = contenders.map(({ name }) => ({
    contender: name,
    rounds: [] as (LoadResult | null)[],
    failures: [] as string[],
  }))
  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const place = (round + turn) % contenders.length
      const contender = contenders[place]
      const own = series[place]
      if (contender === undefined || own === undefined) continue
      try {
        own.rounds[round] = await runLoad(stage, cell, contender.target, options)
      } catch (error) {
        if (!(error instanceof LoadError)) throw error
        own.rounds[round] = null
        own.failures.push(`round ${round + 1}: ${error.message}`)
        process.stderr.write(`${cellName(cell)} ${contender.name}: ${error.message}\n`)
      }
    }
  }
  return { cell, series }
}
