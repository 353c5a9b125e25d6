/**
 * One process that serves: listeners before a directory of buckets, and the port for machines.
 * It knows configurations, not command lines or signals; alone it is the whole proxy, as one of
 * several workers (workers.ts) it asks its primary for what all of them have counted.
 */
import {
  type ClientLog,
  chooseSocketLayer,
  DelayedFlushes,
  Retirement,
  Turn,
} from '@holdfast/client'
import { ByteWriter, type ClientCount } from '@holdfast/protocol'
import type { Logger } from 'pino'
import type { Bucket } from './bucket.ts'
import { Directory } from './directory.ts'
import { type BucketPort, GatewayPorts } from './gateway-ports.ts'
import type { ConnectionLimit, Listener, ListenerHost } from './listener.ts'
import { LoginGuard } from './login-guard.ts'
import type { BackendSurroundings } from './opened-backend.ts'
import { ProcessMeter, type ProcessMetrics } from './process-meter.ts'
import { anonymousBucketName, type ProxyConfig } from './proxy-config.ts'
import { ProxyHttp } from './proxy-http.ts'
import { ProxyListeners } from './proxy-listeners.ts'
import { ProxyReports } from './report/proxy-reports.ts'
import { ScramKeys } from './scram-keys.ts'
import { SlowLog } from './slow-log.ts'
import { Statistics } from './statistics.ts'
import { answerStats, type StatsAnswer } from './stats-report.ts'
import type { StatsSettings } from './stats-row.ts'
import { collectSnapshot, type ProxySnapshot } from './stats-snapshot.ts'

/** Every config server refuses the credentials. */
export class SourceAuthenticationError extends Error {
  readonly code = 'HOLDFAST_SOURCE_AUTHENTICATION'

  constructor() {
    super('Authentication failure')
    this.name = 'SourceAuthenticationError'
  }
}

/** The other workers, as one of them sees them. */
export interface FellowWorkers {
  /** The sum over all workers. */
  snapshot(): Promise<ProxySnapshot>
  /** Has all of them set their counters back. */
  resetStatistics(): void
  /** There is something to report to the store. */
  wake(): void
}

/** What a daemon is made with. */
export interface ProxyDaemonOptions {
  config: ProxyConfig
  logger: Logger
  /** Without them it is alone, and serves HTTP itself. */
  fellows?: FellowWorkers | undefined
}

export class ProxyDaemon implements ListenerHost {
  readonly turn: Turn = new Turn()
  readonly writer: ByteWriter = new ByteWriter()
  readonly unbound: Statistics = new Statistics()
  readonly connections: ConnectionLimit
  readonly scramKeys: ScramKeys = new ScramKeys()
  readonly loginGuard: LoginGuard
  readonly delayedFlushes: DelayedFlushes
  readonly slowLog: Pick<SlowLog, 'thresholdMs' | 'see'>
  readonly #logger: Logger
  readonly #fellows: FellowWorkers | undefined
  readonly #directory: Directory
  readonly #listeners: ProxyListeners
  readonly #bucketPorts: GatewayPorts
  readonly #http: ProxyHttp
  /** Of a proxy that is one process; for several their primary reports. */
  readonly #reports: ProxyReports | undefined
  readonly #meter: ProcessMeter = new ProcessMeter()
  readonly #authentication: PromiseWithResolvers<never> = Promise.withResolvers()
  readonly #ready: Promise<void>
  #config: ProxyConfig
  #slow: SlowLog
  #draining = false

