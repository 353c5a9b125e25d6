/**
 * A place where applications connect: a TCP port, a port with TLS, or a unix socket. All three hand
 * their sockets to the same connections. A listener binds and fails early; it owns its connections,
 * sweeps them by their deadlines, and drains them when it stops. What stands behind the buckets is
 * none of its business.
 */
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import type { DelayedFlushes, Turn } from '@holdfast/client'
import type { ByteWriter } from '@holdfast/protocol'
import type { Bucket, BucketDirectory } from './bucket.ts'
import { ClientCounts } from './client-counts.ts'
import type { Conversation, ConversationOwner } from './conversation.ts'
import { ListenError } from './listen-error.ts'
import type { ListenerSettings } from './listener-settings.ts'
import { bindSocketFile } from './listener-socket-file.ts'
import { readTlsFiles, type TlsFiles } from './listener-tls.ts'
import type { LoginGuard } from './login-guard.ts'
import { MemcachedConversation } from './memcached-conversation.ts'
import { RequestParsers } from './request-parsers.ts'
import type { ScramKeys } from './scram-keys.ts'
import type { SlowLog } from './slow-log.ts'
import type { Statistics } from './statistics.ts'
import type { StatsAnswer } from './stats-report.ts'
import { UpstreamConnection } from './upstream-connection.ts'
import type { UpstreamHost } from './upstream-host.ts'
import { DataConversation } from './vbucket-port/vbucket-conversation.ts'
import { DataPort, type DataPortOptions } from './vbucket-port/vbucket-port.ts'

const SWEEP_INTERVAL_MS = 50
const LISTEN_BACKLOG_DEFAULT = 1024
/** A peer that vanished without a word is noticed some ten probes after this long. */
const KEEP_ALIVE_DELAY_MS = 60_000
/** TLS handshakes under way beyond the limit of connections. */
const HANDSHAKES_MAX = 1024
const FULL_REPLY = 'SERVER_ERROR too many open connections\r\n'

/** Where to listen. */
export type ListenerPlace =
  | { host: string; port: number; backlog?: number; reusePort?: boolean }
  | { socketPath: string /** Permissions of the file. */; socketMode: number; backlog?: number }

/** What a listener is opened with. */
export interface ListenerOptions {
  place: ListenerPlace
  /** Applications must use TLS. */
  tls?: TlsFiles | undefined
  settings: Readonly<ListenerSettings>
  directory: BucketDirectory
  /** It is a vBucket port, not a memcached port. */
  dataPort?: DataPortOptions | undefined
}

/** Connections of all listeners of a daemon, and how many there may be. */
export interface ConnectionLimit {
  open: number
  max: number
}

/** The daemon, as its listeners see it. */
export interface ListenerHost {
  readonly turn: Turn
  /** Shared by all connections. */
  readonly writer: ByteWriter
  /** Counters of connections without a bucket. */
  readonly unbound: Statistics
  readonly connections: ConnectionLimit
  readonly scramKeys: ScramKeys
  readonly loginGuard: LoginGuard
  readonly delayedFlushes: DelayedFlushes
  readonly slowLog: Pick<SlowLog, 'thresholdMs' | 'see'>
  /** Does what `stats ARGS` asks for and answers. */
  stats(args: string, bucket: Bucket, listener: Listener): StatsAnswer | Promise<StatsAnswer>
}

/** An open listener. */
export interface Listener {
  /** `host:port`, or the path of the socket. */
  readonly address: string
  /** 0 of a unix socket. */
  readonly port: number
  readonly settings: Readonly<ListenerSettings>
  readonly directory: BucketDirectory
  /** Connections that are not closed. */
  readonly connections: number
  /** The same by address. */
  readonly clients: ClientCounts
  /** Other settings or another directory, for the connections that there are as well. */
  update(options: Pick<ListenerOptions, 'settings' | 'directory'>): void
  /** Reads certificate and key anew; without them, or with bad ones, it throws and the old stay. */
  reload(): Promise<void>
  /** Accepts no more; answers what is outstanding within `drainMs`, then closes everything. */
  stop(drainMs: number): Promise<void>
}

/**
 * Opens a listener; rejects with `ListenError` when the place is taken.
 *
 * @example const listener = await openListener({ place: { host, port: 11311 }, settings, directory
 * }, daemon)
 */
export async function openListener(
  options: ListenerOptions,
  host: ListenerHost,
): Promise<Listener> {
  const secrets = options.tls && (await readTlsFiles(options.tls))
  const listener = new OpenListener(options, host, secrets)
  await listener.open()
  return listener
}

class OpenListener implements Listener, UpstreamHost {
  readonly turn: Turn
  readonly writer: ByteWriter
  readonly unbound: Statistics
  readonly scramKeys: ScramKeys
  readonly loginGuard: LoginGuard
  readonly delayedFlushes: DelayedFlushes
  readonly slowLog: Pick<SlowLog, 'thresholdMs' | 'see'>
  settings: Readonly<ListenerSettings>
  directory: BucketDirectory
  parsers: RequestParsers
  readonly #dataPort: DataPort | undefined
  readonly #place: ListenerPlace
  readonly #host: ListenerHost
  readonly #tls: TlsFiles | undefined
  readonly #server: net.Server | tls.Server
  readonly clients: ClientCounts = new ClientCounts()
  readonly #upstreams: Set<UpstreamConnection> = new Set()
  /** Below TLS, also while hands are shaken. */
  readonly #rawSockets: Set<net.Socket> = new Set()
  #sweepTimer: NodeJS.Timeout | undefined = undefined
  #draining = false
  #drained: () => void = () => {}
  #port = 0

