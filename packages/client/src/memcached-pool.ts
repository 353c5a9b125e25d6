/**
 * A pool of plain memcached servers: each key has one server, chosen as the other clients of the
 * same servers choose it (ketama and its relatives), and nothing is kept anywhere else. A server
 * that is away fails its keys' operations at once, or, if the pool says so, is left out of the
 * choice until it is back.
 *
 *   operation ── key's hash ──> MemcachedServer ──> PoolLink ──> PoolConnection (text, meta)
 *                                              └──> BinaryLink (binary)
 *
 * `update` changes the pool without a break: servers that stay keep their connections, and what
 * was sent to those that go is still answered by them.
 */
import { Op, VALUE_BYTES_MAX_DEFAULT } from '@holdfast/protocol'
import {
  type KeyLocator,
  ketamaLibvbucket,
  ketamaPlain,
  ketamaWeighted,
  modula,
  type PoolServer,
} from '@holdfast/topology'
import type { Backend, BackendReport } from './backend.ts'
import { answerWhenAll, Fork } from './fork.ts'
import { MemcachedServer, type MemcachedServerOptions } from './memcached-server.ts'
import type { Operation } from './operation.ts'
import { type LookupAddresses, PoolAddress } from './pool-address.ts'
import type { PoolCredentials } from './pool-connection.ts'
import type { PoolLinkCounters } from './pool-link.ts'
import type { ClientLog } from './shard.ts'
import type { Turn } from './turn.ts'

/** How keys are spread over the servers; `ketama-weighted` is moxi's default. */
export type PoolDistribution = 'ketama-weighted' | 'ketama' | 'libvbucket-ketama' | 'modula'

/** What a pool is made with. */
export interface MemcachedPoolOptions {
  turn: Turn
  servers: readonly PoolServer[]
  distribution?: PoolDistribution
  /** What is spoken to the servers; `text` asks in meta what text cannot say. */
  protocol?: 'text' | 'meta' | 'binary'
  /** Text: for servers that want a login; binary: SASL. */
  credentials?: PoolCredentials | undefined
  connectTimeoutMs?: number
  /** A server that owes replies and sends nothing for so long is given up. */
  downstreamTimeoutMs?: number
  connectionsPerServer?: number
  /** Most operations sent to a server on one connection and not answered; others wait. */
  downstreamMax?: number
  valueBytesMax?: number
  /** Leaves servers that are away out of the choice, at the price of stale items. */
  ejectDead?: boolean
  lookup?: LookupAddresses
  log?: ClientLog
}

/** Most connections to one server. */
export const CONNECTIONS_PER_SERVER_MAX = 64

const SWEEP_INTERVAL_MS = 100
/** After a longer pause of this process its servers are not the ones to be called silent. */
const SWEEP_LATE_MS = 1000
const GREETING_MS_MIN = 1000
const NO_SERVERS_LINE = 'SERVER_ERROR proxy out of downstreams'
const STOPPING_LINE = 'SERVER_ERROR proxy is stopping'

const LOCATORS: Readonly<Record<PoolDistribution, typeof ketamaWeighted>> = {
  'ketama-weighted': ketamaWeighted,
  ketama: ketamaPlain,
  'libvbucket-ketama': ketamaLibvbucket,
  modula,
}

