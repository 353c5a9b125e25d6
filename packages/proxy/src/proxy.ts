/**
 * The proxy as a library: listens for applications and passes their requests to the backends.
 * `startProxy` binds and fails early; requests are taken (held, at first) from then on, and the
 * proxy is `ready` with its first config. Nothing here knows command lines (arguments.ts) or
 * signals (run-proxy.ts). What serves is proxy-daemon.ts, in this process.
 */
import type { Logger } from 'pino'
import { checkConfig } from './config-schema.ts'
import type { ProxyConfig } from './proxy-config.ts'
import { ProxyDaemon } from './proxy-daemon.ts'
import { draftOfUrls } from './source-config.ts'

export { ListenError } from './listen-error.ts'

/** What a proxy is started with. */
export interface ProxyOptions {
  /** Address to listen on. */
  host: string
  /** Port to listen on; 0 takes a free one. */
  port: number
  /** Port of /health and /metrics; 0 takes a free one. Default: the next after `port`. */
  httpPort?: number | undefined
  /** URLs of a bucket's config stream, tried in turn; or one `valkey://...` or `embedded:DIR`. */
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
  /** `host:port` that applications connect to, or the path of a socket; the first of them. */
  readonly address: string
  /** All of them. */
  readonly addresses: readonly string[]
  /** `host:port` of /health and /metrics. */
  readonly httpAddress: string
  /** Resolves when the proxy can route: with the first config of each source. */
  readonly ready: Promise<void>
  /** Brings it to another configuration; rejects, and changes nothing, when that fails. */
  reload(config: ProxyConfig): Promise<void>
  /** Stops accepting, answers what is outstanding (within a limit), closes everything. */
  stop(): Promise<void>
}

/** Options that are no configuration. */
export class ProxyOptionsError extends Error {
  readonly code = 'HOLDFAST_PROXY_OPTIONS'
}

/**
 * Starts a proxy in this process; rejects with `ListenError` when a port is taken.
 *
 * @example
 * const proxy = await startProxy({ host: '127.0.0.1', port: 11311, urls, logger: pino() })
 * await proxy.ready
 */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  return await startConfiguredProxy(configOf(options), options.logger)
}

/** Starts a proxy by its whole configuration, in this process whatever `workers` says. */
export async function startConfiguredProxy(
  config: ProxyConfig,
  logger: Logger,
): Promise<RunningProxy> {
  const daemon = new ProxyDaemon({ config, logger })
  await daemon.start()
  return {
    get address() {
      return daemon.addresses[0] ?? ''
    },
    get addresses() {
      return daemon.addresses
    },
    get httpAddress() {
      return daemon.httpAddress
    },
    get ready() {
      return daemon.ready
    },
    reload: (changed) => daemon.reload(changed),
    stop: () => daemon.stop(),
  }
}

function configOf(options: ProxyOptions): ProxyConfig {
  const { host, port, httpPort, urls, credentials } = options
  const { operationTimeoutMs, connectTimeoutMs, connectionsMax } = options
  const { outstandingMax, valueBytesMax } = options
  const { config, issues } = checkConfig({
    listeners: [{ host, port }],
    ...draftOfUrls(urls, { credentials, defaultBucket: undefined }),
    limits: {
      operationTimeoutMs,
      connectTimeoutMs,
      connectionsMax,
      outstandingMax,
      valueBytesMax,
    },
    http: { port: httpPort },
  })
  if (config !== undefined) return config
  const lines = issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new ProxyOptionsError(lines.join('; '))
}
