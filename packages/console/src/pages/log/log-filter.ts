/** Which events of the log are shown. Pure. */
import type { LogEntry } from '../../rest/types.ts'

export const ALL = 'all'

export interface LogFilter {
  /** The least weight. */
  weight: typeof ALL | 'warning' | 'critical'
  node: string
}

const ORDER: readonly LogEntry['type'][] = ['info', 'warning', 'critical']

/** Newest first. */
export function filtered(list: readonly LogEntry[], { weight, node }: LogFilter): LogEntry[] {
  const least = weight === ALL ? 0 : ORDER.indexOf(weight)
  return list
    .filter((e) => ORDER.indexOf(e.type) >= least && (node === ALL || e.node === node))
    .toSorted((a, b) => b.tstamp - a.tstamp)
}

/** Those that have told something, by name. */
export function nodesOf(list: readonly LogEntry[]): string[] {
  return [...new Set(list.map((e) => e.node))].sort()
}
