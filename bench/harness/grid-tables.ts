// The results of the grid as tables: one per backend and kind of load. Pure.
import { PEER } from './candidates.ts'
import { type BackendKind, type Cell, cellName } from './cells.ts'
import { isOverloaded, type LoadResult, median, ratioTo, type Series, valuesOf } from './figures.ts'
import { figure, markdownTable } from './markdown.ts'
import type { CellResult } from './rounds.ts'
import { judgeTargets } from './targets.ts'

const HEAD = [
  'load',
  'candidate',
  'CPU us/op',
  '[min]',
  'x peer',
  'ops/s',
  'x peer',
  'p50 us',
  'p99 us',
  'p99.9 us',
  'p99 x peer',
  'proxy busy',
  'others there',
  'stolen',
  'load us/op',
  'backend us/op',
  'remarks',
]

/** All tables of the grid, the verdicts first. */
export function gridTables(results: readonly CellResult[]): string[] {
  const lines = [...verdictTable(results)]
  const kinds = new Set(results.map(({ cell }) => cell.backend))
  for (const kind of kinds) {
    for (const fixed of [false, true]) {
      const chosen = results.filter(
        ({ cell }) => cell.backend === kind && cell.opsPerSecond > 0 === fixed,
      )
      if (chosen.length > 0) lines.push(...loadTable(kind, chosen))
    }
  }
  return lines
}

function verdictTable(results: readonly CellResult[]): string[] {
  const rows = judgeTargets(results).map((verdict) => [
    verdict.target,
    verdict.contender,
    verdict.bound,
    verdict.worst,
    verdict.met ? 'yes' : 'no',
    verdict.worstCell,
  ])
  if (rows.length === 0) return []
  const head = ['target', 'candidate', 'bound', 'worst cell', 'met', 'which']
  return ['## Targets', '', ...markdownTable(head, rows), '']
}

function loadTable(kind: BackendKind, results: readonly CellResult[]): string[] {
  const rate = results[0]?.cell.opsPerSecond ?? 0
  const load = rate === 0 ? 'at saturation' : `at ${rate} ops/s`
  const rows = results.flatMap(({ cell, series }) => {
    const peer = series.find(({ contender }) => contender === PEER)
    return series.map((own) => row(cell, own, peer))
  })
  return [`## Backend ${kind}, ${load}`, '', ...markdownTable(HEAD, rows), '']
}

function row(cell: Cell, own: Series, peer: Series | undefined): string[] {
  const middle = (of: (result: LoadResult) => number): number => median(valuesOf(own, of))
  const compared = (of: (result: LoadResult) => number): string =>
    peer === undefined || peer === own ? '—' : figure(ratioTo(peer, own, of), 'x')
  const cpu = (result: LoadResult): number => result.proxyCpuUsPerOp
  const ops = (result: LoadResult): number => result.operations / result.seconds
  const least = Math.min(...valuesOf(own, cpu))
  const direct = least === 0
  return [
    cellName(cell).split('/').slice(1, -1).join(' '),
    own.contender,
    direct ? '—' : figure(middle(cpu)),
    direct || least === Number.POSITIVE_INFINITY ? '—' : figure(least),
    direct ? '—' : compared(cpu),
    figure(middle(ops)),
    compared(ops),
    figure(middle((result) => result.p50Us)),
    figure(middle((result) => result.p99Us)),
    figure(middle((result) => result.p999Us)),
    compared((result) => result.p99Us),
    percent(middle((result) => result.proxyBusyShare)),
    percent(middle((result) => result.proxyCoreBusyShare - result.proxyBusyShare)),
    percent(middle((result) => result.stolenShare)),
    figure(middle((result) => result.loadCpuUsPerOp)),
    figure(middle((result) => result.backendCpuUsPerOp)),
    remarks(cell, own),
  ]
}

/** What a reader must know before believing a row. */
function remarks(cell: Cell, own: Series): string {
  const words: string[] = []
  if (own.failures.length > 0) words.push(`${own.failures.length} runs failed`)
  const misses = valuesOf(own, (result) => result.misses).reduce((sum, count) => sum + count, 0)
  if (misses > 0) words.push(`${misses} misses`)
  if (cell.opsPerSecond > 0 && isOverloaded(own, cell.opsPerSecond)) {
    words.push('could not keep the rate')
  }
  return words.join(', ')
}

function percent(share: number): string {
  return Number.isNaN(share) ? '—' : `${Math.max(0, share * 100).toFixed(0)} %`
}