export class MemcachedPool implements Backend {
  readonly #counters: PoolLinkCounters = {
    retries: 0,
    connection_losses: 0,
    away_refused: 0,
    queue_refused: 0,
    merged_gets: 0,
  }
  readonly #sweepTimer: NodeJS.Timeout
  #options: MemcachedPoolOptions
  /** By what makes a server another one: its name and how it is spoken to. */
  #servers: Map<string, MemcachedServer> = new Map()
  #weights: number[] = []
  #retiring: MemcachedServer[] = []
  /** The servers among which `#locate` chooses. */
  #choice: readonly MemcachedServer[] = []
  #locate: KeyLocator = () => 0
  #ejected = ''
  #sweptAtMs: number = performance.now()
  #stopped = false

  constructor(options: MemcachedPoolOptions) {
    this.#options = options
    this.#apply(options)
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS)
    this.#sweepTimer.unref()
  }

  submit(operation: Operation): void {
    const choice = this.#choice
    if (operation.kind === Op.FlushAll) {
      this.#submitFlush(operation)
    } else if (choice.length === 1) {
      choice[0]?.submit(operation)
    } else if (choice.length === 0) {
      operation.fail(this.#stopped ? STOPPING_LINE : NO_SERVERS_LINE)
    } else {
      const index = this.#locate(operation.buf, operation.keyStart, operation.keyEnd)
      choice[index]?.submit(operation)
    }
  }

  /** Follows another list of servers, or other ways to reach them. */
  update(changes: Partial<MemcachedPoolOptions>): void {
    if (this.#stopped) return
    this.#options = { ...this.#options, ...changes }
    this.#apply(this.#options)
  }

  /** Index, in the list of servers, of the server that has the key. */
  serverOf(key: Uint8Array): number {
    const server = this.#choice.length < 2 ? this.#choice[0] : this.#choice[this.#locate(key)]
    return server === undefined ? -1 : [...this.#servers.values()].indexOf(server)
  }

  report(): BackendReport {
    const servers = [...this.#servers.values()]
    return {
      kind: 'memcached',
      usable: this.#choice.length > 0,
      outstanding: [...servers, ...this.#retiring].reduce((sum, one) => sum + one.outstanding, 0),
      servers: servers.map((server) => server.report()),
      counters: { ...this.#counters },
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#sweepTimer)
    this.#choice = []
    const servers = [...this.#retiring, ...this.#servers.values()]
    for (const operation of servers.flatMap((server) => server.close())) {
      operation.fail(STOPPING_LINE)
    }
  }

  #submitFlush(operation: Operation): void {
    const servers = [...this.#servers.values()]
    if (servers.length === 0) {
      operation.fail(this.#stopped ? STOPPING_LINE : NO_SERVERS_LINE)
      return
    }
    new Fork(operation, answerWhenAll).spread(servers, (part, server) => server.submit(part))
  }

  #apply(options: MemcachedPoolOptions): void {
    const before = this.#servers
    this.#servers = new Map()
    this.#weights = []
    for (const server of options.servers) {
      const identity = identityOf(server, options)
      if (this.#servers.has(identity)) continue
      const kept = before.get(identity)
      this.#servers.set(identity, kept ?? new MemcachedServer(this.#serverOptions(server, options)))
      this.#weights.push(server.weight > 0 ? server.weight : 1)
      before.delete(identity)
    }
    this.#choose()
    for (const server of before.values()) this.#retire(server)
  }

  /** What a server that goes has not sent yet belongs to the servers that stay. */
  #retire(server: MemcachedServer): void {
    this.#retiring.push(server)
    for (const operation of server.retire()) {
      if (operation.kind === Op.FlushAll) server.submit(operation)
      else this.submit(operation)
    }
  }

  #choose(): void {
    const servers = [...this.#servers.values()]
    const isIn = servers.map((server) => this.#options.ejectDead !== true || !server.away)
    this.#ejected = isIn.join()
    const anyIn = isIn.includes(true)
    const choice = servers.filter((_, index) => !anyIn || isIn[index])
    const weights = this.#weights.filter((_, index) => !anyIn || isIn[index])
    if (choice.length > 1) {
      const ring = choice.map(({ name }, index) => ({ name, weight: weights[index] ?? 1 }))
      this.#locate = LOCATORS[this.#options.distribution ?? 'ketama-weighted'](ring)
    }
    this.#choice = choice
  }

  #sweep(): void {
    const nowMs = performance.now()
    const late = nowMs - this.#sweptAtMs > SWEEP_LATE_MS
    this.#sweptAtMs = nowMs
    if (late) return
    for (const server of this.#servers.values()) server.sweep(nowMs)
    for (const server of this.#retiring) {
      server.sweep(nowMs)
      if (server.outstanding === 0) server.close()
    }
    if (this.#retiring.length > 0) {
      this.#retiring = this.#retiring.filter((server) => server.outstanding > 0)
    }
    if (this.#options.ejectDead !== true) return
    const isIn = [...this.#servers.values()].map((server) => !server.away)
    if (isIn.join() !== this.#ejected) this.#choose()
  }

  #serverOptions(server: PoolServer, options: MemcachedPoolOptions): MemcachedServerOptions {
    const connectTimeoutMs = options.connectTimeoutMs ?? 400
    const protocol = options.protocol ?? 'text'
    return {
      name: nameOf(server),
      address: new PoolAddress(server.host, connectTimeoutMs, options.lookup),
      target: {
        port: server.port,
        protocol: protocol === 'meta' ? 'meta' : 'text',
        credentials: options.credentials,
        connectTimeoutMs,
        greetingTimeoutMs: Math.max(connectTimeoutMs, GREETING_MS_MIN),
        silenceTimeoutMs: options.downstreamTimeoutMs ?? 5000,
        valueBytesMax: options.valueBytesMax ?? VALUE_BYTES_MAX_DEFAULT,
      },
      turn: options.turn,
      inFlightMax: options.downstreamMax ?? 16_384,
      counters: this.#counters,
      log: options.log ?? (() => {}),
      links: Math.min(Math.max(options.connectionsPerServer ?? 1, 1), CONNECTIONS_PER_SERVER_MAX),
      binary: protocol === 'binary',
    }
  }
}

/** `host:port`, an IPv6 host in brackets. */
function nameOf({ host, port }: PoolServer): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function identityOf(server: PoolServer, options: MemcachedPoolOptions): string {
  const { protocol, credentials, connectionsPerServer } = options
  const { connectTimeoutMs, downstreamTimeoutMs, downstreamMax, valueBytesMax } = options
  return JSON.stringify([
    nameOf(server),
    [protocol, credentials?.username, credentials?.password, connectionsPerServer],
    [connectTimeoutMs, downstreamTimeoutMs, downstreamMax, valueBytesMax],
  ])
}
