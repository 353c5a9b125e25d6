/**
 * What stands behind the proxy's upstream connections: a bucket of a store cluster, a pool of
 * memcached servers, someone's own engines, the embedded store, or a routing policy that hands
 * operations on to other backends.
 */
import type { Operation } from './operation.ts'

export interface Backend {
  /**
   * Takes a keyed operation, or flush_all (without a key, for the whole backend, at once). It is
   * settled exactly once: by the backend, or by its upstream with `fail` at its deadline.
   */
  submit(operation: Operation): void
  /** How it stands, for health, statistics and metrics. */
  report(): BackendReport
  /** Closes connections and files; what is outstanding fails. */
  stop(): Promise<void>
}

/** One server (or shard) of a backend. */
export interface ServerReport {
  /** `host:port`; empty while there is none. */
  address: string
  /** `idle` is not connected because nothing needs it; `away` is tried again in the background. */
  state: 'connected' | 'connecting' | 'idle' | 'away'
  /** Operations queued here for their turn or for the server. */
  held: number
  /** Operations sent and not answered. */
  outstanding: number
  connects: number
  failures: number
  /** First and last vBucket, of a shard. */
  vBuckets?: [number, number]
}

/** How a backend stands. */
export interface BackendReport {
  kind: 'cluster' | 'vbucket' | 'memcached' | 'valkey' | 'embedded' | 'policy'
  /** True once operations can be routed. */
  usable: boolean
  /** Operations accepted and not settled. */
  outstanding: number
  servers: readonly ServerReport[]
  /** Events since the start, by name in snake_case; each becomes a metric. */
  counters: Readonly<Record<string, number>>
}
