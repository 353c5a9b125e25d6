/**
 * The one model of what a proxy is to do. A configuration file (config-file.ts) and a command line
 * (arguments.ts) both come to this; the daemon (proxy.ts) knows nothing else. Checked by
 * config-schema.ts, which also says what each member means, its default and its bounds.
 */
import type { SocketLayer } from '@holdfast/client'

/** Servers, certificate and key files of a listener or of the HTTP port. */
export interface TlsConfig {
  certFile: string
  keyFile: string
  caFile?: string | undefined
  requireClientCertificate: boolean
}

/** One place where applications connect: a port or a unix socket. */
export interface ListenerConfig {
  /** Memcached's protocols for whoever, or the binary protocol by vBucket. */
  kind: 'memcached' | 'data'
  host: string
  port?: number | undefined
  socket?: string | undefined
  /** Octal permissions of the socket file. */
  socketMask: string
  backlog: number
  protocol: 'auto' | 'ascii' | 'binary'
  tls?: TlsConfig | undefined
  /** Bucket of connections that have not logged in; null wants a login. */
  bucket?: string | null | undefined
  plainLogins: boolean
}

/** A password in one of three places; `withSecrets` brings it to `password`. */
export interface SecretConfig {
  password?: string | undefined
  passwordFile?: string | undefined
  passwordEnvironment?: string | undefined
}

/** A bucket that a config server describes: Holdfast, Membase or Couchbase. */
export interface StoreBackendConfig extends SecretConfig {
  type: 'store'
  urls: string[]
  username?: string | undefined
}

/** Plain memcached servers. */
export interface MemcachedBackendConfig extends SecretConfig {
  type: 'memcached'
  servers: string[]
  distribution: 'ketama-weighted' | 'ketama' | 'libvbucket-ketama' | 'modula'
  protocol: 'text' | 'meta' | 'binary'
  username?: string | undefined
  connectionsPerServer: number
  ejectDead: boolean
}

/** A bucket config that never changes, written down. */
export interface MapBackendConfig extends SecretConfig {
  type: 'map'
  /** As a config server would send it. */
  config: Record<string, unknown>
  username?: string | undefined
}

/** Someone's own Valkey or Redis. */
export interface ValkeyBackendConfig extends SecretConfig {
  type: 'valkey'
  url: string
  username?: string | undefined
}

/** A folder on this machine. */
export interface EmbeddedBackendConfig {
  type: 'embedded'
  folder: string
}

export type BackendConfig =
  | StoreBackendConfig
  | MemcachedBackendConfig
  | MapBackendConfig
  | ValkeyBackendConfig
  | EmbeddedBackendConfig

/** A routing policy: its kind's own options, children by name. */
export interface RouteConfig {
  type: string
  [option: string]: unknown
}

/** A named keyspace and what stands behind it. */
export interface BucketSettings extends SecretConfig {
  /** Name of a backend or a route. */
  use: string
}

/** Another login that leads to a bucket. */
export interface UserConfig extends SecretConfig {
  bucket: string
}

/** A source of many buckets: saslBucketsStreaming. */
export interface GatewayConfig extends SecretConfig {
  urls: string[]
  username?: string | undefined
  /** Bucket of connections that have not logged in; `first` is the first listed. */
  defaultBucket: string
  first: boolean
}

export interface LimitsConfig {
  connectionsMax: number
  outstandingMax: number
  valueBytesMax: number
  operationTimeoutMs: number
  connectTimeoutMs: number
  idleTimeoutMs: number
  requestTimeoutMs: number
  blockedTimeoutMs: number
  handshakeTimeoutMs: number
  drainTimeoutMs: number
  backlogBytesMax: number
  backlogBytesLimit: number
  outstandingBytesMax: number
  loginFailuresMax: number
}

export interface HttpConfig {
  enabled: boolean
  host?: string | undefined
  port?: number | undefined
  tls?: TlsConfig | undefined
}

export interface LogConfig {
  level: 'error' | 'warn' | 'info' | 'debug' | 'trace'
  file?: string | undefined
  slowMs: number
  keys: boolean
}

/** What a proxy is to do. */
export interface ProxyConfig {
  listeners: ListenerConfig[]
  backends: Record<string, BackendConfig>
  routes: Record<string, RouteConfig>
  buckets: Record<string, BucketSettings>
  users: Record<string, UserConfig>
  gateways: GatewayConfig[]
  limits: LimitsConfig
  http: HttpConfig
  log: LogConfig
  workers: number
  sockets: SocketLayer
  stateFolder?: string | undefined
}

/** The bucket that connections use when nothing else is said. */
export const DEFAULT_BUCKET = 'default'

/** Name of the bucket of connections to `listener` that have not logged in; undefined is none. */
export function anonymousBucketName(
  config: ProxyConfig,
  listener: ListenerConfig,
): string | undefined {
  if (listener.bucket !== undefined) return listener.bucket ?? undefined
  const names = Object.keys(config.buckets)
  if (names.includes(DEFAULT_BUCKET)) return DEFAULT_BUCKET
  return names.length === 1 && config.gateways.length === 0 ? names[0] : undefined
}

/** What is wrong with a configuration, and where. */
export interface ConfigIssue {
  path: (string | number)[]
  message: string
}
