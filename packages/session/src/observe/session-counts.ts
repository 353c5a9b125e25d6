/*
 * Everything that is counted and measured about sessions in this process; read by the metrics and
 * by the statistics, written by the observer alone.
 */
import { BYTES_BOUNDS, Distribution } from './distribution.ts'

export const LOAD_RESULTS = [
  'hit_local',
  'hit_remote',
  'miss',
  'expired',
  'takeover',
  'error',
] as const
export type LoadResult = (typeof LOAD_RESULTS)[number]

export const SAVE_RESULTS = ['written', 'skipped_clean', 'error'] as const
export type SaveResult = (typeof SAVE_RESULTS)[number]

/** A failover of an application server or of a store node, and how often it happened. */
export interface FailoverCount {
  kind: 'server' | 'node'
  from: string
  to: string
  count: number
}

/** Pairs of from and to that are counted apart; further ones are counted as `other`. */
export const FAILOVER_PAIRS_MAX = 100

/** Store operations of one kind on one node. */
export interface NodeOperations {
  node: string
  operation: string
  durations: Distribution
}

/** What the circuit breaker of one node did. */
export interface CircuitCounts {
  openings: number
  probes: Record<ProbeOutcome, number>
  /** Absences that are over. */
  awaySeconds: number
}

export type ProbeOutcome = 'answered' | 'failed'

export class SessionCounts {
  readonly loads: Record<LoadResult, number> = {
    hit_local: 0,
    hit_remote: 0,
    miss: 0,
    expired: 0,
    takeover: 0,
    error: 0,
  }
  readonly saves: Record<SaveResult, number> = { written: 0, skipped_clean: 0, error: 0 }
  /** Saves that met another writer, and unmodified sessions that were renewed in the store. */
  conflicts = 0
  touched = 0
  requestsWithoutSession = 0
  /** Sessions that expired in this process's memory, wherever they may live on. */
  expiredHere = 0
  withoutAccess = 0
  withoutModification = 0
  readOnlyRequests = 0
  copiesMissing = 0
  lockTimeouts = 0
  locksHeld = 0
  locksLost = 0
  deletesDropped = 0
  revocations = 0
  indexConflicts = 0
  readonly events: Map<string, number> = new Map()
  readonly failovers: Map<string, FailoverCount> = new Map()
  readonly nodeOperations: Map<string, NodeOperations> = new Map()
  readonly circuits: Map<string, CircuitCounts> = new Map()
  /** Errors by node and kind, separated by a space. */
  readonly nodeErrors: Map<string, number> = new Map()
  readonly loadSeconds: Distribution = new Distribution()
  readonly saveSeconds: Distribution = new Distribution()
  readonly sizeBytes: Distribution = new Distribution(BYTES_BOUNDS)
  readonly holdSeconds: Distribution = new Distribution()
  readonly encodeSeconds: Distribution = new Distribution()
  readonly decodeSeconds: Distribution = new Distribution()
  readonly lockWaitSeconds: Distribution = new Distribution()
  readonly lockFailureSeconds: Distribution = new Distribution()
  readonly lockReleaseSeconds: Distribution = new Distribution()
  readonly copySeconds: Distribution = new Distribution()

  countFailover(kind: FailoverCount['kind'], from: string, to: string): void {
    let key = `${kind} ${from} ${to}`
    let pair = { kind, from, to }
    if (!this.failovers.has(key) && this.failovers.size >= FAILOVER_PAIRS_MAX) {
      key = `${kind} other`
      pair = { kind, from: 'other', to: 'other' }
    }
    const known = this.failovers.get(key)
    if (known !== undefined) known.count++
    else this.failovers.set(key, { ...pair, count: 1 })
  }

  countFailovers(kind: FailoverCount['kind']): number {
    let sum = 0
    for (const failover of this.failovers.values())
      if (failover.kind === kind) sum += failover.count
    return sum
  }

  /** The durations of an operation on a node; nodes are configured, so their number is bounded. */
  operationsOf(node: string, operation: string): Distribution {
    const key = `${node} ${operation}`
    let operations = this.nodeOperations.get(key)
    if (operations === undefined) {
      operations = { node, operation, durations: new Distribution() }
      this.nodeOperations.set(key, operations)
    }
    return operations.durations
  }

  /** The circuit of a node; nodes are configured, so their number is bounded. */
  circuitOf(node: string): CircuitCounts {
    let circuit = this.circuits.get(node)
    if (circuit === undefined) {
      circuit = { openings: 0, probes: { answered: 0, failed: 0 }, awaySeconds: 0 }
      this.circuits.set(node, circuit)
    }
    return circuit
  }
}

export function countOne(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