  constructor(
    options: ListenerOptions,
    host: ListenerHost,
    secrets: tls.SecureContextOptions | undefined,
  ) {
    const { place, settings, directory } = options
    this.#place = place
    this.#host = host
    this.#tls = options.tls
    this.settings = settings
    this.directory = directory
    this.turn = host.turn
    this.writer = host.writer
    this.unbound = host.unbound
    this.scramKeys = host.scramKeys
    this.loginGuard = host.loginGuard
    this.delayedFlushes = host.delayedFlushes
    this.slowLog = host.slowLog
    this.parsers = new RequestParsers(settings.valueBytesMax, options.dataPort !== undefined)
    this.#dataPort =
      options.dataPort &&
      new DataPort(options.dataPort, () => ({ host: this.#hostName, port: this.#port }))
    this.#server = this.#createServer(secrets)
  }

  get address(): string {
    const place = this.#place
    if ('socketPath' in place) return place.socketPath
    return `${this.#hostName}:${this.#port}`
  }

  get port(): number {
    return this.#port
  }

  get #hostName(): string {
    const place = this.#place
    if ('socketPath' in place) return ''
    return place.host.includes(':') ? `[${place.host}]` : place.host
  }

  get connections(): number {
    return this.#upstreams.size
  }

  stats(args: string, bucket: Bucket): StatsAnswer | Promise<StatsAnswer> {
    return this.#host.stats(args, bucket, this)
  }

  async open(): Promise<void> {
    const place = this.#place
    const backlog = place.backlog ?? LISTEN_BACKLOG_DEFAULT
    if ('socketPath' in place) {
      await bindSocketFile(this.#server, place.socketPath, place.socketMode, backlog)
    } else {
      const { host, port, reusePort = false } = place
      try {
        this.#server.listen({ host, port, backlog, reusePort })
        await once(this.#server, 'listening')
      } catch (cause) {
        throw new ListenError(port, cause)
      }
      const bound = this.#server.address()
      this.#port = typeof bound === 'object' && bound !== null ? bound.port : port
    }
    this.#server.on('error', () => {})
  }

  update({ settings, directory }: Pick<ListenerOptions, 'settings' | 'directory'>): void {
    if (settings.valueBytesMax !== this.settings.valueBytesMax) {
      this.parsers = new RequestParsers(settings.valueBytesMax, this.#dataPort !== undefined)
    }
    this.settings = settings
    this.directory = directory
  }

  async reload(): Promise<void> {
    if (this.#tls === undefined || !(this.#server instanceof tls.Server)) return
    this.#server.setSecureContext(await readTlsFiles(this.#tls))
  }

  async stop(drainMs: number): Promise<void> {
    this.#draining = true
    if (this.#server.listening) this.#server.close()
    for (const upstream of this.#upstreams) upstream.end()
    if (this.#upstreams.size > 0) await this.#drain(drainMs)
    for (const upstream of this.#upstreams) upstream.destroy()
    for (const socket of this.#rawSockets) socket.destroy()
    clearInterval(this.#sweepTimer)
  }

  converse(owner: ConversationOwner): Conversation {
    return this.#dataPort === undefined
      ? new MemcachedConversation(this, owner)
      : new DataConversation(this.#dataPort, this, owner)
  }

  upstreamGone(connection: UpstreamConnection): void {
    if (!this.#upstreams.delete(connection)) return
    this.clients.closed(connection.remoteAddress)
    this.#host.connections.open--
    if (this.#upstreams.size === 0) this.#drained()
  }

  #createServer(secrets: tls.SecureContextOptions | undefined): net.Server | tls.Server {
    const options = {
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    }
    const accept = (socket: net.Socket): void => this.#accept(socket)
    if (secrets === undefined) return net.createServer(options, accept)
    const server = tls.createServer(
      { ...options, ...secrets, handshakeTimeout: this.settings.handshakeTimeoutMs },
      accept,
    )
    server.on('tlsClientError', (_error, socket) => {
      this.unbound.refusedConnections++
      socket.destroy()
    })
    server.on('connection', (socket: net.Socket) => {
      this.#rawSockets.add(socket)
      socket.once('close', () => this.#rawSockets.delete(socket))
    })
    server.maxConnections = this.#host.connections.max + HANDSHAKES_MAX
    return server
  }

  #accept(socket: net.Socket): void {
    const { connections } = this.#host
    if (this.#draining || connections.open >= connections.max) {
      this.unbound.refusedConnections++
      socket.on('error', () => {})
      socket.end(this.#dataPort === undefined ? FULL_REPLY : '')
      socket.destroySoon()
      return
    }
    connections.open++
    const upstream = new UpstreamConnection(socket, this)
    this.#upstreams.add(upstream)
    this.#sweepTimer ??= setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS)
    this.clients.opened(upstream.remoteAddress)
  }

  async #drain(drainMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#drained = resolve
    const timer = setTimeout(resolve, drainMs)
    await promise
    clearTimeout(timer)
  }

  #sweep(): void {
    // It begins again with the next connection: nothing wakes a proxy that nobody uses.
    if (this.#upstreams.size === 0) {
      clearInterval(this.#sweepTimer)
      this.#sweepTimer = undefined
    }
    const nowMs = performance.now()
    for (const upstream of this.#upstreams) upstream.sweep(nowMs)
  }
}
