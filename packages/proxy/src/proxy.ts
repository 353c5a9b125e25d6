/**
 * The proxy daemon: listens for applications and passes their requests to the backend. `startProxy`
 * binds and fails early; requests are taken (held, at first) from then on, and the proxy is `ready`
 * with its first config. One process, one event loop; nothing here knows command lines
 * (arguments.ts) or signals (run-proxy.ts).
 */
import { once } from 'node:events'
import net from 'node:net'
import { type Backend, DELAYED_FLUSH_LINE, DelayedFlushes, Turn } from '@holdfast/client'
import {
  ByteWriter,
  type MemcachedRequest,
  Op,
  ttlFromExptime,
  VALUE_BYTES_MAX_DEFAULT,
} from '@holdfast/protocol'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { type BackendSource, openSource } from './backend-source.ts'
import { createHttpServer } from './http-server.ts'
import { ProcessMeter } from './metrics.ts'
import { SLOW_MS_DEFAULT, SlowLog } from './slow-log.ts'
import { Statistics } from './statistics.ts'
import { answerStats, statsText } from './stats-report.ts'
import { collectSnapshot, type ProxySnapshot } from './stats-snapshot.ts'
import { UpstreamConnection, type UpstreamHost } from './upstream-connection.ts'
import { VERSION } from './version.ts'

/** How long `stop` waits for outstanding requests. */
export const DRAIN_MS_MAX = 2000
const SWEEP_INTERVAL_MS = 50
const LISTEN_BACKLOG = 1024

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

/** A port that could not be bound. */
export class ListenError extends Error {
  readonly code = 'HOLDFAST_LISTEN'
  readonly port: number

  constructor(port: number, cause: unknown) {
    super(`could not listen on port ${port}`, { cause })
    this.name = 'ListenError'
    this.port = port
  }
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

class ProxyDaemon implements RunningProxy, UpstreamHost {
  readonly turn: Turn = new Turn()
  readonly statistics: Statistics = new Statistics()
  readonly writer: ByteWriter = new ByteWriter()
  readonly valueBytesMax: number
  readonly operationTimeoutMs: number
  readonly outstandingMax: number
  readonly #options: ProxyOptions
  readonly #connectTimeoutMs: number
  readonly #connectionsMax: number
  readonly #source: BackendSource
  readonly #server: net.Server
  readonly #slowLog: SlowLog
  readonly #unbound: Statistics = new Statistics()
  readonly #http: FastifyInstance
  readonly #upstreams: Set<UpstreamConnection> = new Set()
  #sweepTimer: NodeJS.Timeout | undefined = undefined
  readonly #delayedFlushes: DelayedFlushes
  #draining = false
  #drained: () => void = () => {}
  #port = 0
  #httpPort = 0

