/**
 * Everything a proxy routes to, by name: the backends in use, the routes over them, the buckets and
 * logins before them. `prepare` and its `commit` bring it to a configuration, the first or a later
 * one: what is equal stays, what changed is made anew and the old one stops once its operations are
 * settled.
 */
import type { Backend } from '@holdfast/client'
import type { Bucket, BucketDirectory } from './bucket.ts'
import type { FollowedSource } from './followed-source.ts'
import type { BucketPort } from './gateway-ports.ts'
import { type BucketRegister, GatewaySource } from './gateway-source.ts'
import {
  type BackendSurroundings,
  FIXED_SOURCE,
  type OpenedBackend,
  openBackend,
} from './opened-backend.ts'
import { ProxyBucket } from './proxy-bucket.ts'
import {
  anonymousBucketName,
  type BackendConfig,
  type ListenerConfig,
  type ProxyConfig,
} from './proxy-config.ts'
import { buildRoute, childrenOf } from './route-builder.ts'

/** Gone buckets that are remembered for their connections. */
const GONE_BUCKETS_MAX = 1000

interface OpenEntry {
  config: BackendConfig
  /** Differs for each time a backend was opened: routes over it are built anew then. */
  opening: number
  opened: OpenedBackend
}

interface RouteEntry {
  key: string
  backend: Backend
}

export class Directory implements BucketRegister {
  readonly #surroundings: BackendSurroundings
  readonly #buckets: Map<string, ProxyBucket> = new Map()
  #backends: Map<string, OpenEntry> = new Map()
  #routes: Map<string, RouteEntry> = new Map()
  #gateways: GatewaySource[] = []
  #config: ProxyConfig
  #openings = 0

  constructor(config: ProxyConfig, surroundings: BackendSurroundings) {
    this.#config = config
    this.#surroundings = surroundings
    this.prepare(config).commit()
  }

