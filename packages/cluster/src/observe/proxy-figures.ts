/**
 * Reports of proxies and what is made of them: the list that people see, with one row for each
 * process, and the figures of a bucket over all that serve it. Histograms are added up before a
 * quantile is taken, so that a proxy with little to do weighs little. Pure.
 */
import {
  LATENCY_STEPS,
  latencyQuantileUs,
  type ProxyBucketReport,
  type ProxyReport,
  REPORTED_BUCKETS_MAX,
  REPORTED_CLIENTS_MAX,
  type SparseSteps,
} from '@holdfast/protocol'
import { z } from 'zod'

const TEXT_LENGTH_MAX = 255
/** `rev` of proxies that are told the engines holds the leader's term above this. */
const TERM_UNIT: number = 2 ** 31
const DIGITS = 1000

export type ProxyKind = 'proxy' | 'gateway'

/** A report as it came, and how long ago. */
export interface SeenReport {
  kind: ProxyKind
  report: ProxyReport
  ageMs: number
}

/** A proxy as `GET /proxies` shows it. */
export interface ProxyRow {
  id: string
  hostname: string
  pid: number
  version: string
  kind: ProxyKind
  node: string
  buckets: string[]
  rev: number
  upToDate: boolean
  upstreamConnections: number
  clients: { address: string; connections: number }[]
  operationsPerSecond: number
  errorsPerSecond: number
  errors: number
  getP99Ms: number | null
  setP99Ms: number | null
  uptimeSeconds: number
  lastSeenSeconds: number
}

/** What proxies say of one bucket together; null for what nobody did. */
export interface ProxyFigures {
  connections: number
  errorsPerSecond: number
  getP50Ms: number | null
  getP99Ms: number | null
  setP50Ms: number | null
  setP99Ms: number | null
}

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const text = z.string().min(1).max(TEXT_LENGTH_MAX)
const steps = z
  .array(
    z.tuple([
      z
        .number()
        .int()
        .min(0)
        .max(LATENCY_STEPS - 1),
      count,
    ]),
  )
  .max(LATENCY_STEPS)

const bucketReportSchema: z.ZodType<ProxyBucketReport> = z.object({
  name: text,
  rev: z.number().int().min(-1),
  connections: count,
  operations: count,
  errors: count,
  errorsTotal: count,
  gets: steps,
  sets: steps,
})

/** The body of a report. */
export const proxyReportSchema: z.ZodType<ProxyReport> = z.object({
  id: text,
  source: text,
  hostname: text,
  pid: count,
  version: text,
  uptimeSeconds: z.number().min(0),
  intervalMs: z.number().positive(),
  clients: z.array(z.object({ address: text, connections: count })).max(REPORTED_CLIENTS_MAX),
  buckets: z.array(bucketReportSchema).min(1).max(REPORTED_BUCKETS_MAX),
})

/** What one member has been told, for another. */
export const seenReportsSchema: z.ZodType<SeenReport[]> = z.array(
  z.object({ kind: z.enum(['proxy', 'gateway']), report: proxyReportSchema, ageMs: z.number() }),
)

/**
 * One row for each proxy, by host name and process. One that has moved to another node is still
 * known to the node that it left: what it said last counts.
 *
 * @param byNode reports by the name of the node that got them
 * @param rev revision of the cluster document
 */
export function proxyRows(
  byNode: ReadonlyMap<string, readonly SeenReport[]>,
  rev: number,
): ProxyRow[] {
  const byId = new Map<string, Map<string, [node: string, seen: SeenReport]>>()
  for (const [node, list] of byNode) {
    for (const seen of list) {
      const { id, source } = seen.report
      const own = byId.get(id) ?? new Map()
      byId.set(id, own)
      const known = own.get(source)
      if (known === undefined || seen.ageMs < known[1].ageMs) own.set(source, [node, seen])
    }
  }
  return [...byId.values()]
    .flatMap((own) => rowOf([...own.values()], rev))
    .sort((a, b) => a.hostname.localeCompare(b.hostname) || a.pid - b.pid)
}

