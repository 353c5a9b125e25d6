// The grid: which loads are measured. A cell is one load against one kind of backend; its name says
// all of it (`memcached/50c/d10/100B/saturation`) and is what `--cells` picks from. Pure.

/** What stands behind the proxies. */
export type BackendKind = 'memcached' | 'engine' | 'engine-replicated'

/** One load. */
export interface Cell {
  readonly backend: BackendKind
  readonly connections: number
  readonly depth: number
  readonly valueBytes: number
  readonly getShare: number
  /** Operations a second of the open loop; 0 is the closed loop, as fast as answers come. */
  readonly opsPerSecond: number
}

const CONNECTIONS = [1, 50, 500]
const DEPTHS = [1, 10]
const VALUE_BYTES = [100, 1024, 4096]
const GET_SHARE = 0.9
const FIXED_OPS_PER_SECOND = 20_000

/** The full grid of a kind of backend, or one small enough for a minute. */
export function gridCells(backend: BackendKind, quick: boolean): Cell[] {
  const cells: Cell[] = []
  for (const opsPerSecond of [0, FIXED_OPS_PER_SECOND]) {
    for (const valueBytes of quick ? [100] : VALUE_BYTES) {
      for (const connections of quick ? [50] : CONNECTIONS) {
        for (const depth of DEPTHS) {
          // One connection with one request in flight would need 50 us for a round trip.
          if (opsPerSecond > 0 && connections * depth === 1) continue
          cells.push({
            backend,
            connections,
            depth,
            valueBytes,
            getShare: GET_SHARE,
            opsPerSecond,
          })
        }
      }
    }
  }
  return cells
}

/** The loads under which sets with and without group commit are compared. */
export function commitCells(quick: boolean): Cell[] {
  const cells: Cell[] = []
  for (const getShare of [GET_SHARE, 0]) {
    for (const connections of quick ? [50] : [50, 500]) {
      for (const depth of DEPTHS) {
        cells.push({
          backend: 'engine-replicated',
          connections,
          depth,
          valueBytes: 100,
          getShare,
          opsPerSecond: 0,
        })
      }
    }
  }
  return cells
}

/** What the cell is called in tables and in `--cells`. */
export function cellName(cell: Cell): string {
  const parts = [cell.backend, `${cell.connections}c`, `d${cell.depth}`, bytesName(cell.valueBytes)]
  if (cell.getShare === 0) parts.push('sets')
  parts.push(cell.opsPerSecond === 0 ? 'saturation' : `${cell.opsPerSecond / 1000}k`)
  return parts.join('/')
}

/**
 * The cells that a filter names: patterns separated by commas, each some parts of a name separated
 * by slashes, in any order (`memcached/d10,engine/500c`).
 */
export function filterCells(cells: readonly Cell[], filter: string | undefined): Cell[] {
  if (filter === undefined) return [...cells]
  const patterns = filter.split(',').map((pattern) => pattern.split('/'))
  return cells.filter((cell) => {
    const parts = cellName(cell).split('/')
    return patterns.some((pattern) => pattern.every((part) => parts.includes(part)))
  })
}

function bytesName(bytes: number): string {
  return bytes % 1024 === 0 ? `${bytes / 1024}KB` : `${bytes}B`
}
