/**
 * What stands behind a proxy, by its URL list: a store cluster whose bucket config is followed, or
 * the embedded store of `embedded:DIR`. Both look the same to the daemon.
 */
import {
  type Backend,
  type BackendReport,
  BucketClient,
  ConfigFollower,
  EmbeddedStore,
  type Turn,
} from '@holdfast/client'
import type { BucketConfig } from '@holdfast/topology'
import type { Logger } from 'pino'
import { VERSION } from './version.ts'

const EMBEDDED_PREFIX = 'embedded:'
/** How a source stands, for health, statistics and metrics. */
export interface SourceReport {
  /** True once requests can be routed. */
  usable: boolean
  kind: 'cluster' | 'embedded'
  bucket: string
  configRev: number
  configsReceived: number
  configsRefused: number
  backend: BackendReport
}

/** A backend and where it gets its knowledge from. */
export interface BackendSource {
  readonly backend: Backend
  /** Resolves when requests can be routed for the first time. */
  readonly ready: Promise<void>
  report(): SourceReport
  stop(): Promise<void>
}

/** What a source is opened with. */
export interface SourceOptions {
  turn: Turn
  urls: readonly string[]
  credentials: { username: string; password: string } | undefined
  connectTimeoutMs: number
  valueBytesMax: number
  logger: Logger
}

/** Opens the backend that the URL list names. */
export function openSource(options: SourceOptions): BackendSource {
  const [first = ''] = options.urls
  if (first.startsWith(EMBEDDED_PREFIX)) {
    return openEmbedded(first.slice(EMBEDDED_PREFIX.length), options)
  }
  return followCluster(options)
}

function followCluster(options: SourceOptions): BackendSource {
  const { logger, turn, urls, credentials } = options
  const log = (level: 'info' | 'warn', message: string, fields: object): void => {
    logger[level](fields, message)
  }
  const { connectTimeoutMs, valueBytesMax } = options
  const bucket = new BucketClient({
    turn,
    connectTimeoutMs,
    valueBytesMax,
    log,
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  let bucketName = ''
  const onConfig = (config: BucketConfig, url: string): void => {
    if (config.holdfast === null) {
      logger.error(
        { url },
        'this config server is not a Holdfast store: its config names no engines',
      )
      return
    }
    const { rev } = config.holdfast
    const revBefore = bucket.rev
    if (!bucket.applyConfig(config.holdfast) || rev === revBefore) return
    bucketName = config.name
    logger.info({ bucket: bucketName, rev }, 'bucket config in use')
    resolve()
  }
  const follower = new ConfigFollower({ urls, credentials, version: VERSION, onConfig, log })
  follower.start()
  return {
    backend: bucket,
    ready: promise,
    report: () => ({
      usable: bucket.rev >= 0,
      kind: 'cluster',
      bucket: bucketName,
      configRev: bucket.rev,
      configsReceived: follower.counters.received,
      configsRefused: follower.counters.refused,
      backend: bucket.report(),
    }),
    stop: async () => {
      follower.stop()
      await bucket.stop()
    },
  }
}

function openEmbedded(folder: string, options: SourceOptions): BackendSource {
  const { turn, valueBytesMax } = options
  const store = new EmbeddedStore({ folder, turn, valueBytesMax })
  return {
    backend: store,
    ready: Promise.resolve(),
    report: () => ({
      usable: true,
      kind: 'embedded',
      bucket: 'default',
      configRev: 0,
      configsReceived: 0,
      configsRefused: 0,
      backend: store.report(),
    }),
    stop: () => store.stop(),
  }
}
