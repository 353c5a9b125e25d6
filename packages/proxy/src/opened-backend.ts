/**
 * From a backend's configuration to the backend itself. Each kind is opened here and only here; the
 * directory (directory.ts) keeps them and hands them to buckets and routes.
 */
import {
  type Backend,
  type ClientLog,
  EmbeddedStore,
  type FollowingBackend,
  kindOf,
  loginOf,
  MemcachedPool,
  type MemcachedPoolOptions,
  makeFollowingBackend,
  type Retirement,
  SourceBackend,
  type SourceKind,
  type StoreLogin,
  type Turn,
  ValkeyBackend,
} from '@holdfast/client'
import { type BucketConfig, parseBucketConfig } from '@holdfast/topology'
import type { SourceReport } from './bucket.ts'
import { poolServers } from './config-references.ts'
import { ConfigSource } from './config-source.ts'
import type { FollowedSource } from './followed-source.ts'
import { type LoginSecret, secretOf } from './login-secret.ts'
import type {
  BackendConfig,
  LimitsConfig,
  MapBackendConfig,
  MemcachedBackendConfig,
  StoreBackendConfig,
  ValkeyBackendConfig,
} from './proxy-config.ts'

/** What backends are opened with. */
export interface BackendSurroundings {
  turn: Turn
  limits: LimitsConfig
  stateFolder: string | undefined
  log: ClientLog
  retirement: Retirement
  /** The config servers refuse the credentials, and there never was a config. */
  onUnauthorized: () => void
  /** Something that reports to the store tell has changed. */
  onNews?: () => void
  /** A gateway lists other ports of buckets than before. */
  onBucketPorts?: () => void
}

/** A backend with its source. */
export interface OpenedBackend {
  readonly backend: Backend
  /** Resolves when operations can be routed for the first time. */
  readonly ready: Promise<void>
  source(): SourceReport
  /** What the login of its bucket's name is checked against, as the config server says. */
  secret(): LoginSecret | undefined
  /** The config of its bucket, if a config server gives one. */
  config(): BucketConfig | undefined
  /** The config stream of a Holdfast store that it follows at present. */
  followed(): Omit<FollowedSource, 'source'> | undefined
  /** Takes over a changed configuration of the same type; only stores and memcached pools can. */
  update(config: BackendConfig): void
  /** No more configs; the backend itself is stopped by its owner. */
  close(): void
}

/** What never changes has this report. */
export const FIXED_SOURCE: Readonly<SourceReport> = {
  configRev: 0,
  configsReceived: 0,
  configsRefused: 0,
}

/** Opens a backend. */
export function openBackend(
  config: BackendConfig,
  surroundings: BackendSurroundings,
): OpenedBackend {
  switch (config.type) {
    case 'store':
      return new OpenedStore(config, surroundings)
    case 'embedded':
      return fixed(
        new EmbeddedStore({
          folder: config.folder,
          turn: surroundings.turn,
          valueBytesMax: surroundings.limits.valueBytesMax,
        }),
      )
    case 'memcached':
      return openPool(config, surroundings)
    case 'map':
      return openMap(config, surroundings)
    case 'valkey':
      return openValkey(config, surroundings)
  }
}

/** Makes the backend for a kind of bucket that a config server describes. */
export function makeFollowing(
  kind: SourceKind,
  surroundings: BackendSurroundings,
  login?: StoreLogin,
): FollowingBackend {
  const { turn, limits, log } = surroundings
  return makeFollowingBackend(kind, { ...limits, turn, log }, login)
}

/** HTTP Basic credentials, when a user is set. */
export function credentialsOf(config: {
  username?: string | undefined
  password?: string | undefined
}): { username: string; password: string } | undefined {
  const { username, password = '' } = config
  return username === undefined ? undefined : { username, password }
}

function openPool(
  config: MemcachedBackendConfig,
  surroundings: BackendSurroundings,
): OpenedBackend {
  const pool = new MemcachedPool(poolOptions(config, surroundings))
  const update = (changed: BackendConfig): void => {
    if (changed.type === 'memcached') pool.update(poolOptions(changed, surroundings))
  }
  return { ...fixed(pool), update }
}

