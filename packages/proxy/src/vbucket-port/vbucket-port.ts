/**
 * A vBucket port (11210): what its connections share. It keeps the configs that clients are told,
 * made anew when the store's are, and knows for which buckets locks have to be looked for. The
 * connections' part is data-conversation.ts.
 */
import type { BucketConfig } from '@holdfast/topology'
import type { Bucket, BucketDirectory } from '../bucket.ts'
import { LockWatch } from './lock-watch.ts'
import {
  isNewer,
  type OwnPlace,
  type PublishedBucket,
  type PublishedConfig,
  publishBucket,
  publishCluster,
} from './published-config.ts'

/** What a vBucket port is opened with. */
export interface DataPortOptions {
  /** Port of this node's REST; undefined when it is not known. */
  managementPort: number | undefined
  /** Other processes listen on the port too, and may give locks that this one hears nothing of. */
  shared: boolean
}

interface KnownBucket {
  published: PublishedBucket
  locks: LockWatch
}

export class DataPort {
  readonly #options: DataPortOptions
  readonly #own: () => OwnPlace
  readonly #known: WeakMap<Bucket, KnownBucket> = new WeakMap()
  #cluster: { config: BucketConfig | undefined; published: PublishedConfig } | undefined = undefined

  /** `place` is asked when it listens. */
  constructor(options: DataPortOptions, place: () => { host: string; port: number }) {
    this.#options = options
    this.#own = () => ({ ...place(), managementPort: options.managementPort })
  }

  /** What clients of a bucket are told; undefined before its first config. */
  published(bucket: Bucket): PublishedBucket | undefined {
    return this.#bucket(bucket)?.published
  }

  /** What clients are told that have chosen no bucket. */
  cluster(directory: BucketDirectory): PublishedConfig {
    let newest: BucketConfig | undefined
    for (const { config } of directory.buckets()) {
      if (config === undefined) continue
      if (newest === undefined || isNewer(config, newest)) newest = config
    }
    if (this.#cluster === undefined || this.#cluster.config !== newest) {
      this.#cluster = { config: newest, published: publishCluster(newest, this.#own()) }
    }
    return this.#cluster.published
  }

  /** Whether writes have to look for locks. */
  mayBeLocked(bucket: Bucket): boolean {
    return this.#options.shared || this.#bucket(bucket)?.locks.mayHold(performance.now()) === true
  }

  /** A lock is about to be given. */
  lockGiven(bucket: Bucket): void {
    this.#bucket(bucket)?.locks.extend(performance.now())
  }

  #bucket(bucket: Bucket): KnownBucket | undefined {
    const { config } = bucket
    if (config === undefined) return undefined
    const known = this.#known.get(bucket)
    if (known?.published.config === config) return known
    const published = publishBucket(config, this.#own())
    const isSame = known?.published.content === published.content
    const locks = isSame && known !== undefined ? known.locks : new LockWatch(performance.now())
    const current = { published, locks }
    this.#known.set(bucket, current)
    return current
  }
}
