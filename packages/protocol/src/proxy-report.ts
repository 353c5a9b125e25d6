/**
 * What a proxy tells the store node whose config stream it follows, as JSON, every two seconds and
 * after a new map: `POST /pools/default/buckets/{bucket}/proxies`. Counts are those since its last
 * report, so that a node needs no memory of it and figures of several proxies add up. The shape and
 * its bounds only; who sends it is in the proxy, who keeps it in the cluster.
 */

/** Clients that a report names, those with the most connections. */
export const REPORTED_CLIENTS_MAX = 16
/** Buckets of one report. */
export const REPORTED_BUCKETS_MAX = 1000

/** Counts of the latency scale that are not 0: step and count. */
export type SparseSteps = [step: number, count: number][]

/** Applications at one address. */
export interface ClientCount {
  address: string
  connections: number
}

/** A proxy, all its worker processes together. */
export interface ProxyReport {
  /** Stays the same for the life of the process. */
  id: string
  /** Which of the config streams that it follows this is about. */
  source: string
  /** Of its machine. */
  hostname: string
  pid: number
  version: string
  uptimeSeconds: number
  /** Time that the counts cover. */
  intervalMs: number
  /** Application side: those with the most connections. */
  clients: ClientCount[]
  buckets: ProxyBucketReport[]
}

/** What a proxy did for one bucket. */
export interface ProxyBucketReport {
  name: string
  /** Revision of the map that it routes by; -1 before the first. */
  rev: number
  /** Connections of applications. */
  connections: number
  /** Operations carried out since the last report, and those of them that failed. */
  operations: number
  errors: number
  /** Failures since its start. */
  errorsTotal: number
  /** Replies by time from request to reply: reads, and writes of whole values. */
  gets: SparseSteps
  sets: SparseSteps
}