  constructor(options: ProxyOptions) {
    this.#options = options
    this.valueBytesMax = options.valueBytesMax ?? VALUE_BYTES_MAX_DEFAULT
    this.operationTimeoutMs = options.operationTimeoutMs ?? PROXY_DEFAULTS.operationTimeoutMs
    this.outstandingMax = options.outstandingMax ?? PROXY_DEFAULTS.outstandingMax
    this.#connectTimeoutMs = options.connectTimeoutMs ?? PROXY_DEFAULTS.connectTimeoutMs
    this.#connectionsMax = options.connectionsMax ?? PROXY_DEFAULTS.connectionsMax
    this.#delayedFlushes = new DelayedFlushes(this.operationTimeoutMs)
    this.#source = openSource({
      turn: this.turn,
      urls: options.urls,
      credentials: options.credentials,
      connectTimeoutMs: this.#connectTimeoutMs,
      valueBytesMax: this.valueBytesMax,
      logger: options.logger,
    })
    this.#slowLog = new SlowLog({ slowMs: SLOW_MS_DEFAULT, logger: options.logger })
    const meter = new ProcessMeter()
    this.#http = createHttpServer({
      snapshot: () => this.#snapshot(),
      processes: async () => [await meter.collect()],
    })
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket),
    )
  }

  get backend(): Backend {
    return this.#source.backend
  }

  get ready(): Promise<void> {
    return this.#source.ready
  }

  get address(): string {
    return `${this.#options.host}:${this.#port}`
  }

  get httpAddress(): string {
    return `${this.#options.host}:${this.#httpPort}`
  }

  async start(): Promise<void> {
    const { host, port, httpPort } = this.#options
    try {
      this.#port = await this.#listen(host, port)
      this.#httpPort = await this.#listenHttp(host, httpPort ?? this.#port + 1)
    } catch (error) {
      await this.stop()
      throw error
    }
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS)
  }

  async stop(): Promise<void> {
    this.#draining = true
    if (this.#server.listening) this.#server.close()
    for (const upstream of this.#upstreams) upstream.end()
    if (this.#upstreams.size > 0) await this.#drain()
    for (const upstream of this.#upstreams) upstream.destroy()
    clearInterval(this.#sweepTimer)
    this.#delayedFlushes.stop()
    await this.#source.stop()
    await this.#http.close()
  }

  localReply(request: MemcachedRequest): string {
    switch (request.op) {
      case Op.Version:
        return `VERSION ${VERSION}\r\n`
      case Op.Verbosity:
        return 'OK\r\n'
      case Op.FlushAll:
        return this.#flushLater(request)
      case Op.Stats:
        return this.#stats(request.args)
      case Op.Quit:
        return ''
      case Op.Invalid:
        return `${request.error}\r\n`
      default:
        throw new Error(`bug: no local reply for operation ${request.op}`)
    }
  }

  upstreamGone(connection: UpstreamConnection): void {
    this.#upstreams.delete(connection)
    if (this.#upstreams.size === 0) this.#drained()
  }

  #accept(socket: net.Socket): void {
    if (this.#draining || this.statistics.currentConnections >= this.#connectionsMax) {
      this.statistics.refusedConnections++
      socket.on('error', () => {})
      socket.end('SERVER_ERROR too many open connections\r\n')
      socket.destroySoon()
      return
    }
    this.#upstreams.add(new UpstreamConnection(socket, this))
  }

  async #listen(host: string, port: number): Promise<number> {
    try {
      this.#server.listen({ host, port, backlog: LISTEN_BACKLOG })
      await once(this.#server, 'listening')
    } catch (cause) {
      throw new ListenError(port, cause)
    }
    return portOf(this.#server)
  }

  async #listenHttp(host: string, port: number): Promise<number> {
    try {
      await this.#http.listen({ host, port })
    } catch (cause) {
      throw new ListenError(port, cause)
    }
    return portOf(this.#http.server)
  }

  async #drain(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#drained = resolve
    const timer = setTimeout(resolve, DRAIN_MS_MAX)
    await promise
    clearTimeout(timer)
  }

  #flushLater(request: MemcachedRequest): string {
    const delayMs = ttlFromExptime(request.exptime, Date.now())
    const taken = this.#delayedFlushes.schedule(request, Math.max(0, delayMs), this.backend)
    return taken ? 'OK\r\n' : `${DELAYED_FLUSH_LINE}\r\n`
  }

  #sweep(): void {
    if (this.#upstreams.size === 0) return
    const nowMs = performance.now()
    for (const upstream of this.#upstreams) upstream.sweep(nowMs)
  }

  #snapshot(): ProxySnapshot {
    const { bucket, ...source } = this.#source.report()
    return collectSnapshot({
      buckets: () => [
        {
          name: bucket === '' ? 'default' : bucket,
          statistics: this.statistics,
          backend: this.backend,
          source: () => source,
        },
      ],
      unbound: this.#unbound,
      slow: this.#slowLog,
      startedAtMs: this.statistics.startedAtMs,
      draining: this.#draining,
    })
  }

  #stats(args: string): string {
    const snapshot = this.#snapshot()
    const answer = answerStats(args, {
      snapshot,
      settings: {
        host: this.#options.host,
        port: this.#port,
        socketPath: '',
        protocol: 'ascii',
        connectionsMax: this.#connectionsMax,
        outstandingMax: this.outstandingMax,
        operationTimeoutMs: this.operationTimeoutMs,
        connectTimeoutMs: this.#connectTimeoutMs,
        valueBytesMax: this.valueBytesMax,
        anonymousBucket: 'default',
        dynamic: this.#source.report().kind === 'cluster',
      },
      bucketName: snapshot.buckets[0]?.name ?? '',
    })
    if (answer.kind === 'reset') this.statistics.reset()
    return statsText(answer)
  }
}

function portOf(server: { address(): net.AddressInfo | string | null }): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
