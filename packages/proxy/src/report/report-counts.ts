/**
 * From snapshots to reports: what each worker has counted since the last time, added up by bucket.
 * Each worker is compared with itself, so that one that answers late, dies or is started makes no
 * peak; counters that were set back count as nothing once. Pure but for what it remembers.
 */
import { Outcome } from '@holdfast/client'
import {
  LATENCY_STEPS,
  type ProxyBucketReport,
  type ProxyReport,
  REPORTED_BUCKETS_MAX,
  REPORTED_CLIENTS_MAX,
  type SparseSteps,
} from '@holdfast/protocol'
import { sumClients } from '../client-counts.ts'
import { type FollowedBucket, type FollowedSource, sumFollowed } from '../followed-source.ts'
import {
  latencyStepsOf,
  OUTCOME_COUNT,
  type ProxySnapshot,
  type StatisticsSnapshot,
} from '../stats-snapshot.ts'

/** Workers that are remembered without a snapshot of them: they answer late. */
const ABSENT_MAX = 64

/** What a process or several did for a bucket. */
interface Counts {
  connections: number
  operations: number
  errors: number
  errorsTotal: number
  gets: number[]
  sets: number[]
}

/** What stays of a snapshot until the next one. */
interface Totals {
  operations: number
  errors: number
  connections: number
  gets: number[]
  sets: number[]
}

/** What is told of the process as a whole. */
export type Identity = Pick<ProxyReport, 'id' | 'hostname' | 'pid' | 'version'>

/** A report, and the stream that it belongs to. */
export interface DueReport {
  followed: FollowedSource
  report: ProxyReport
}

export class ReportCounts {
  readonly #identity: Identity
  readonly #startedMs: number
  readonly #before: Map<number, ReadonlyMap<string, Totals>> = new Map()
  #lastMs: number

  /** @param nowMs when the process started to count, on the clock of `due` */
  constructor(identity: Identity, nowMs: number) {
    this.#identity = identity
    this.#startedMs = nowMs
    this.#lastMs = nowMs
  }

  /** Reports on what has happened since the last call: one for each stream. */
  due(snapshots: readonly ProxySnapshot[], nowMs: number): DueReport[] {
    const intervalMs = Math.max(1, nowMs - this.#lastMs)
    this.#lastMs = nowMs
    const counts = new Map<string, Counts>()
    for (const snapshot of snapshots) this.#count(snapshot, counts)
    const clients = sumClients(
      snapshots.map((snapshot) => snapshot.clients),
      REPORTED_CLIENTS_MAX,
    )
    const uptimeSeconds = Math.round((nowMs - this.#startedMs) / 1000)
    const frame = { ...this.#identity, uptimeSeconds, intervalMs, clients }
    const followed = snapshots.map((one) => one.followed).reduce(sumFollowed, [])
    return followed.map((one) => {
      const buckets = one.buckets
        .slice(0, REPORTED_BUCKETS_MAX)
        .map((bucket) => bucketReport(bucket, counts))
      return { followed: one, report: { ...frame, source: one.source, buckets } }
    })
  }

  #count({ pid, buckets }: ProxySnapshot, counts: Map<string, Counts>): void {
    const before = this.#before.get(pid)
    const totals = new Map<string, Totals>()
    for (const { name, statistics } of buckets) {
      const total = totalsOf(statistics)
      totals.set(name, total)
      addTo(counts, name, passed(before?.get(name), total))
    }
    // At the end, so that those that are away are the first to be forgotten.
    this.#before.delete(pid)
    this.#before.set(pid, totals)
    for (const known of this.#before.keys()) {
      if (this.#before.size <= ABSENT_MAX) break
      this.#before.delete(known)
    }
  }
}

function bucketReport(
  { name, rev, countedAs }: FollowedBucket,
  counts: ReadonlyMap<string, Counts>,
): ProxyBucketReport {
  const sum = countedAs.reduce((total, as) => added(total, counts.get(as) ?? NOTHING), NOTHING)
  return { name, rev, ...sum, gets: sparse(sum.gets), sets: sparse(sum.sets) }
}

const NO_STEPS = new Array<number>(LATENCY_STEPS).fill(0)
const NOTHING: Counts = {
  ...{ connections: 0, operations: 0, errors: 0, errorsTotal: 0 },
  ...{ gets: NO_STEPS, sets: NO_STEPS },
}

function totalsOf(statistics: StatisticsSnapshot): Totals {
  const { replies, counts } = statistics
  let operations = 0
  for (const count of replies) operations += count
  let errors = 0
  for (let cell = Outcome.Failed; cell < replies.length; cell += OUTCOME_COUNT) {
    errors += replies[cell] ?? 0
  }
  return {
    ...{ operations, errors, connections: counts.currentConnections },
    gets: latencyStepsOf(statistics, 'read'),
    sets: latencyStepsOf(statistics, 'store'),
  }
}

function passed(before: Totals | undefined, { connections, ...total }: Totals): Counts {
  return {
    connections,
    operations: since(total.operations, before?.operations),
    errors: since(total.errors, before?.errors),
    errorsTotal: total.errors,
    gets: stepsSince(total.gets, before?.gets),
    sets: stepsSince(total.sets, before?.sets),
  }
}

function addTo(counts: Map<string, Counts>, name: string, more: Counts): void {
  const known = counts.get(name)
  counts.set(name, known === undefined ? more : added(known, more))
}

function added(a: Counts, b: Counts): Counts {
  return {
    connections: a.connections + b.connections,
    operations: a.operations + b.operations,
    errors: a.errors + b.errors,
    errorsTotal: a.errorsTotal + b.errorsTotal,
    gets: addedSteps(a.gets, b.gets),
    sets: addedSteps(a.sets, b.sets),
  }
}

function since(count: number, earlier = 0): number {
  return Math.max(0, count - earlier)
}

function stepsSince(steps: readonly number[], earlier: readonly number[] = NO_STEPS): number[] {
  return steps.map((count, step) => since(count, earlier[step]))
}

function addedSteps(a: number[], b: number[]): number[] {
  if (a === NO_STEPS) return b
  return a.map((count, step) => count + (b[step] ?? 0))
}

function sparse(steps: readonly number[]): SparseSteps {
  return steps.flatMap((count, step): SparseSteps => (count > 0 ? [[step, count]] : []))
}
