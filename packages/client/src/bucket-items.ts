/*
 * One bucket, read without a proxy: follows its config from the URLs of its config servers, as moxi
 * does, and routes each key to the engines, the vBucket servers or the memcached servers that the
 * config names.
 */
import { VALUE_BYTES_MAX_DEFAULT } from '@holdfast/protocol'
import type { BucketConfig } from '@holdfast/topology'
import type { Backend, BackendReport } from './backend.ts'
import { BackendItems, type BackendItemsOptions } from './backend-items.ts'
import { ConfigFollower, redacted } from './config-follower.ts'
import { loginOf, makeFollowingBackend } from './following-backend.ts'
import { MEMCACHED_TIMEOUT_MS_DEFAULT } from './memcached-client.ts'
import type { MemcachedCredentials } from './memcached-command.ts'
import type { Operation } from './operation.ts'
import { Retirement } from './retirement.ts'
import type { ClientLog } from './shard.ts'
import { SourceBackend } from './source-backend.ts'
import { Turn } from './turn.ts'

export interface BucketItemsOptions extends Omit<BackendItemsOptions, 'address' | 'open'> {
  /** Where the bucket's config is streamed. */
  urls: readonly string[]
  /** For the config servers, and for data servers that have users instead of bucket passwords. */
  credentials?: MemcachedCredentials | undefined
  log?: ClientLog | undefined
}

/** Time for a connection to a server of a bucket. */
export const BUCKET_CONNECT_TIMEOUT_MS = 400

/** The items of a bucket. */
export function openBucketItems(options: BucketItemsOptions): BackendItems {
  const address = options.urls.map(redacted).join()
  return new BackendItems({ ...options, address, open: () => new FollowedBucket(options) })
}

/** The backend of a bucket, for operations of one's own. */
export function openBucketBackend(options: BucketItemsOptions): Backend {
  return new FollowedBucket(options)
}

/** The backend of a bucket together with what follows the bucket's config. */
class FollowedBucket implements Backend {
  readonly #retirement: Retirement
  readonly #backend: SourceBackend
  readonly #follower: ConfigFollower
  /** The bucket's uuid, by the URL of the server that stands for it. */
  readonly #uuids: Map<string, string | null> = new Map()

  constructor(options: BucketItemsOptions) {
    const { urls, credentials, log = () => {} } = options
    const operationTimeoutMs = options.timeoutMs ?? MEMCACHED_TIMEOUT_MS_DEFAULT
    this.#retirement = new Retirement(() => operationTimeoutMs)
    const surroundings = {
      turn: new Turn(),
      connectTimeoutMs: BUCKET_CONNECT_TIMEOUT_MS,
      operationTimeoutMs,
      valueBytesMax: VALUE_BYTES_MAX_DEFAULT,
      log,
    }
    this.#backend = new SourceBackend(
      (kind, config) => makeFollowingBackend(kind, surroundings, loginOf(config, credentials)),
      this.#retirement,
    )
    this.#follower = new ConfigFollower({
      urls,
      credentials,
      version: 'direct',
      log,
      onConfig: (config, url) => this.#follow(config, url),
      onStreamEnd: (url) => this.#uuids.delete(url),
    })
    this.#follower.start()
  }

  submit(operation: Operation): void {
    this.#backend.submit(operation)
  }

  report(): BackendReport {
    return this.#backend.report()
  }

  async stop(): Promise<void> {
    this.#follower.stop()
    await Promise.all([this.#backend.stop(), this.#retirement.stop()])
  }

  #follow(config: BucketConfig, url: string): void {
    this.#uuids.set(url, config.uuid)
    const known = this.#backend.config?.uuid
    const contested =
      typeof known === 'string' &&
      [...this.#uuids].some(([other, uuid]) => other !== url && uuid === known)
    this.#backend.applyConfig(config, contested)
  }
}
