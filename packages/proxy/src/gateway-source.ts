/**
 * A source of many buckets, in the way of moxi as the gateway of a store node: buckets come and go
 * as the config server lists them, each with the login of its name. Connections stay; a bucket that
 * is gone answers so, and goes on when it returns.
 *
 * Before the first config connections that have not logged in get a bucket that holds their
 * requests. It becomes the default bucket, unless that turns out to need a password.
 */
import { loginOf, SourceBackend } from '@holdfast/client'
import type { BucketConfig, HoldfastExtension } from '@holdfast/topology'
import type { SourceReport } from './bucket.ts'
import { ConfigSource } from './config-source.ts'
import type { FollowedSource } from './followed-source.ts'
import type { BucketPort } from './gateway-ports.ts'
import { secretOf } from './login-secret.ts'
import { type BackendSurroundings, credentialsOf, makeFollowing } from './opened-backend.ts'
import { ProxyBucket } from './proxy-bucket.ts'
import type { GatewayConfig } from './proxy-config.ts'

/** Where the buckets of a gateway are entered. */
export interface BucketRegister {
  /** The bucket of this name for this gateway; undefined when the name is taken. */
  enter(name: string, candidate: ProxyBucket | undefined): ProxyBucket | undefined
  leave(bucket: ProxyBucket): void
}

interface Listed {
  bucket: ProxyBucket
  backend: SourceBackend
}

export class GatewaySource {
  readonly #surroundings: BackendSurroundings
  readonly #register: BucketRegister
  readonly #readiness: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #listed: Map<string, Listed> = new Map()
  #config: GatewayConfig
  #source: ConfigSource
  /** Holds requests until the first config. */
  #early: Listed | undefined
  #anonymous: ProxyBucket | undefined
  #ports: readonly BucketPort[] = []
  #admin: HoldfastExtension['admin']

  constructor(config: GatewayConfig, surroundings: BackendSurroundings, register: BucketRegister) {
    this.#config = config
    this.#surroundings = surroundings
    this.#register = register
    const backend = this.#backend()
    this.#early = { bucket: new ProxyBucket(config.defaultBucket), backend }
    this.#early.bucket.lead(backend, () => this.#report(backend))
    this.#anonymous = this.#early.bucket
    this.#source = this.#follow()
  }

  /** Resolves with the first config. */
  get ready(): Promise<void> {
    return this.#readiness.promise
  }

  /** Bucket of connections that have not logged in; it answers as well when it has just gone. */
  get anonymous(): ProxyBucket | undefined {
    return this.#anonymous
  }

  /** The admin of the store, who may log in at a vBucket port. */
  get admin(): HoldfastExtension['admin'] {
    return this.#admin
  }

  /** Ports that lead to one bucket each. */
  get ports(): readonly BucketPort[] {
    return this.#ports
  }

  /** The config stream of a Holdfast store that it follows at present. */
  followed(): Omit<FollowedSource, 'source'> | undefined {
    const url = this.#source.followed
    if (url === undefined || this.#listed.size === 0) return undefined
    const buckets = [...this.#listed].map(([name, { backend }]) => {
      return { name, rev: backend.configRev, countedAs: [name] }
    })
    return { url, buckets }
  }

  /** Other config servers, credentials or default bucket; the buckets stay. */
  update(config: GatewayConfig): void {
    this.#config = config
    this.#source.stop()
    this.#source = this.#follow()
  }

