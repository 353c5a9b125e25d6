// From rounds to figures: medians, minima, quotients. Pure.

const RATE_KEPT_SHARE = 0.98

/** What the load generator reports of one run. */
export interface LoadResult {
  readonly seconds: number
  readonly operations: number
  readonly gets: number
  readonly sets: number
  readonly misses: number
  /** Operations whose time had come when the run ended and which were not answered. */
  readonly behind: number
  readonly p50Us: number
  readonly p99Us: number
  readonly p999Us: number
  readonly maxUs: number
  readonly setP50Us: number
  readonly setP99Us: number
  readonly loadCpuUsPerOp: number
  readonly proxyCpuUsPerOp: number
  readonly backendCpuUsPerOp: number
  readonly proxyBusyShare: number
  readonly proxyCoreBusyShare: number
  /** Of the proxy's core, by the host of a virtual machine. */
  readonly stolenShare: number
}

/** One contender in one cell: the run of each round, null where it failed. */
export interface Series {
  readonly contender: string
  readonly rounds: readonly (LoadResult | null)[]
  /** Why runs failed. */
  readonly failures: readonly string[]
}

/** The middle of the values; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** One figure of all rounds that did not fail. */
export function valuesOf(series: Series, figure: (result: LoadResult) => number): number[] {
  return series.rounds.filter((result) => result !== null).map(figure)
}

/**
 * How a figure compares with a peer's: the median of the quotients of the same round, because what
 * else the machine did in a round befell both. NaN when they share no round.
 */
export function ratioTo(
  peer: Series,
  series: Series,
  figure: (result: LoadResult) => number,
): number {
  const quotients: number[] = []
  for (const [index, result] of series.rounds.entries()) {
    const other = peer.rounds[index] ?? null
    if (result === null || other === null || figure(other) === 0) continue
    quotients.push(figure(result) / figure(other))
  }
  return median(quotients)
}

/** Whether an open loop fell so far behind that its latencies are those of a growing queue. */
export function isOverloaded(series: Series, opsPerSecond: number): boolean {
  const done = median(valuesOf(series, ({ operations, seconds }) => operations / seconds))
  return done < opsPerSecond * RATE_KEPT_SHARE
}
