// Results as the load generator would give them, for the tests of what is made of them.
import type { Cell } from './cells.ts'
import type { LoadResult, Series } from './figures.ts'

/** A closed loop in front of memcached, or what differs from it. */
export function sampleCell(differing: Partial<Cell> = {}): Cell {
  return {
    ...{ backend: 'memcached', connections: 50, depth: 1, valueBytes: 100 },
    ...{ getShare: 0.9, opsPerSecond: 0 },
    ...differing,
  }
}

/** One run of two seconds. */
export function sampleLoad(differing: Partial<LoadResult> = {}): LoadResult {
  return {
    ...{ seconds: 2, operations: 40_000, gets: 36_000, sets: 4000, misses: 0, behind: 0 },
    ...{ p50Us: 100, p99Us: 200, p999Us: 300, maxUs: 400, setP50Us: 100, setP99Us: 200 },
    ...{ loadCpuUsPerOp: 1, proxyCpuUsPerOp: 10, backendCpuUsPerOp: 2 },
    ...{ proxyBusyShare: 0.5, proxyCoreBusyShare: 0.6, stolenShare: 0 },
    ...differing,
  }
}

/** Rounds that differ in the proxy's CPU time and p99; null is a failed run. */
export function sampleSeries(
  contender: string,
  rounds: readonly (Partial<LoadResult> | null)[],
): Series {
  return {
    contender,
    rounds: rounds.map((differing) => (differing === null ? null : sampleLoad(differing))),
    failures: rounds.filter((differing) => differing === null).map(() => 'wrong reply'),
  }
}