  constructor(options: ProxyDaemonOptions) {
    const { config, logger, fellows } = options
    this.#config = config
    this.#logger = logger
    this.loginGuard = new LoginGuard({
      report: (address, wrong) => logger.warn({ address, wrong }, 'wrong logins'),
    })
    const missing = chooseSocketLayer(config.sockets)
    if (missing !== '') logger.warn({ reason: missing }, 'no io_uring here: portable sockets serve')
    this.#fellows = fellows
    this.connections = { open: 0, max: config.limits.connectionsMax }
    this.delayedFlushes = new DelayedFlushes(config.limits.operationTimeoutMs)
    this.#slow = slowLogOf(config, logger)
    const daemon = this
    this.slowLog = {
      get thresholdMs() {
        return daemon.#slow.thresholdMs
      },
      see: (slot, ms, bucket) => this.#slow.see(slot, ms, bucket),
    }
    const surroundings = this.#surroundings(config)
    this.#reports =
      fellows === undefined
        ? new ProxyReports({
            config: () => this.#config,
            snapshots: async () => [this.snapshot()],
            logger,
          })
        : undefined
    this.#directory = new Directory(config, surroundings)
    this.#listeners = new ProxyListeners(this, (listed) => this.#directory.viewFor(listed))
    this.#bucketPorts = new GatewayPorts({
      open: (wanted) => this.#openBucketPort(wanted),
      log: surroundings.log,
    })
    this.#http = new ProxyHttp({
      snapshot: () => this.snapshot(),
      processes: async () => [await this.#meter.collect()],
    })
    this.#ready = Promise.race([this.#directory.ready, this.#authentication.promise]).then(() => {})
    // Whoever is interested awaits `ready`; nobody has to.
    this.#ready.catch(() => {})
  }

  /** Resolves when all that is configured can be routed; rejects when it never will. */
  get ready(): Promise<void> {
    return this.#ready
  }

  /** `host:port` or path of each listener. */
  get addresses(): string[] {
    return this.#listeners.listeners.map(({ address }) => address)
  }

  get httpAddress(): string {
    return this.#http.address
  }

  /** Binds; rejects with `ListenError` when a place is taken. */
  async start(): Promise<void> {
    try {
      const { commit } = await this.#listeners.prepare(this.#config)
      commit()
      await this.#applyHttp(this.#config)
      this.#reports?.start()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Brings the running proxy to a configuration; when that fails everything stays as it was. */
  async reload(config: ProxyConfig): Promise<void> {
    const listeners = await this.#listeners.prepare(config)
    let directory: ReturnType<Directory['prepare']> | undefined
    try {
      directory = this.#directory.prepare(config)
      await this.#applyHttp(config)
    } catch (error) {
      listeners.abandon()
      directory?.abandon()
      throw error
    }
    const { log } = this.#config
    const isSlowLogSame = log.slowMs === config.log.slowMs && log.keys === config.log.keys
    if (!isSlowLogSame) this.#slow = slowLogOf(config, this.#logger)
    this.#config = config
    this.connections.max = config.limits.connectionsMax
    this.#logger.level = config.log.level
    directory.commit()
    listeners.commit()
    await this.#listeners.reload()
  }

  async stop(): Promise<void> {
    this.#draining = true
    this.#reports?.stop()
    const { drainTimeoutMs } = this.#config.limits
    await Promise.all([
      this.#bucketPorts.stop(drainTimeoutMs),
      this.#listeners.stop(drainTimeoutMs),
    ])
    this.delayedFlushes.stop()
    await this.#directory.stop()
    await this.#http.stop()
  }

  stats(args: string, bucket: Bucket, listener: Listener): StatsAnswer | Promise<StatsAnswer> {
    const settings = this.#statsSettings(listener)
    const answer = (snapshot: ProxySnapshot): StatsAnswer => {
      const answered = answerStats(args, { snapshot, settings, bucketName: bucket.name })
      if (answered.kind === 'reset') {
        this.resetStatistics()
        this.#fellows?.resetStatistics()
      }
      return answered
    }
    if (this.#fellows === undefined) return answer(this.snapshot())
    return this.#fellows.snapshot().then(answer)
  }

  /** How this process stands. */
  snapshot(): ProxySnapshot {
    return collectSnapshot({
      buckets: () => this.#directory.buckets(),
      unbound: this.unbound,
      slow: this.#slow,
      startedAtMs: this.unbound.startedAtMs,
      draining: this.#draining,
      clients: () => this.#clients(),
      followed: () => this.#directory.followed(),
    })
  }

  async processMetrics(): Promise<ProcessMetrics> {
    return await this.#meter.collect()
  }

  resetStatistics(): void {
    this.unbound.reset()
    for (const { statistics } of this.#directory.buckets()) statistics.reset()
  }

  #clients(): ClientCount[] {
    const listeners = [...this.#listeners.listeners, ...this.#bucketPorts.listeners]
    return listeners.flatMap(({ clients }) => clients.list())
  }

  /** As the first port of the configuration, but for this bucket alone. */
  #openBucketPort({ bucket, port }: BucketPort): Promise<Listener> {
    const model = this.#config.listeners.find(
      (listed) => listed.socket === undefined && listed.kind !== 'data',
    )
    if (model === undefined) return Promise.reject(new Error('the proxy listens on no port'))
    return this.#listeners.openOther({ ...model, port, bucket }, this.#config)
  }

  async #applyHttp(config: ProxyConfig): Promise<void> {
    if (this.#fellows !== undefined) return
    const { listeners } = this.#listeners
    const memcached = listeners.filter((one) => this.#listeners.configOf(one)?.kind !== 'data')
    const ports = memcached.map(({ port }) => port)
    await this.#http.apply(config, ports)
  }

  #surroundings(config: ProxyConfig): BackendSurroundings {
    const log: ClientLog = (level, message, fields) => {
      this.#logger[level](fields, message)
    }
    return {
      turn: this.turn,
      limits: config.limits,
      stateFolder: config.stateFolder,
      log,
      retirement: new Retirement(() => this.#config.limits.operationTimeoutMs),
      onUnauthorized: () => this.#authentication.reject(new SourceAuthenticationError()),
      onNews: () => (this.#fellows ?? this.#reports)?.wake(),
      onBucketPorts: () => this.#bucketPorts.want(this.#directory.bucketPorts),
    }
  }

  #statsSettings(listener: Listener): StatsSettings {
    const { limits, gateways, backends } = this.#config
    const listed = this.#listeners.configOf(listener)
    const isSocket = listed?.socket !== undefined
    return {
      host: listed?.host ?? '',
      port: listener.port,
      socketPath: isSocket ? listener.address : '',
      protocol: listener.settings.protocol,
      connectionsMax: limits.connectionsMax,
      outstandingMax: limits.outstandingMax,
      operationTimeoutMs: limits.operationTimeoutMs,
      connectTimeoutMs: limits.connectTimeoutMs,
      valueBytesMax: limits.valueBytesMax,
      anonymousBucket: (listed && anonymousBucketName(this.#config, listed)) ?? '',
      dynamic: gateways.length > 0 || Object.values(backends).some(({ type }) => type === 'store'),
    }
  }
}

function slowLogOf(config: ProxyConfig, logger: Logger): SlowLog {
  const { slowMs, keys } = config.log
  return new SlowLog({ slowMs, keys, logger })
}