function poolOptions(
  config: MemcachedBackendConfig,
  { turn, limits, log }: BackendSurroundings,
): MemcachedPoolOptions {
  const { servers, distribution, protocol, connectionsPerServer, ejectDead } = config
  return {
    turn,
    servers: poolServers(servers),
    distribution,
    protocol,
    credentials: credentialsOf(config),
    connectTimeoutMs: limits.connectTimeoutMs,
    downstreamTimeoutMs: limits.operationTimeoutMs,
    connectionsPerServer,
    valueBytesMax: limits.valueBytesMax,
    ejectDead,
    log,
  }
}

/** As moxi: no login at the servers unless a user is set. */
function openMap(config: MapBackendConfig, surroundings: BackendSurroundings): OpenedBackend {
  const bucket = parseBucketConfig(JSON.stringify(config.config))
  const login = credentialsOf(config) ?? null
  const backend = makeFollowing(kindOf(bucket), surroundings, login)
  backend.applyConfig(bucket)
  return { ...fixed(backend), config: () => bucket }
}

function openValkey(config: ValkeyBackendConfig, surroundings: BackendSurroundings): OpenedBackend {
  const { turn, log, limits } = surroundings
  const { connectTimeoutMs, valueBytesMax } = limits
  const { url, password, username = 'default' } = config
  const credentials = password === undefined ? undefined : { username, password }
  const options = { turn, log, connectTimeoutMs, valueBytesMax, url, credentials }
  const backend = new ValkeyBackend(options)
  return { ...fixed(backend), ready: backend.ready }
}

function fixed(backend: Backend): OpenedBackend {
  return {
    backend,
    ready: Promise.resolve(),
    source: () => FIXED_SOURCE,
    secret: () => undefined,
    config: () => undefined,
    followed: () => undefined,
    update: () => {},
    close: () => {},
  }
}

/** One bucket of a store: its config stream and what that leads to. */
class OpenedStore implements OpenedBackend {
  readonly backend: SourceBackend
  readonly #surroundings: BackendSurroundings
  #source: ConfigSource

  constructor(config: StoreBackendConfig, surroundings: BackendSurroundings) {
    this.#surroundings = surroundings
    this.backend = new SourceBackend(
      (kind, bucket) => makeFollowing(kind, surroundings, loginOf(bucket, credentialsOf(config))),
      surroundings.retirement,
    )
    this.#source = this.#follow(config)
  }

  get ready(): Promise<void> {
    return this.backend.ready
  }

  source(): SourceReport {
    const { received, refused } = this.#source.counters
    return {
      configRev: this.backend.configRev,
      configsReceived: received,
      configsRefused: refused,
    }
  }

  secret(): LoginSecret | undefined {
    const { config } = this.backend
    return config && secretOf(config)
  }

  config(): BucketConfig | undefined {
    return this.backend.config
  }

  followed(): Omit<FollowedSource, 'source'> | undefined {
    const url = this.#source.followed
    const { config, configRev } = this.backend
    if (url === undefined || config === undefined) return undefined
    return { url, buckets: [{ name: config.name, rev: configRev, countedAs: [] }] }
  }

  /** Other config servers are asked; the connections to the store stay. */
  update(config: BackendConfig): void {
    if (config.type !== 'store') return
    this.#source.stop()
    this.#source = this.#follow(config)
  }

  close(): void {
    this.#source.stop()
  }

  #follow(config: StoreBackendConfig): ConfigSource {
    const { log, stateFolder, onUnauthorized, onNews } = this.#surroundings
    const source = new ConfigSource({
      urls: config.urls,
      credentials: credentialsOf(config),
      stateFolder,
      log,
      onUnauthorized,
      onNews,
      onConfigs: (configs, _unusable, url) => {
        const [bucket] = configs
        if (bucket === undefined) return
        const { uuid } = this.backend.config ?? {}
        const contested =
          typeof uuid === 'string' && source.confirmsElsewhere(bucket.name, uuid, url)
        const before = this.backend.configRev
        if (!this.backend.applyConfig(bucket, contested)) return
        const rev = this.backend.configRev
        if (rev !== before) log('info', 'bucket config in use', { bucket: bucket.name, rev })
      },
    })
    source.start()
    return source
  }
}
