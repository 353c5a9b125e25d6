/**
 * What a proxy has counted and how it stands, as plain objects: they cross process boundaries as
 * JSON and those of several workers add up to one. `stats`, /metrics, /health and /ready are all
 * made from a `ProxySnapshot`.
 */
import { type BackendReport, Outcome, type ServerReport } from '@holdfast/client'
import { type ClientCount, LATENCY_STEPS, Op } from '@holdfast/protocol'
import type { Bucket, SourceReport } from './bucket.ts'
import { CLIENTS_TOLD_MAX, sumClients } from './client-counts.ts'
import { type FollowedSource, sumFollowed } from './followed-source.ts'
import { LATENCY_CLASSES, type LatencyClass } from './latency-classes.ts'
import type { SlowCounts } from './slow-log.ts'
import { VERSION } from './version.ts'

const OP_COUNT: number = Math.max(...Object.values(Op)) + 1
/** Outcomes of a command in the table of replies. */
export const OUTCOME_COUNT: number = Math.max(...Object.values(Outcome)) + 1
/** One for each command, then one for each quiet (or noreply) command. */
export const TRAFFIC_CELLS: number = OP_COUNT * 2
/** One for each command, quiet or not, and outcome. */
export const REPLY_CELLS: number = TRAFFIC_CELLS * OUTCOME_COUNT

/** Whether the requests for a reply were counted; quiet ones include noreply. */
export type Manner = 'regular' | 'quiet'

/** The counters of a `Statistics`. */
export interface StatisticsSnapshot {
  startedAtMs: number
  counts: StatisticsCounts
  replies: readonly number[]
  local: readonly number[]
  valueBytesIn: readonly number[]
  valueBytesOut: readonly number[]
  latencySteps: readonly number[]
  latencySums: readonly number[]
}

/** Single numbers of a `Statistics`, under its names. */
export interface StatisticsCounts {
  currentConnections: number
  totalConnections: number
  refusedConnections: number
  bytesRead: number
  bytesWritten: number
  invalidRequests: number
  logins: number
  loginFailures: number
  readingPauses: number
  deadlineCloses: number
  timeouts: number
  notMyVBucket: number
  mapNotifications: number
  multiGets: number
  multiGetKeys: number
}

/** One bucket. */
export interface BucketSnapshot {
  name: string
  statistics: StatisticsSnapshot
  source: SourceReport
  backend: BackendReport
}

/** A proxy, or one of its workers. */
export interface ProxySnapshot {
  version: string
  pid: number
  startedAtMs: number
  workers: number
  draining: boolean
  cpuUserSeconds: number
  cpuSystemSeconds: number
  slow: SlowCounts
  /** Connections and requests that belong to no bucket: refused, not logged in, garbage. */
  unbound: StatisticsSnapshot
  /** In the order of their directory; the first is the one that /health shows by itself. */
  buckets: readonly BucketSnapshot[]
  /** Connections of applications by address, those with the most. */
  clients: readonly ClientCount[]
  followed: readonly FollowedSource[]
}

/** What `collectSnapshot` reads. */
export interface SnapshotSource {
  buckets(): readonly Bucket[]
  readonly unbound: { snapshot(): StatisticsSnapshot }
  readonly slow: { counts(): SlowCounts }
  readonly startedAtMs: number
  readonly draining: boolean
  clients(): readonly ClientCount[]
  followed(): readonly FollowedSource[]
}

/** How this process stands. */
export function collectSnapshot(source: SnapshotSource): ProxySnapshot {
  const { user, system } = process.cpuUsage()
  return {
    version: VERSION,
    pid: process.pid,
    startedAtMs: source.startedAtMs,
    workers: 1,
    draining: source.draining,
    cpuUserSeconds: user / 1e6,
    cpuSystemSeconds: system / 1e6,
    slow: source.slow.counts(),
    unbound: source.unbound.snapshot(),
    buckets: source.buckets().map((bucket) => ({
      name: bucket.name,
      statistics: bucket.statistics.snapshot(),
      source: bucket.source(),
      backend: bucket.backend.report(),
    })),
    clients: sumClients([source.clients()], CLIENTS_TOLD_MAX),
    followed: source.followed(),
  }
}

/**
 * The snapshots of several workers as one.
 *
 * @throws {Error} when there are none
 */
export function sumSnapshots(snapshots: readonly ProxySnapshot[]): ProxySnapshot {
  const [first, ...others] = snapshots
  if (first === undefined) throw new Error('bug: no snapshots to sum')
  return others.reduce(addProxy, first)
}

/** Operations of `op` that came to `outcome`. */
export function repliesOf(
  statistics: StatisticsSnapshot,
  op: Op,
  outcome: Outcome,
  manner?: Manner,
): number {
  const regular = manner === 'quiet' ? 0 : statistics.replies[op * OUTCOME_COUNT + outcome]
  const quiet =
    manner === 'regular' ? 0 : statistics.replies[(op + OP_COUNT) * OUTCOME_COUNT + outcome]
  return (regular ?? 0) + (quiet ?? 0)
}

/** All replies to `op`, whoever gave them. */
export function commandsOf(statistics: StatisticsSnapshot, op: Op, manner?: Manner): number {
  let sum = manner === 'quiet' ? 0 : (statistics.local[op] ?? 0)
  for (let outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
    sum += repliesOf(statistics, op, outcome as Outcome, manner)
  }
  return sum
}

