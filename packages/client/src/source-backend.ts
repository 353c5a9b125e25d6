/**
 * The backend of a bucket that a config server describes. Which kind it is, the config says: with
 * Holdfast's extension the engines are used, with a vBucketServerMap the vBucket servers, without
 * one the memcached servers. Until the first config operations wait here, in order, within bounds
 * and their deadlines. When the bucket turns into another one (its uuid or kind changes) a backend
 * is made for that, and requests in flight finish on the old one.
 */
import type { BucketConfig } from '@holdfast/topology'
import type { Backend, BackendReport } from './backend.ts'
import type { Operation } from './operation.ts'
import type { Retirement } from './retirement.ts'

const EARLY_OPERATIONS_MAX = 16_384
const EARLY_BYTES_MAX: number = 64 * 1024 * 1024
const EARLY_FULL_LINE = 'SERVER_ERROR proxy wait queue full'
const STOPPING_LINE = 'SERVER_ERROR proxy is stopping'

/** A backend that follows the configs of one bucket. */
export interface FollowingBackend extends Backend {
  /** False when the config is older than what is in use, or no use. */
  applyConfig(config: BucketConfig): boolean
}

export type SourceKind = 'engines' | 'vbucket' | 'pool'

/** Makes the backend for a kind of bucket. */
export type BackendMaker = (kind: SourceKind, config: BucketConfig) => FollowingBackend

export class SourceBackend implements Backend {
  readonly #make: BackendMaker
  readonly #retirement: Retirement
  readonly #readiness: PromiseWithResolvers<void> = Promise.withResolvers()
  #inner: FollowingBackend | undefined = undefined
  #kind: SourceKind | undefined = undefined
  #config: BucketConfig | undefined = undefined
  #configs = 0
  #early: Operation[] = []
  #earlyBytes = 0
  #stopped = false

  constructor(make: BackendMaker, retirement: Retirement) {
    this.#make = make
    this.#retirement = retirement
  }

  /** Resolves with the first config in use. */
  get ready(): Promise<void> {
    return this.#readiness.promise
  }

  /** The config in use. */
  get config(): BucketConfig | undefined {
    return this.#config
  }

  /** Revision of the config in use, -1 before the first; counted when the server has none. */
  get configRev(): number {
    if (this.#config === undefined) return -1
    return this.#config.holdfast?.rev ?? this.#config.rev ?? this.#configs
  }

  /**
   * Follows a config.
   *
   * @param contested whether some server still stands for the bucket in use
   * @returns whether it is in use
   */
  applyConfig(config: BucketConfig, contested: boolean): boolean {
    if (this.#stopped) return false
    const kind = kindOf(config)
    const known = this.#config
    const isSame = known !== undefined && known.uuid === config.uuid && this.#kind === kind
    if (isSame && this.#inner !== undefined) {
      if (!this.#inner.applyConfig(config)) return false
    } else {
      if (known !== undefined && contested && !isNewer(config, known)) return false
      const made = this.#make(kind, config)
      if (!made.applyConfig(config)) {
        void made.stop()
        return false
      }
      if (this.#inner !== undefined) this.#retirement.retire(this.#inner)
      this.#inner = made
      this.#kind = kind
    }
    this.#config = config
    this.#configs++
    this.#submitEarly()
    this.#readiness.resolve()
    return true
  }

  submit(operation: Operation): void {
    if (this.#inner !== undefined) {
      this.#inner.submit(operation)
      return
    }
    if (this.#early.length >= EARLY_OPERATIONS_MAX || this.#earlyBytes > EARLY_BYTES_MAX) {
      this.#dropSettled()
    }
    if (this.#stopped) operation.fail(STOPPING_LINE)
    else if (this.#early.length >= EARLY_OPERATIONS_MAX || this.#earlyBytes > EARLY_BYTES_MAX) {
      operation.fail(EARLY_FULL_LINE)
    } else {
      this.#early.push(operation)
      this.#earlyBytes += operation.bytesHeld
    }
  }

  report(): BackendReport {
    if (this.#inner !== undefined) return this.#inner.report()
    this.#dropSettled()
    return {
      kind: 'cluster',
      usable: false,
      outstanding: this.#early.length,
      servers: [],
      counters: {},
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    const early = this.#early
    this.#early = []
    for (const operation of early) operation.fail(STOPPING_LINE)
    await this.#inner?.stop()
  }

  #submitEarly(): void {
    const early = this.#early
    this.#early = []
    this.#earlyBytes = 0
    for (const operation of early) if (!operation.settled) this.#inner?.submit(operation)
  }

  #dropSettled(): void {
    this.#early = this.#early.filter((operation) => !operation.settled)
    this.#earlyBytes = this.#early.reduce((sum, operation) => sum + operation.bytesHeld, 0)
  }
}

/** What kind of bucket a config describes. */
export function kindOf(config: BucketConfig): SourceKind {
  if (config.holdfast !== null) return 'engines'
  return config.nodeLocator === 'vbucket' ? 'vbucket' : 'pool'
}

function isNewer(config: BucketConfig, known: BucketConfig): boolean {
  if (config.holdfast === null || known.holdfast === null) return false
  return config.holdfast.rev > known.holdfast.rev
}
