/**
 * The buckets of a proxy. A bucket keeps its identity as long as its name is known, while what
 * stands behind it comes, changes and goes: connections hold the bucket and notice nothing.
 */
import type { Backend, BackendReport, Operation } from '@holdfast/client'
import type { BucketConfig } from '@holdfast/topology'
import type { Bucket, SourceReport } from './bucket.ts'
import type { LoginSecret } from './login-secret.ts'
import { FIXED_SOURCE } from './opened-backend.ts'
import { Statistics } from './statistics.ts'

/** Moxi's words for a bucket without anything behind it. */
export const GONE_LINE = 'SERVER_ERROR proxy out of downstreams'

/** Answers for buckets that are gone; should they return, their connections go on. */
const GONE: Backend = {
  submit: (operation: Operation) => operation.fail(GONE_LINE),
  report: (): BackendReport => ({
    kind: 'policy',
    usable: false,
    outstanding: 0,
    servers: [],
    counters: {},
  }),
  stop: async () => {},
}

export class ProxyBucket implements Bucket {
  readonly name: string
  readonly statistics: Statistics = new Statistics()
  #backend: Backend = GONE
  #source: () => SourceReport = () => FIXED_SOURCE
  #secret: () => LoginSecret | undefined = () => undefined
  #config: () => BucketConfig | undefined = () => undefined

  constructor(name: string) {
    this.name = name
  }

  get backend(): Backend {
    return this.#backend
  }

  /** False when nothing stands behind it. */
  get alive(): boolean {
    return this.#backend !== GONE
  }

  /** Opens it to the login of its own name; undefined when there is no such login. */
  get secret(): LoginSecret | undefined {
    return this.#secret()
  }

  get config(): BucketConfig | undefined {
    return this.#config()
  }

  source(): SourceReport {
    return this.#source()
  }

  /** Puts it before a backend. */
  lead(
    backend: Backend,
    source: () => SourceReport,
    secret: () => LoginSecret | undefined = () => undefined,
    config: () => BucketConfig | undefined = () => undefined,
  ): void {
    this.#backend = backend
    this.#source = source
    this.#secret = secret
    this.#config = config
  }

  /** Nothing stands behind it any more. */
  part(): void {
    this.#backend = GONE
    this.#source = () => FIXED_SOURCE
    this.#secret = () => undefined
    this.#config = () => undefined
  }
}
