/**
 * The proxy's counters: plain numbers, bumped on the hot path, read by `stats` (stats-report.ts)
 * and /metrics (metrics.ts).
 */
import { Gather, Operation, Outcome, type ReplySlot } from '@holdfast/client'
import { Op } from '@holdfast/protocol'

/** Upper bounds of the latency histogram in seconds. */
export const LATENCY_BOUNDS_SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

const COMMANDS = Math.max(...Object.values(Op)) + 1
const OUTCOMES = Math.max(...Object.values(Outcome)) + 1

export class Statistics {
  readonly startedAtMs: number = Date.now()
  currentConnections = 0
  totalConnections = 0
  refusedConnections = 0
  bytesRead = 0
  bytesWritten = 0
  /** Requests that were no memcached requests. */
  invalidRequests = 0
  #byOutcome: Float64Array = new Float64Array(COMMANDS * OUTCOMES)
  #local: Float64Array = new Float64Array(COMMANDS)
  /** Requests per latency bound; the last entry has no bound. */
  readonly latencyCounts: Float64Array = new Float64Array(LATENCY_BOUNDS_SECONDS.length + 1)
  latencySumSeconds = 0

  /** Counts a reply that is about to be written, `seconds` after its request came. */
  countReply(slot: ReplySlot, seconds: number): void {
    if (slot instanceof Operation) this.#countOperation(slot)
    else if (slot instanceof Gather) for (const part of slot.parts) this.#countOperation(part)
    else return
    this.latencySumSeconds += seconds
    let bound = 0
    while (seconds > (LATENCY_BOUNDS_SECONDS[bound] ?? Number.POSITIVE_INFINITY)) bound++
    this.latencyCounts[bound] = (this.latencyCounts[bound] ?? 0) + 1
  }

  /** Counts a command that the proxy answers itself. */
  countLocal(op: Op): void {
    this.#local[op] = (this.#local[op] ?? 0) + 1
  }

  /** Replies to `op` with this outcome. */
  replies(op: Op, outcome: Outcome): number {
    return this.#byOutcome[op * OUTCOMES + outcome] ?? 0
  }

  /** All replies to these commands. */
  commands(...ops: Op[]): number {
    let sum = 0
    for (const op of ops) {
      sum += this.#local[op] ?? 0
      for (let outcome = 0; outcome < OUTCOMES; outcome++) {
        sum += this.#byOutcome[op * OUTCOMES + outcome] ?? 0
      }
    }
    return sum
  }

  /** Sets the counters back, for `stats reset`; metrics readers see a counter reset. */
  reset(): void {
    this.#byOutcome.fill(0)
    this.#local.fill(0)
    this.totalConnections = 0
    this.refusedConnections = 0
    this.bytesRead = 0
    this.bytesWritten = 0
    this.invalidRequests = 0
  }

  #countOperation(operation: Operation): void {
    const at = operation.kind * OUTCOMES + operation.outcome
    this.#byOutcome[at] = (this.#byOutcome[at] ?? 0) + 1
  }
}