  /** Its buckets are gone. */
  close(): void {
    this.#source.stop()
    for (const name of [...this.#listed.keys()]) this.#remove(name)
    this.#dropEarly()
    this.#ports = []
    this.#surroundings.onBucketPorts?.()
  }

  async stop(): Promise<void> {
    this.#source.stop()
    await this.#early?.backend.stop()
    await Promise.all([...this.#listed.values()].map(({ backend }) => backend.stop()))
  }

  #follow(): ConfigSource {
    const { log, stateFolder, onUnauthorized, onNews } = this.#surroundings
    const source: ConfigSource = new ConfigSource({
      urls: this.#config.urls,
      credentials: credentialsOf(this.#config),
      stateFolder,
      log,
      onUnauthorized,
      onNews,
      onConfigs: (configs, unusable, url) => this.#take(source, configs, unusable, url),
    })
    source.start()
    return source
  }

  #take(
    source: ConfigSource,
    configs: readonly BucketConfig[],
    unusable: readonly string[],
    url: string,
  ): void {
    const kept = new Set([...configs.map(({ name }) => name), ...unusable])
    for (const name of [...this.#listed.keys()]) if (!kept.has(name)) this.#remove(name)
    for (const config of configs) {
      const listed = this.#listed.get(config.name) ?? this.#add(config)
      if (listed === undefined) continue
      const { uuid } = listed.backend.config ?? {}
      const contested = typeof uuid === 'string' && source.confirmsElsewhere(config.name, uuid, url)
      listed.backend.applyConfig(config, contested)
    }
    const [first] = configs
    this.#admin = configs.find(({ holdfast }) => holdfast?.admin !== undefined)?.holdfast?.admin
    const name = this.#config.first ? first?.name : this.#config.defaultBucket
    const config = configs.find((bucket) => bucket.name === name)
    const opened = this.#config.first || (config && secretOf(config)) === ''
    if (name !== undefined && config !== undefined && opened) {
      this.#anonymous = this.#listed.get(name)?.bucket
    } else if (config !== undefined || this.#anonymous === this.#early?.bucket) {
      this.#anonymous = undefined
    }
    this.#dropEarly()
    this.#readiness.resolve()
    this.#ports = [
      ...this.#ports.filter(({ bucket }) => unusable.includes(bucket)),
      ...portsOf(configs),
    ]
    this.#surroundings.onBucketPorts?.()
  }

  #add(config: BucketConfig): Listed | undefined {
    const { name } = config
    const early = this.#early?.bucket.name === name ? this.#early : undefined
    const mayAdopt = early !== undefined && (secretOf(config) === '' || this.#config.first)
    const backend = mayAdopt ? early.backend : this.#backend()
    const bucket = this.#register.enter(name, mayAdopt ? early.bucket : undefined)
    if (bucket === undefined) {
      void backend.stop()
      this.#surroundings.log('warn', 'a bucket of the gateway has the name of a fixed one', {
        bucket: name,
      })
      return undefined
    }
    if (mayAdopt) this.#early = undefined
    bucket.lead(
      backend,
      () => this.#report(backend),
      () => backend.config && secretOf(backend.config),
      () => backend.config,
    )
    const listed = { bucket, backend }
    this.#listed.set(name, listed)
    this.#surroundings.log('info', 'bucket comes', { bucket: name })
    return listed
  }

  #remove(name: string): void {
    const listed = this.#listed.get(name)
    if (listed === undefined) return
    this.#listed.delete(name)
    this.#register.leave(listed.bucket)
    this.#surroundings.retirement.retire(listed.backend)
    this.#surroundings.log('info', 'bucket goes', { bucket: name })
  }

  #dropEarly(): void {
    const early = this.#early
    this.#early = undefined
    if (early === undefined) return
    early.bucket.part()
    void early.backend.stop()
  }

  #backend(): SourceBackend {
    const { retirement } = this.#surroundings
    return new SourceBackend(
      (kind, config) =>
        makeFollowing(kind, this.#surroundings, loginOf(config, credentialsOf(this.#config))),
      retirement,
    )
  }

  #report(backend: SourceBackend): SourceReport {
    const { received, refused } = this.#source.counters
    return { configRev: backend.configRev, configsReceived: received, configsRefused: refused }
  }
}

function portsOf(configs: readonly BucketConfig[]): BucketPort[] {
  return configs.flatMap(({ name, proxyPort }) =>
    proxyPort > 0 ? [{ bucket: name, port: proxyPort }] : [],
  )
}