  /** Resolves when all that was configured at first can be routed. */
  get ready(): Promise<unknown> {
    return Promise.all([
      ...[...this.#backends.values()].map(({ opened }) => opened.ready),
      ...this.#gateways.map((gateway) => gateway.ready),
    ])
  }

  /**
   * Opens what a configuration needs and what is not open.
   *
   * @returns what brings everything to it, `commit`, and what takes it back, `abandon`
   * @throws when a backend cannot be opened; everything is as it was
   */
  prepare(config: ProxyConfig): { commit: () => void; abandon: () => void } {
    const surroundings = { ...this.#surroundings, limits: config.limits }
    const areLimitsSame = limitsKey(config) === limitsKey(this.#config)
    const opened = new Map<string, OpenEntry>()
    const abandon = (): void => {
      for (const { opened: unused } of opened.values()) {
        unused.close()
        void unused.backend.stop()
      }
    }
    try {
      for (const name of namesInUse(config)) {
        const backend = config.backends[name]
        const known = this.#backends.get(name)
        if (backend === undefined || staysOpen(backend, known, areLimitsSame)) continue
        const entry = { config: backend, opened: openBackend(backend, surroundings) }
        opened.set(name, { ...entry, opening: ++this.#openings })
      }
    } catch (error) {
      abandon()
      throw error
    }
    return { commit: () => this.#commit(config, opened), abandon }
  }

  #commit(config: ProxyConfig, opened: ReadonlyMap<string, OpenEntry>): void {
    const backendsBefore = this.#backends
    const routesBefore = this.#routes
    const bucketsBefore = Object.keys(this.#config.buckets)
    this.#config = config
    this.#surroundings.limits = config.limits
    this.#backends = new Map()
    this.#routes = new Map()
    const inUse = namesInUse(config)
    for (const name of inUse) {
      const backend = config.backends[name]
      const entry = opened.get(name) ?? backendsBefore.get(name)
      if (backend === undefined || entry === undefined) continue
      if (JSON.stringify(entry.config) !== JSON.stringify(backend)) entry.opened.update(backend)
      this.#backends.set(name, { ...entry, config: backend })
    }
    for (const name of inUse) this.#routeOf(name, routesBefore)
    for (const name of bucketsBefore) {
      const bucket = this.#buckets.get(name)
      if (bucket !== undefined && config.buckets[name] === undefined) this.leave(bucket)
    }
    this.#applyBuckets()
    this.#applyGateways()
    const { retirement } = this.#surroundings
    for (const [name, entry] of backendsBefore) {
      if (this.#backends.get(name)?.opened === entry.opened) continue
      entry.opened.close()
      retirement.retire(entry.opened.backend)
    }
    for (const [name, { backend }] of routesBefore) {
      if (this.#routes.get(name)?.backend !== backend) retirement.retire(backend)
    }
  }

  /** What the connections of a listener find. */
  viewFor(listener: ListenerConfig): BucketDirectory {
    const directory = this
    let config: ProxyConfig | undefined
    let name: string | undefined
    return {
      get anonymous(): Bucket | undefined {
        // Asked for each request, and the name changes only with the configuration.
        if (config !== directory.#config) {
          config = directory.#config
          name = anonymousBucketName(config, listener)
        }
        return directory.#anonymousOf(listener, name)
      },
      login: (username) => this.#login(username),
      buckets: () => this.buckets(),
    }
  }

  /** Ports that gateways give to single buckets. */
  get bucketPorts(): readonly BucketPort[] {
    return this.#gateways.flatMap((gateway) => gateway.ports)
  }

  /** All that have something behind them, those of the configuration first. */
  buckets(): readonly ProxyBucket[] {
    const names = Object.keys(this.#config.buckets)
    const rank = (bucket: ProxyBucket): number => {
      const index = names.indexOf(bucket.name)
      return index < 0 ? names.length : index
    }
    const alive = [...this.#buckets.values()].filter((bucket) => bucket.alive)
    const early = this.#gateways.flatMap(({ anonymous }) =>
      anonymous === undefined || alive.includes(anonymous) ? [] : [anonymous],
    )
    return [...alive, ...early].sort((a, b) => rank(a) - rank(b))
  }

  /** Config streams of Holdfast stores that are followed at present. */
  followed(): FollowedSource[] {
    const stores = [...this.#backends].flatMap(([source, { opened }]) => {
      const followed = opened.followed()
      if (followed === undefined) return []
      const countedAs = Object.entries(this.#config.buckets)
        .filter(([, { use }]) => use === source)
        .map(([name]) => name)
      const buckets = followed.buckets.map((bucket) => ({ ...bucket, countedAs }))
      return [{ source, url: followed.url, buckets }]
    })
    const gateways = this.#gateways.flatMap((gateway, index) => {
      const followed = gateway.followed()
      return followed === undefined ? [] : [{ source: `gateway ${index}`, ...followed }]
    })
    return [...stores, ...gateways]
  }

  async stop(): Promise<void> {
    for (const { opened } of this.#backends.values()) opened.close()
    await Promise.all([
      ...[...this.#routes.values()].map(({ backend }) => backend.stop()),
      ...[...this.#backends.values()].map(({ opened }) => opened.backend.stop()),
      ...this.#gateways.map((gateway) => gateway.stop()),
      this.#surroundings.retirement.stop(),
    ])
  }

  enter(name: string, candidate: ProxyBucket | undefined): ProxyBucket | undefined {
    if (this.#config.buckets[name] !== undefined) return undefined
    const known = this.#buckets.get(name)
    if (known?.alive === true) return undefined
    const bucket = known ?? candidate ?? new ProxyBucket(name)
    this.#buckets.delete(name)
    this.#buckets.set(name, bucket)
    return bucket
  }

  leave(bucket: ProxyBucket): void {
    if (this.#config.buckets[bucket.name] !== undefined) return
    bucket.part()
    let gone = [...this.#buckets.values()].filter(({ alive }) => !alive)
    while (gone.length > GONE_BUCKETS_MAX) {
      const [oldest] = gone
      if (oldest !== undefined) this.#buckets.delete(oldest.name)
      gone = gone.slice(1)
    }
  }

  #applyGateways(): void {
    const { gateways } = this.#config
    gateways.forEach((config, index) => {
      const known = this.#gateways[index]
      if (known === undefined) {
        this.#gateways.push(new GatewaySource(config, this.#surroundings, this))
      } else {
        known.update(config)
      }
    })
    for (const gone of this.#gateways.splice(gateways.length)) gone.close()
  }

  #applyBuckets(): void {
    for (const [name, { use, password }] of Object.entries(this.#config.buckets)) {
      const bucket = this.#buckets.get(name) ?? new ProxyBucket(name)
      this.#buckets.set(name, bucket)
      const opened = this.#backends.get(use)?.opened
      const backend = opened?.backend ?? this.#routes.get(use)?.backend
      if (backend === undefined) throw new Error(`bug: nothing is called ${use}`)
      bucket.lead(
        backend,
        () => opened?.source() ?? FIXED_SOURCE,
        () => password ?? opened?.secret(),
        () => opened?.config(),
      )
    }
  }

  #anonymousOf(listener: ListenerConfig, name: string | undefined): Bucket | undefined {
    if (listener.bucket === null) return undefined
    const fixed = name === undefined ? undefined : this.#buckets.get(name)
    if (fixed?.alive === true || listener.bucket !== undefined) return fixed
    for (const { anonymous } of this.#gateways) if (anonymous !== undefined) return anonymous
    return undefined
  }

  #login(username: string): ReturnType<BucketDirectory['login']> {
    const user = this.#config.users[username]
    const bucket = this.#buckets.get(user?.bucket ?? username)
    const secret = user === undefined ? bucket?.secret : user.password
    if (user === undefined && bucket?.alive !== true) {
      const admin = this.#gateways.find((gateway) => gateway.admin?.username === username)?.admin
      return admin && { bucket: undefined, secret: admin.login }
    }
    if (bucket?.alive !== true || secret === undefined) return undefined
    return { bucket, secret }
  }

  #routeOf(name: string, before: ReadonlyMap<string, RouteEntry>): RouteEntry | undefined {
    const done = this.#routes.get(name)
    const config = this.#config.routes[name]
    if (done !== undefined || config === undefined) return done
    const children = new Map<string, Backend>()
    const keys = [JSON.stringify(config)]
    for (const child of childrenOf(config)) {
      const open = this.#backends.get(child)
      const route = open === undefined ? this.#routeOf(child, before) : undefined
      const backend = open?.opened.backend ?? route?.backend
      if (backend === undefined) throw new Error(`bug: nothing is called ${child}`)
      children.set(child, backend)
      keys.push(open === undefined ? (route?.key ?? '') : `opening ${open.opening}`)
    }
    const key = keys.join('\n')
    const known = before.get(name)
    const backend = known?.key === key ? known.backend : buildRoute(config, children)
    const entry = { key, backend }
    this.#routes.set(name, entry)
    return entry
  }
}

/** Backends that some bucket leads to, through routes or not. */
function namesInUse(config: ProxyConfig): Set<string> {
  const names = new Set<string>()
  const visit = (name: string): void => {
    if (names.has(name)) return
    names.add(name)
    const route = config.routes[name]
    if (route !== undefined) for (const child of childrenOf(route)) visit(child)
  }
  for (const { use } of Object.values(config.buckets)) visit(use)
  return names
}

/** Whether an open backend can go on with this configuration. */
function staysOpen(
  config: BackendConfig,
  known: OpenEntry | undefined,
  areLimitsSame: boolean,
): boolean {
  if (known === undefined || known.config.type !== config.type) return false
  // Opened a second time its folder would have two owners.
  if (config.type === 'embedded') return JSON.stringify(known.config) === JSON.stringify(config)
  if (!areLimitsSame) return false
  const isSame = JSON.stringify(known.config) === JSON.stringify(config)
  return isSame || config.type === 'store' || config.type === 'memcached'
}

/** What backends are opened with beside their own configuration. */
function limitsKey({ limits, stateFolder }: ProxyConfig): string {
  return JSON.stringify([limits.connectTimeoutMs, limits.valueBytesMax, stateFolder])
}
