// The figures that the proxy is to reach, and whether a run reached them. Pure. A target is judged
// by its worst cell, so a partial grid judges only what it measured.
import { PEER } from './candidates.ts'
import { type Cell, cellName } from './cells.ts'
import { isOverloaded, type LoadResult, median, ratioTo, type Series, valuesOf } from './figures.ts'
import type { CellResult } from './rounds.ts'

/** One wanted figure. */
interface SpeedTarget {
  readonly name: string
  readonly bound: number
  readonly unit: 'x' | 'us'
  readonly applies: (cell: Cell) => boolean
  readonly figure: (result: LoadResult) => number
}

/** How far a contender got. */
export interface Verdict {
  readonly target: string
  readonly contender: string
  readonly bound: string
  readonly worst: string
  readonly worstCell: string
  readonly met: boolean
}

const cpu = (result: LoadResult): number => result.proxyCpuUsPerOp
const p99 = (result: LoadResult): number => result.p99Us
const manyClients = (cell: Cell): boolean => cell.backend === 'memcached' && cell.connections >= 50

const TARGETS: readonly SpeedTarget[] = [
  {
    name: `CPU per operation against ${PEER}, depth 1`,
    bound: 1,
    unit: 'x',
    applies: (cell) => manyClients(cell) && cell.depth === 1 && cell.opsPerSecond === 0,
    figure: cpu,
  },
  {
    name: `CPU per operation against ${PEER}, depth 10`,
    bound: 0.45,
    unit: 'x',
    applies: (cell) => manyClients(cell) && cell.depth === 10 && cell.opsPerSecond === 0,
    figure: cpu,
  },
  {
    name: `p99 at saturation against ${PEER}`,
    bound: 1,
    unit: 'x',
    applies: (cell) => manyClients(cell) && cell.opsPerSecond === 0,
    figure: p99,
  },
  {
    name: `p99 at a fixed rate against ${PEER}`,
    bound: 1.2,
    unit: 'x',
    applies: (cell) => manyClients(cell) && cell.opsPerSecond > 0,
    figure: p99,
  },
  {
    name: 'CPU per operation in front of engines, depth 10, 100 B',
    bound: 2,
    unit: 'us',
    applies: (cell) =>
      cell.backend === 'engine' &&
      cell.connections >= 50 &&
      cell.depth === 10 &&
      cell.valueBytes === 100 &&
      cell.opsPerSecond === 0,
    figure: cpu,
  },
]

/** A verdict for each target and each of our own contenders that has a cell for it. */
export function judgeTargets(results: readonly CellResult[]): Verdict[] {
  const contenders = new Set(results.flatMap(({ series }) => series.map((own) => own.contender)))
  const ours = [...contenders].filter((name) => name.startsWith('holdfast'))
  return TARGETS.flatMap((target) =>
    ours.flatMap((contender) => {
      const measured = results
        .filter(({ cell }) => target.applies(cell))
        .map((result) => ({ result, value: measure(target, result, contender) }))
        .filter(({ value }) => !Number.isNaN(value))
      const worst = measured.toSorted((a, b) => b.value - a.value)[0]
      if (worst === undefined) return []
      return [
        {
          target: target.name,
          contender,
          bound: `<= ${target.bound}${target.unit}`,
          worst: `${worst.value.toFixed(2)}${target.unit}`,
          worstCell: cellName(worst.result.cell),
          met: worst.value <= target.bound,
        },
      ]
    }),
  )
}

/** Who failed, or could not keep the rate where the peer could, misses by any measure. */
function measure(target: SpeedTarget, { cell, series }: CellResult, contender: string): number {
  const own = series.find((entry) => entry.contender === contender)
  if (own === undefined) return Number.NaN
  if (own.failures.length > 0) return Number.POSITIVE_INFINITY
  if (target.unit === 'us') return median(valuesOf(own, target.figure))
  const peer = series.find((entry) => entry.contender === PEER)
  if (peer === undefined || couldNotKeepUp(peer, cell)) return Number.NaN
  if (couldNotKeepUp(own, cell)) return Number.POSITIVE_INFINITY
  return ratioTo(peer, own, target.figure)
}

function couldNotKeepUp(series: Series, { opsPerSecond }: Cell): boolean {
  return opsPerSecond > 0 && isOverloaded(series, opsPerSecond)
}
