// The suite `commit`: one proxy that acknowledges a set when its shard's replica has it, one that
// does not wait, in front of the same engines with the same replicas, so that replication itself
// costs both the same and only the waiting differs.
import { startBackend } from './backends.ts'
import { startHoldfast } from './candidates.ts'
import { cellName, commitCells, filterCells } from './cells.ts'
import { absentNotes, startEntrants } from './contenders.ts'
import { type LoadResult, median, ratioTo, type Series, valuesOf } from './figures.ts'
import { figure, markdownTable } from './markdown.ts'
import { type CellResult, playRounds } from './rounds.ts'
import type { SuiteReport, SuiteSurroundings } from './suite.ts'

const WITHOUT = 'without WAIT'
const WITH = 'with WAIT'
const BOUND = 0.6

export async function runCommit(surroundings: SuiteSurroundings): Promise<SuiteReport> {
  const { stage, options, say } = surroundings
  const backend = await startBackend(stage, 'engine-replicated', options.shards)
  const entrants = [
    { name: WITHOUT, start: () => startHoldfast(stage, backend, {}, true) },
    { name: WITH, start: () => startHoldfast(stage, backend, {}) },
  ]
  const absent: string[] = []
  const contenders = await startEntrants(surroundings, backend.kind, entrants, absent)
  const cells = filterCells(commitCells(options.quick), options.cells)
  const results: CellResult[] = []
  for (const cell of contenders.length < entrants.length ? [] : cells) {
    const result = await playRounds(stage, cell, contenders, {
      ...options,
      backendPids: backend.pids,
    })
    results.push(result)
    say(`${cellName(cell)}: ${figure(setsRatio(result), 'x')} of the sets without WAIT`)
  }
  return {
    markdown: [...commitTable(results), ...absentNotes(absent)],
    raw: results,
    sound: results.every(({ series }) => series.every(({ failures }) => failures.length === 0)),
  }
}

const setsPerSecond = (result: LoadResult): number => result.sets / result.seconds

function setsRatio({ series }: CellResult): number {
  const [without, withWait] = series
  if (without === undefined || withWait === undefined) return Number.NaN
  return ratioTo(without, withWait, setsPerSecond)
}

function commitTable(results: readonly CellResult[]): string[] {
  const head = ['load', 'bucket', 'sets/s', 'x', 'met', 'ops/s', 'CPU us/op', 'set p50 us']
  head.push('set p99 us', 'backend us/op')
  const rows = results.flatMap((result) =>
    result.series.map((own) => row(cellName(result.cell), own, setsRatio(result))),
  )
  const about = `Acknowledged sets a second; wanted with WAIT: >= ${BOUND}x the same without.`
  return ['## Group commit', '', about, '', ...markdownTable(head, rows), '']
}

function row(name: string, own: Series, ratio: number): string[] {
  const middle = (of: (result: LoadResult) => number): string => figure(median(valuesOf(own, of)))
  const waits = own.contender === WITH
  return [
    name.split('/').slice(1, -1).join(' '),
    own.contender,
    middle(setsPerSecond),
    waits ? figure(ratio, 'x') : '—',
    waits ? (ratio >= BOUND ? 'yes' : 'no') : '—',
    middle((result) => result.operations / result.seconds),
    middle((result) => result.proxyCpuUsPerOp),
    middle((result) => result.setP50Us),
    middle((result) => result.setP99Us),
    middle((result) => result.backendCpuUsPerOp),
  ]
}
