/**
 * The counters of one bucket: plain numbers and typed arrays, bumped on the hot path, where nothing
 * is allocated. `snapshot` hands them out as a plain object that can be sent to another process and
 * summed (stats-snapshot.ts); `stats` and /metrics are made from snapshots.
 */
import { Gather, Operation, Outcome, type ReplySlot, TIMEOUT_LINE } from '@holdfast/client'
import { LATENCY_STEPS, latencyStep, Op } from '@holdfast/protocol'
import { LATENCY_CLASSES, latencyClass } from './latency-classes.ts'
import {
  OUTCOME_COUNT,
  REPLY_CELLS,
  type StatisticsSnapshot,
  TRAFFIC_CELLS,
} from './stats-snapshot.ts'

export class Statistics {
  readonly startedAtMs: number = Date.now()
  currentConnections = 0
  totalConnections = 0
  /** Connections beyond the limit. */
  refusedConnections = 0
  bytesRead = 0
  bytesWritten = 0
  /** Requests that were no memcached requests. */
  invalidRequests = 0
  logins = 0
  loginFailures = 0
  /** Times that a connection was no longer read because of what it owed. */
  readingPauses = 0
  /** Connections closed by their deadlines: idle, half-open, slow to read. */
  deadlineCloses = 0
  /** Operations that had no outcome at their deadline. */
  timeouts = 0
  /** Requests at a vBucket port for vBuckets of other nodes. */
  notMyVBucket = 0
  /** Times that a client was told of a new map. */
  mapNotifications = 0
  /** Requests for several keys, and their keys. */
  multiGets = 0
  multiGetKeys = 0
  readonly #replies: Float64Array = new Float64Array(REPLY_CELLS)
  readonly #local: Float64Array = new Float64Array(TRAFFIC_CELLS)
  /** Bytes of values, by command: taken from applications, handed to them. */
  readonly #valueBytesIn: Float64Array = new Float64Array(TRAFFIC_CELLS)
  readonly #valueBytesOut: Float64Array = new Float64Array(TRAFFIC_CELLS)
  readonly #latencySteps: Float64Array = new Float64Array(LATENCY_CLASSES.length * LATENCY_STEPS)
  readonly #latencySums: Float64Array = new Float64Array(LATENCY_CLASSES.length)

  /** Counts a reply that is about to be written, `seconds` after its request came. */
  countReply(slot: ReplySlot, seconds: number): void {
    let op: Op
    if (slot instanceof Operation) {
      this.#countOperation(slot)
      op = slot.kind
    } else if (slot instanceof Gather) {
      const { parts } = slot
      for (const part of parts) this.#countOperation(part)
      this.multiGets++
      this.multiGetKeys += parts.length
      op = parts[0]?.kind ?? Op.Get
    } else return
    const timed = latencyClass(op)
    const at = timed * LATENCY_STEPS + latencyStep(seconds * 1e6)
    this.#latencySteps[at] = (this.#latencySteps[at] ?? 0) + 1
    this.#latencySums[timed] = (this.#latencySums[timed] ?? 0) + seconds
  }

  /** Counts a command that the proxy answers itself. */
  countLocal(op: Op): void {
    this.#local[op] = (this.#local[op] ?? 0) + 1
  }

  /** Sets the counters back, for `stats reset`; metrics readers see a counter reset. */
  reset(): void {
    this.#replies.fill(0)
    this.#local.fill(0)
    this.#valueBytesIn.fill(0)
    this.#valueBytesOut.fill(0)
    this.#latencySteps.fill(0)
    this.#latencySums.fill(0)
    this.totalConnections = 0
    this.refusedConnections = 0
    this.bytesRead = 0
    this.bytesWritten = 0
    this.invalidRequests = 0
    this.logins = 0
    this.loginFailures = 0
    this.readingPauses = 0
    this.deadlineCloses = 0
    this.timeouts = 0
    this.notMyVBucket = 0
    this.mapNotifications = 0
    this.multiGets = 0
    this.multiGetKeys = 0
  }

  snapshot(): StatisticsSnapshot {
    return {
      startedAtMs: this.startedAtMs,
      counts: {
        currentConnections: this.currentConnections,
        totalConnections: this.totalConnections,
        refusedConnections: this.refusedConnections,
        bytesRead: this.bytesRead,
        bytesWritten: this.bytesWritten,
        invalidRequests: this.invalidRequests,
        logins: this.logins,
        loginFailures: this.loginFailures,
        readingPauses: this.readingPauses,
        deadlineCloses: this.deadlineCloses,
        timeouts: this.timeouts,
        notMyVBucket: this.notMyVBucket,
        mapNotifications: this.mapNotifications,
        multiGets: this.multiGets,
        multiGetKeys: this.multiGetKeys,
      },
      replies: listOf(this.#replies),
      local: listOf(this.#local),
      valueBytesIn: listOf(this.#valueBytesIn),
      valueBytesOut: listOf(this.#valueBytesOut),
      latencySteps: listOf(this.#latencySteps),
      latencySums: listOf(this.#latencySums),
    }
  }

  #countOperation(operation: Operation): void {
    const { kind, outcome } = operation
    const traffic = (operation.noreply || operation.quiet ? TRAFFIC_CELLS / 2 : 0) + kind
    const cell = traffic * OUTCOME_COUNT + outcome
    this.#replies[cell] = (this.#replies[cell] ?? 0) + 1
    if (outcome === Outcome.Hit) {
      const bytes = operation.resultEnd - operation.resultStart
      this.#valueBytesOut[traffic] = (this.#valueBytesOut[traffic] ?? 0) + bytes
    } else if (outcome === Outcome.Failed && operation.line.startsWith(TIMEOUT_LINE))
      this.timeouts++
    if (operation.valueEnd > 0) {
      const bytes = operation.valueEnd - operation.valueStart
      this.#valueBytesIn[traffic] = (this.#valueBytesIn[traffic] ?? 0) + bytes
    }
  }
}

/** Far quicker than spreading it: a report takes a snapshot of every bucket each two seconds. */
function listOf(counts: Float64Array): number[] {
  const list = new Array<number>(counts.length)
  for (let i = 0; i < list.length; i++) list[i] = counts[i] ?? 0
  return list
}
