/**
 * One line of `stats`: a name with where its value comes from, or with why it is left out. The
 * tables of such rows (stats-general.ts, stats-proxy.ts) are both the replies and their reference.
 */
import type { BucketSnapshot, ProxySnapshot, StatisticsSnapshot } from './stats-snapshot.ts'

/** A value shown under one name, or one or more names that are not shown. */
export interface StatRow<Context> {
  names: readonly string[]
  /** What the value is, or why there is none. */
  meaning: string
  read: ((context: Context) => string | number) | undefined
}

/** The part of the configuration that `stats` shows. There is no room for a secret in it. */
export interface StatsSettings {
  host: string
  port: number
  /** Empty without one. */
  socketPath: string
  protocol: string
  connectionsMax: number
  /** Requests of one connection that may be outstanding before it is no longer read. */
  outstandingMax: number
  operationTimeoutMs: number
  connectTimeoutMs: number
  valueBytesMax: number
  /** Bucket of connections that have not logged in; empty without one. */
  anonymousBucket: string
  /** True when configs come from a stream, false when they were given. */
  dynamic: boolean
}

/** What the rows read. */
export interface StatsContext {
  snapshot: ProxySnapshot
  settings: StatsSettings
  /** The bucket of the connection that asks. */
  bucket: BucketSnapshot
  /** All buckets, and what belongs to none. */
  total: StatisticsSnapshot
  nowMs: number
}

/** One bucket in its proxy. */
export interface BucketContext extends StatsContext {
  of: BucketSnapshot
}

/** A row with a value. */
export function shown<Context>(
  name: string,
  meaning: string,
  read: (context: Context) => string | number,
): StatRow<Context> {
  return { names: [name], meaning, read }
}

/** Names without a value. */
export function absent<Context>(names: readonly string[], meaning: string): StatRow<Context> {
  return { names, meaning, read: undefined }
}
