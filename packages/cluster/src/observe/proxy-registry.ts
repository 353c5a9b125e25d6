/**
 * The proxies that report to this node, in memory: the last report of each, forgotten a while after
 * it was the last. It asks nobody and decides nothing; what is made of it is in proxy-figures.ts.
 */
import type { ProxyReport } from '@holdfast/protocol'
import {
  bucketFigures,
  isBehind,
  type ProxyFigures,
  type ProxyKind,
  type SeenReport,
} from './proxy-figures.ts'

/** A proxy that has not reported for so long is gone; it reports every two seconds. */
export const PROXY_GONE_MS = 10_000
/** Figures of a bucket are made of reports not older than this: two may be lost. */
const FIGURES_AGE_MS = 5000
export const PROXIES_MAX = 1000
/** Within this a proxy that was sent a map has told that it is in use. */
const MAP_GRACE_MS = 3000

interface Entry {
  kind: ProxyKind
  report: ProxyReport
  atMs: number
}

export class ProxyRegistry {
  readonly #entries = new Map<string, Entry>()
  readonly #nowMs: () => number
  #revSinceMs = 0

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  /** Keeps a report in the place of the one before; false: no room for another proxy. */
  take(report: ProxyReport, kind: ProxyKind): boolean {
    this.#forget()
    const key = JSON.stringify([report.id, report.source])
    if (!this.#entries.has(key) && this.#entries.size >= PROXIES_MAX) return false
    this.#entries.set(key, { kind, report, atMs: this.#nowMs() })
    return true
  }

  /** All that have reported lately. */
  list(): SeenReport[] {
    this.#forget()
    const nowMs = this.#nowMs()
    return [...this.#entries.values()].map(({ kind, report, atMs }) => {
      return { kind, report, ageMs: nowMs - atMs }
    })
  }

  /** Figures of a bucket over the proxies that report here; null when there are none. */
  figuresOf(bucket: string): ProxyFigures | null {
    if (this.#entries.size === 0) return null
    const sinceMs = this.#nowMs() - FIGURES_AGE_MS
    const fresh = [...this.#entries.values()].filter(({ atMs }) => atMs >= sinceMs)
    return bucketFigures(
      fresh.map(({ report }) => report),
      bucket,
    )
  }

  /** There is another map: proxies have a moment to say that they route by it. */
  noteMap(): void {
    this.#revSinceMs = this.#nowMs()
  }

  /** Proxies that report here, and those of them that still route by an older map than `rev`. */
  counts(rev: number): { seen: number; behind: number } {
    this.#forget()
    const seen = new Set<string>()
    const behind = new Set<string>()
    const isSettled = this.#nowMs() - this.#revSinceMs > MAP_GRACE_MS
    for (const { report } of this.#entries.values()) {
      seen.add(report.id)
      if (isSettled && isBehind(report, rev)) behind.add(report.id)
    }
    return { seen: seen.size, behind: behind.size }
  }

  #forget(): void {
    const sinceMs = this.#nowMs() - PROXY_GONE_MS
    for (const [key, { atMs }] of this.#entries) if (atMs < sinceMs) this.#entries.delete(key)
  }
}