/** Bytes of values of `op`: `valueBytesIn` from applications, `valueBytesOut` to them. */
export function valueBytesOf(
  statistics: StatisticsSnapshot,
  direction: 'valueBytesIn' | 'valueBytesOut',
  op: Op,
  manner?: Manner,
): number {
  const regular = manner === 'quiet' ? 0 : statistics[direction][op]
  const quiet = manner === 'regular' ? 0 : statistics[direction][op + OP_COUNT]
  return (regular ?? 0) + (quiet ?? 0)
}

/** Replies by step of the latency scale. */
export function latencyStepsOf(statistics: StatisticsSnapshot, timed: LatencyClass): number[] {
  const from = LATENCY_CLASSES.indexOf(timed) * LATENCY_STEPS
  return statistics.latencySteps.slice(from, from + LATENCY_STEPS)
}

/** The statistics of several buckets or workers as one. */
export function sumStatistics(a: StatisticsSnapshot, b: StatisticsSnapshot): StatisticsSnapshot {
  return {
    startedAtMs: Math.min(a.startedAtMs, b.startedAtMs),
    counts: addCounts(a.counts, b.counts),
    replies: addLists(a.replies, b.replies),
    local: addLists(a.local, b.local),
    valueBytesIn: addLists(a.valueBytesIn, b.valueBytesIn),
    valueBytesOut: addLists(a.valueBytesOut, b.valueBytesOut),
    latencySteps: addLists(a.latencySteps, b.latencySteps),
    latencySums: addLists(a.latencySums, b.latencySums),
  }
}

function addProxy(a: ProxySnapshot, b: ProxySnapshot): ProxySnapshot {
  return {
    version: a.version,
    pid: a.pid,
    startedAtMs: Math.min(a.startedAtMs, b.startedAtMs),
    workers: a.workers + b.workers,
    draining: a.draining && b.draining,
    cpuUserSeconds: a.cpuUserSeconds + b.cpuUserSeconds,
    cpuSystemSeconds: a.cpuSystemSeconds + b.cpuSystemSeconds,
    slow: { seen: a.slow.seen + b.slow.seen, suppressed: a.slow.suppressed + b.slow.suppressed },
    unbound: sumStatistics(a.unbound, b.unbound),
    buckets: addByKey(a.buckets, b.buckets, ({ name }) => name, mergeBuckets),
    clients: sumClients([a.clients, b.clients], CLIENTS_TOLD_MAX),
    followed: sumFollowed(a.followed, b.followed),
  }
}

/** Two buckets (or one in two workers) as one, under the name of the first. */
export function mergeBuckets(a: BucketSnapshot, b: BucketSnapshot): BucketSnapshot {
  return {
    name: a.name,
    statistics: sumStatistics(a.statistics, b.statistics),
    source: {
      configRev: Math.min(a.source.configRev, b.source.configRev),
      configsReceived: a.source.configsReceived + b.source.configsReceived,
      configsRefused: a.source.configsRefused + b.source.configsRefused,
    },
    backend: {
      kind: a.backend.kind,
      usable: a.backend.usable && b.backend.usable,
      outstanding: a.backend.outstanding + b.backend.outstanding,
      servers: addByKey(a.backend.servers, b.backend.servers, serverKey, addServer),
      counters: addCounters(a.backend.counters, b.backend.counters),
    },
  }
}

/** A shard keeps its place while its primary changes, and not all workers learn it at once. */
function serverKey({ address, vBuckets }: ServerReport): string {
  return vBuckets === undefined ? address : `vBuckets ${vBuckets.join('-')}`
}

/** The worse state counts; a worker that has no connection because it needs none does not. */
const STATES_BY_WEIGHT: readonly ServerReport['state'][] = [
  'away',
  'connecting',
  'connected',
  'idle',
]

function addServer(a: ServerReport, b: ServerReport): ServerReport {
  const state = STATES_BY_WEIGHT.find((one) => one === a.state || one === b.state) ?? a.state
  return {
    ...(a.state === state ? a : b),
    held: a.held + b.held,
    outstanding: a.outstanding + b.outstanding,
    connects: a.connects + b.connects,
    failures: a.failures + b.failures,
  }
}

/** Adds up what has the same key, keeps what only one has, in the order of `a`. */
function addByKey<T>(
  a: readonly T[],
  b: readonly T[],
  keyOf: (entry: T) => string,
  add: (one: T, other: T) => T,
): T[] {
  const rest = new Map(b.map((entry) => [keyOf(entry), entry]))
  const sums = a.map((one) => {
    const other = rest.get(keyOf(one))
    rest.delete(keyOf(one))
    return other === undefined ? one : add(one, other)
  })
  return [...sums, ...rest.values()]
}

/** Adds up counters by name. */
export function addCounters(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sums: Record<string, number> = { ...a }
  for (const [name, count] of Object.entries(b)) sums[name] = (sums[name] ?? 0) + count
  return sums
}

function addCounts(a: StatisticsCounts, b: StatisticsCounts): StatisticsCounts {
  const sums = { ...a }
  for (const name of Object.keys(a) as (keyof StatisticsCounts)[]) sums[name] += b[name]
  return sums
}

function addLists(a: readonly number[], b: readonly number[]): number[] {
  return a.map((count, i) => count + (b[i] ?? 0))
}
