/**
 * A bucket as the proxy's applications see it, and the directory in which connections find theirs.
 * What stands behind a bucket may change while connections stay: they ask for `backend` each time.
 */
import type { Backend } from '@holdfast/client'
import type { BucketConfig } from '@holdfast/topology'
import type { LoginSecret } from './login-secret.ts'
import type { Statistics } from './statistics.ts'

/** A named keyspace with its backend and counters. */
export interface Bucket {
  readonly name: string
  /** Replaced when the configuration changes; requests in flight finish on the old one. */
  readonly backend: Backend
  readonly statistics: Statistics
  /** As a config server describes it; undefined when none does, or not yet. */
  readonly config?: BucketConfig | undefined
  /** What the backend's configuration source tells. */
  source(): SourceReport
}

/** How the configuration source of a bucket stands. */
export interface SourceReport {
  /** Revision of the config in use, -1 before the first, 0 of what never changes. */
  configRev: number
  configsReceived: number
  configsRefused: number
}

/** Where the connections of a listener find their bucket. */
export interface BucketDirectory {
  /** Bucket of a connection that has not logged in; without one only a login helps. */
  readonly anonymous: Bucket | undefined
  /** The bucket that a user name leads to, none for the admin of the store, and what opens it. */
  login(username: string): { bucket: Bucket | undefined; secret: LoginSecret } | undefined
  /** All buckets, for reports. */
  buckets(): readonly Bucket[]
}
