/** Which proxies need a look, and what all of them do together. Pure. */
import type { ProxyReport } from '../../rest/types.ts'

/** They report every two seconds. */
const SILENT_SECONDS = 5

export interface ProxyTotals {
  behind: number
  connections: number
  operationsPerSecond: number
  errorsPerSecond: number
}

export function isSilent(proxy: ProxyReport): boolean {
  return proxy.lastSeenSeconds > SILENT_SECONDS
}

/** Silent ones first, then those behind the map, those with errors, the rest by name. */
export function byUrgency(proxies: readonly ProxyReport[]): ProxyReport[] {
  const urgency = (proxy: ProxyReport): number => {
    if (isSilent(proxy)) return 0
    if (!proxy.upToDate) return 1
    return proxy.errorsPerSecond > 0 ? 2 : 3
  }
  return proxies.toSorted(
    (a, b) => urgency(a) - urgency(b) || a.hostname.localeCompare(b.hostname) || a.pid - b.pid,
  )
}

export function totalsOf(proxies: readonly ProxyReport[]): ProxyTotals {
  const sum = (of: (proxy: ProxyReport) => number): number =>
    proxies.reduce((total, proxy) => total + of(proxy), 0)
  return {
    behind: proxies.filter((proxy) => !proxy.upToDate).length,
    connections: sum((p) => p.upstreamConnections),
    operationsPerSecond: sum((p) => p.operationsPerSecond),
    errorsPerSecond: sum((p) => p.errorsPerSecond),
  }
}