/** Several reports of one proxy, one for each config stream that it follows, as one row. */
function rowOf(own: readonly [node: string, seen: SeenReport][], rev: number): ProxyRow[] {
  const [first] = [...own].sort(([, a], [, b]) => a.ageMs - b.ageMs)
  if (first === undefined) return []
  const [node, { kind, report, ageMs }] = first
  const buckets = own.flatMap(([, seen]) => seen.report.buckets)
  const sum = (of: (seen: ProxyReport) => number): number =>
    own.reduce((total, [, seen]) => total + of(seen.report), 0)
  const oldest = Math.min(...buckets.map((bucket) => bucket.rev))
  const { id, hostname, pid, version, clients, uptimeSeconds } = report
  return [
    {
      ...{ id, hostname, pid, version, kind, node },
      buckets: [...new Set(buckets.map(({ name }) => name))].sort(),
      rev: shownRevision(oldest),
      upToDate: buckets.every((bucket) => shownRevision(bucket.rev) >= rev),
      upstreamConnections: buckets.reduce((total, { connections }) => total + connections, 0),
      clients,
      operationsPerSecond: rounded(sum((one) => perSecond(one, ({ operations }) => operations))),
      errorsPerSecond: rounded(sum((one) => perSecond(one, ({ errors }) => errors))),
      errors: buckets.reduce((total, { errorsTotal }) => total + errorsTotal, 0),
      getP99Ms: quantileMs(
        buckets.map(({ gets }) => gets),
        0.99,
      ),
      setP99Ms: quantileMs(
        buckets.map(({ sets }) => sets),
        0.99,
      ),
      uptimeSeconds: Math.round(uptimeSeconds),
      lastSeenSeconds: rounded(ageMs / 1000),
    },
  ]
}

/** Figures of a bucket over the proxies that serve it; null when there are none. */
export function bucketFigures(list: readonly ProxyReport[], name: string): ProxyFigures | null {
  const own = list.flatMap((report) =>
    report.buckets
      .filter((bucket) => bucket.name === name)
      .map((bucket) => ({ bucket, seconds: report.intervalMs / 1000 })),
  )
  if (own.length === 0) return null
  const gets = own.map(({ bucket }) => bucket.gets)
  const sets = own.map(({ bucket }) => bucket.sets)
  return {
    connections: own.reduce((total, { bucket }) => total + bucket.connections, 0),
    errorsPerSecond: own.reduce((total, { bucket, seconds }) => total + bucket.errors / seconds, 0),
    getP50Ms: quantileMs(gets, 0.5),
    getP99Ms: quantileMs(gets, 0.99),
    setP50Ms: quantileMs(sets, 0.5),
    setP99Ms: quantileMs(sets, 0.99),
  }
}

/** The revision of the document, with or without the term above it. */
export function shownRevision(rev: number): number {
  return rev < 0 ? rev : rev % TERM_UNIT
}

/** Whether a proxy routes by an older map than the document's. */
export function isBehind(report: ProxyReport, rev: number): boolean {
  return report.buckets.some((bucket) => shownRevision(bucket.rev) < rev)
}

function perSecond(report: ProxyReport, of: (bucket: ProxyBucketReport) => number): number {
  return report.buckets.reduce((sum, bucket) => sum + of(bucket), 0) / (report.intervalMs / 1000)
}

function quantileMs(list: readonly SparseSteps[], quantile: number): number | null {
  const counts = new Array<number>(LATENCY_STEPS).fill(0)
  for (const sparse of list) {
    for (const [step, count] of sparse) counts[step] = (counts[step] ?? 0) + count
  }
  const us = latencyQuantileUs(counts, quantile)
  return us === 0 ? null : us / 1000
}

function rounded(value: number): number {
  return Math.round(value * DIGITS) / DIGITS
}
