// The suite `grid`: all candidates of each backend side by side, cell by cell.
import { startBackend } from './backends.ts'
import { chooseCandidates } from './candidates.ts'
import { type BackendKind, type Cell, cellName, filterCells, gridCells } from './cells.ts'
import { absentNotes, startContenders } from './contenders.ts'
import { median, valuesOf } from './figures.ts'
import { gridTables } from './grid-tables.ts'
import { type CellResult, playRounds } from './rounds.ts'
import type { SuiteReport, SuiteSurroundings } from './suite.ts'

const KINDS: readonly BackendKind[] = ['memcached', 'engine']

export async function runGrid(surroundings: SuiteSurroundings): Promise<SuiteReport> {
  const { stage, options, say } = surroundings
  const results: CellResult[] = []
  const absent: string[] = []
  for (const kind of KINDS) {
    const cells = filterCells(gridCells(kind, options.quick), options.cells)
    if (cells.length === 0 || chooseCandidates(options.candidates, kind).length === 0) continue
    const backend = await startBackend(stage, kind, options.shards)
    const contenders = await startContenders(surroundings, backend, absent)
    for (const cell of contenders.length === 0 ? [] : cells) {
      const result = await playRounds(stage, cell, contenders, {
        ...options,
        backendPids: backend.pids,
      })
      results.push(result)
      say(`${cellName(cell)}: ${summary(result)}`)
    }
  }
  return {
    markdown: [...gridTables(results), ...absentNotes(absent), ...failureNotes(results)],
    raw: results,
    sound: results.every(({ series }) => series.every(({ failures }) => failures.length === 0)),
  }
}

function summary({ series }: CellResult): string {
  return series
    .map((own) => {
      const cpu = median(valuesOf(own, (result) => result.proxyCpuUsPerOp))
      const ops = median(valuesOf(own, (result) => result.operations / result.seconds))
      return `${own.contender} ${cpu.toFixed(2)} us/op ${ops.toFixed(0)} ops/s`
    })
    .join(', ')
}

/** The first reason of each contender in each cell. */
function failureNotes(results: readonly CellResult[]): string[] {
  const notes = results.flatMap(({ cell, series }: { cell: Cell; series: CellResult['series'] }) =>
    series
      .filter(({ failures }) => failures.length > 0)
      .map(({ contender, failures }) => `- ${cellName(cell)}, ${contender}: ${failures[0]}`),
  )
  return notes.length === 0 ? [] : ['## Failed runs', '', ...notes, '']
}
