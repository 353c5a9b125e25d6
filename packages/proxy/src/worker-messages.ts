/**
 * What a primary and its workers say to each other, over the channel between parent and child. All
 * of it is plain JSON. A question carries a number that its answer repeats.
 */
import type { ProcessMetrics } from './process-meter.ts'
import type { ProxyConfig } from './proxy-config.ts'
import type { ProxySnapshot } from './stats-snapshot.ts'

/** How a worker stands. */
export interface WorkerReport {
  snapshot: ProxySnapshot
  processMetrics: ProcessMetrics
}

/** From the primary to a worker. */
export type ToWorker =
  | { type: 'start'; config: ProxyConfig }
  | { type: 'reload'; id: number; config: ProxyConfig }
  | { type: 'reopen-log' }
  | { type: 'report'; id: number }
  /** The answer to `sum`. */
  | { type: 'sum'; id: number; snapshot: ProxySnapshot | null }
  | { type: 'reset-statistics' }
  | { type: 'stop' }

/** From a worker to the primary. */
export type ToPrimary =
  | { type: 'listening'; addresses: string[] }
  | { type: 'ready' }
  /** It cannot start, or never be ready. */
  | { type: 'failed'; reason: WorkerFailure }
  | { type: 'reloaded'; id: number; error: string | null }
  | { type: 'report'; id: number; report: WorkerReport }
  /** Asks for the sum over all workers. */
  | { type: 'sum'; id: number }
  | { type: 'reset-statistics' }
  /** Something that reports to the store tell has changed. */
  | { type: 'news' }

/** Why a worker does not serve. */
export interface WorkerFailure {
  kind: 'listen' | 'authentication' | 'other'
  message: string
  port: number
}
