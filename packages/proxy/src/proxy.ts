/**
 * The proxy daemon: listens for applications and passes their requests to the backend. `startProxy`
 * binds and fails early; requests are taken (held, at first) from then on, and the proxy is `ready`
 * with its first config. One process, one event loop; nothing here knows command lines
 * (arguments.ts) or signals (run-proxy.ts).
 */
import type net from 'node:net'
import { DelayedFlushes, Turn } from '@holdfast/client'
import { ByteWriter, VALUE_BYTES_MAX_DEFAULT } from '@holdfast/protocol'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { type BackendSource, openSource } from './backend-source.ts'
import type { Bucket, BucketDirectory } from './bucket.ts'
import { createHttpServer } from './http-server.ts'
import { ListenError } from './listen-error.ts'
import { type ConnectionLimit, type Listener, type ListenerHost, openListener } from './listener.ts'
import { LISTENER_DEFAULTS, type ListenerSettings } from './listener-settings.ts'
import { ProcessMeter } from './metrics.ts'
import { ScramKeys } from './scram-keys.ts'
import { SLOW_MS_DEFAULT, SlowLog } from './slow-log.ts'
import { Statistics } from './statistics.ts'
import { answerStats, type StatsAnswer } from './stats-report.ts'
import { collectSnapshot, type ProxySnapshot } from './stats-snapshot.ts'

export { ListenError } from './listen-error.ts'

/** How long `stop` waits for outstanding requests. */
export const DRAIN_MS_MAX = 2000

/** Values of the options that may be left out. */
export const PROXY_DEFAULTS = {
  operationTimeoutMs: 5000,
  connectTimeoutMs: 400,
  connectionsMax: 10_000,
  outstandingMax: 1024,
} as const

/** What a proxy is started with. */
export interface ProxyOptions {
  /** Address to listen on. */
  host: string
  /** Port to listen on; 0 takes a free one. */
  port: number
  /** Port of /health and /metrics; 0 takes a free one. Default: the next after `port`. */
  httpPort?: number | undefined
  /** URLs of the bucket's config stream, tried in turn; or one `embedded:DIR`. */
  urls: readonly string[]
  /** HTTP Basic credentials for the config servers. */
  credentials?: { username: string; password: string } | undefined
  /** Longest time from a request to its reply. */
  operationTimeoutMs?: number | undefined
  connectTimeoutMs?: number | undefined
  connectionsMax?: number | undefined
  /** Requests of one connection that may be outstanding before it is no longer read. */
  outstandingMax?: number | undefined
  valueBytesMax?: number | undefined
  logger: Logger
}

/** A running proxy. */
export interface RunningProxy {
  /** `host:port` that applications connect to. */
  readonly address: string
  /** `host:port` of /health and /metrics. */
  readonly httpAddress: string
  /** Resolves when the proxy can route: with its first config. */
  readonly ready: Promise<void>
  /** Stops accepting, answers what is outstanding (within `DRAIN_MS_MAX`), closes everything. */
  stop(): Promise<void>
}

/**
 * Starts a proxy; rejects with `ListenError` when a port is taken.
 *
 * @example
 * const proxy = await startProxy({ host: '127.0.0.1', port: 11311, urls, logger: pino() })
 * await proxy.ready
 */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const daemon = new ProxyDaemon(options)
  await daemon.start()
  return daemon
}

class ProxyDaemon implements RunningProxy, ListenerHost {
  readonly turn: Turn = new Turn()
  readonly statistics: Statistics = new Statistics()
  readonly writer: ByteWriter = new ByteWriter()
  readonly unbound: Statistics = new Statistics()
  readonly scramKeys: ScramKeys = new ScramKeys()
  readonly delayedFlushes: DelayedFlushes
  readonly slowLog: SlowLog
  readonly connections: ConnectionLimit
  readonly #settings: ListenerSettings
  readonly #options: ProxyOptions
  readonly #connectTimeoutMs: number
  readonly #source: BackendSource
  #listener: Listener | undefined = undefined
  readonly #http: FastifyInstance
  #draining = false
  #httpPort = 0

