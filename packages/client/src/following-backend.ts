/**
 * The backend for a kind of bucket that a config server describes, ready to follow its configs.
 * Used by the proxy, and by whoever reads a bucket without one.
 */
import type { BucketConfig } from '@holdfast/topology'
import type { BackendReport } from './backend.ts'
import { BucketClient } from './bucket-client.ts'
import { MemcachedPool } from './memcached-pool.ts'
import type { Operation } from './operation.ts'
import type { ClientLog } from './shard.ts'
import type { FollowingBackend, SourceKind } from './source-backend.ts'
import type { Turn } from './turn.ts'
import { VBucketBackend } from './vbucket-backend.ts'
import { poolCredentialsOf, poolServersOf } from './vbucket-pool-servers.ts'

/** How to log in at a bucket's servers: as the config says unless given; null is not at all. */
export type StoreLogin = { username: string; password: string } | null | undefined

/** What such backends are made with. */
export interface FollowingBackendOptions {
  turn: Turn
  connectTimeoutMs: number
  /** A server that owes replies and sends nothing for so long is given up. */
  operationTimeoutMs: number
  valueBytesMax: number
  log: ClientLog
}

/** Makes the backend for a kind of bucket that a config server describes. */
export function makeFollowingBackend(
  kind: SourceKind,
  options: FollowingBackendOptions,
  login?: StoreLogin,
): FollowingBackend {
  const { turn, log, connectTimeoutMs, valueBytesMax, operationTimeoutMs } = options
  if (kind === 'vbucket') {
    const silenceTimeoutMs = operationTimeoutMs
    const common = { turn, connectTimeoutMs, silenceTimeoutMs, valueBytesMax, log }
    return new VBucketBackend({ ...common, credentials: login })
  }
  if (kind === 'pool') return new FollowingPool(options, login)
  const client = new BucketClient({ turn, connectTimeoutMs, valueBytesMax, log })
  return {
    submit: (operation) => client.submit(operation),
    report: () => client.report(),
    stop: () => client.stop(),
    applyConfig: (config) => config.holdfast !== null && client.applyConfig(config.holdfast),
  }
}

/** Couchbase of today has users instead of bucket passwords: the one that reads the config. */
export function loginOf(
  bucket: BucketConfig,
  credentials: { username: string; password: string } | undefined,
): StoreLogin {
  return bucket.rev !== null && bucket.saslPassword === '' ? credentials : undefined
}

/** A memcached bucket of a store: its servers are listed, its name and password open them. */
class FollowingPool implements FollowingBackend {
  readonly #pool: MemcachedPool
  readonly #login: StoreLogin

  constructor(options: FollowingBackendOptions, login: StoreLogin) {
    const { turn, log, connectTimeoutMs, valueBytesMax, operationTimeoutMs } = options
    this.#login = login
    this.#pool = new MemcachedPool({
      turn,
      servers: [],
      distribution: 'libvbucket-ketama',
      protocol: login === null ? 'text' : 'binary',
      connectTimeoutMs,
      downstreamTimeoutMs: operationTimeoutMs,
      valueBytesMax,
      log,
    })
  }

  applyConfig(config: BucketConfig): boolean {
    const login = this.#login === undefined ? poolCredentialsOf(config) : this.#login
    this.#pool.update({ servers: poolServersOf(config), credentials: login ?? undefined })
    return true
  }

  submit(operation: Operation): void {
    this.#pool.submit(operation)
  }

  report(): BackendReport {
    return this.#pool.report()
  }

  stop(): Promise<void> {
    return this.#pool.stop()
  }
}