  constructor(options: ProxyOptions) {
    this.#options = options
    this.#settings = {
      ...LISTENER_DEFAULTS,
      valueBytesMax: options.valueBytesMax ?? VALUE_BYTES_MAX_DEFAULT,
      operationTimeoutMs: options.operationTimeoutMs ?? PROXY_DEFAULTS.operationTimeoutMs,
      outstandingMax: options.outstandingMax ?? PROXY_DEFAULTS.outstandingMax,
    }
    this.#connectTimeoutMs = options.connectTimeoutMs ?? PROXY_DEFAULTS.connectTimeoutMs
    this.connections = { open: 0, max: options.connectionsMax ?? PROXY_DEFAULTS.connectionsMax }
    this.delayedFlushes = new DelayedFlushes(this.#settings.operationTimeoutMs)
    this.#source = openSource({
      turn: this.turn,
      urls: options.urls,
      credentials: options.credentials,
      connectTimeoutMs: this.#connectTimeoutMs,
      valueBytesMax: this.#settings.valueBytesMax,
      logger: options.logger,
    })
    this.slowLog = new SlowLog({ slowMs: SLOW_MS_DEFAULT, logger: options.logger })
    const meter = new ProcessMeter()
    this.#http = createHttpServer({
      snapshot: () => this.#snapshot(),
      processes: async () => [await meter.collect()],
    })
  }

  get ready(): Promise<void> {
    return this.#source.ready
  }

  get address(): string {
    return this.#listener?.address ?? ''
  }

  get httpAddress(): string {
    return `${this.#options.host}:${this.#httpPort}`
  }

  async start(): Promise<void> {
    const { host, port, httpPort } = this.#options
    try {
      const directory = this.#directory()
      const options = { place: { host, port }, settings: this.#settings, directory }
      this.#listener = await openListener(options, this)
      this.#httpPort = await this.#listenHttp(host, httpPort ?? this.#listener.port + 1)
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    this.#draining = true
    await this.#listener?.stop(DRAIN_MS_MAX)
    this.delayedFlushes.stop()
    await this.#source.stop()
    await this.#http.close()
  }

  stats(args: string, bucket: Bucket): StatsAnswer {
    const answer = answerStats(args, {
      snapshot: this.#snapshot(),
      settings: {
        host: this.#options.host,
        port: this.#listener?.port ?? 0,
        socketPath: '',
        protocol: this.#settings.protocol,
        connectionsMax: this.connections.max,
        outstandingMax: this.#settings.outstandingMax,
        operationTimeoutMs: this.#settings.operationTimeoutMs,
        connectTimeoutMs: this.#connectTimeoutMs,
        valueBytesMax: this.#settings.valueBytesMax,
        anonymousBucket: 'default',
        dynamic: this.#source.report().kind === 'cluster',
      },
      bucketName: bucket.name,
    })
    if (answer.kind === 'reset') this.statistics.reset()
    return answer
  }

  async #listenHttp(host: string, port: number): Promise<number> {
    try {
      await this.#http.listen({ host, port })
    } catch (cause) {
      throw new ListenError(port, cause)
    }
    return portOf(this.#http.server)
  }

  #snapshot(): ProxySnapshot {
    return collectSnapshot({
      buckets: () => this.#directory().buckets(),
      unbound: this.unbound,
      slow: this.slowLog,
      startedAtMs: this.statistics.startedAtMs,
      draining: this.#draining,
    })
  }

  #directory(): BucketDirectory {
    const { statistics } = this
    const source = this.#source
    const bucket: Bucket = {
      get name() {
        return source.report().bucket || 'default'
      },
      get backend() {
        return source.backend
      },
      statistics,
      source: () => source.report(),
    }
    return { anonymous: bucket, login: () => undefined, buckets: () => [bucket] }
  }
}

function portOf(server: { address(): net.AddressInfo | string | null }): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
