/**
 * The proxy's own HTTP port, for machines: /health for supervisors and balancers, /ready for
 * whoever decides about traffic, /metrics for Prometheus, and an index of these at /.
 *
 * Health says whether this process can take requests, not whether every shard has a primary this
 * instant: during a failover requests are held and answered, so it stays 200. Ready asks for every
 * bucket.
 */
import https from 'node:https'
import type { TlsOptions } from 'node:tls'
import { http } from '@holdfast/client'
import fastify, { type FastifyInstance } from 'fastify'
import { METRICS_CONTENT_TYPE, metricsText } from './metrics.ts'
import type { ProcessMetrics } from './process-meter.ts'
import type { BucketSnapshot, ProxySnapshot } from './stats-snapshot.ts'

/** What the HTTP server reports from. */
export interface HttpServerOptions {
  /** How the proxy stands, all workers summed. */
  snapshot: () => ProxySnapshot | Promise<ProxySnapshot>
  /** The metrics of each process that serves. */
  processes: () => Promise<readonly ProcessMetrics[]>
  tls?: TlsOptions | undefined
}

/** Builds the server; the caller listens and closes. */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { tls } = options
  const server = fastify({
    logger: false,
    forceCloseConnections: true,
    serverFactory: (handler) =>
      tls === undefined ? http.createServer(handler) : https.createServer(tls, handler),
  })
  serve(server, options)
  return server
}

function serve(server: FastifyInstance, { snapshot, processes }: HttpServerOptions): void {
  server.get('/', async (_request, reply) => {
    reply.header('Content-Type', 'text/plain; charset=utf-8')
    return 'holdfast proxy\n\n/health   200 while this process can take requests\n/ready    200 when every bucket is usable\n/metrics  for Prometheus\n'
  })
  server.get('/health', async (_request, reply) => {
    const health = healthOf(await snapshot())
    reply.code(health.ok ? 200 : 503)
    return health
  })
  server.get('/ready', async (_request, reply) => {
    const readiness = readinessOf(await snapshot())
    reply.code(readiness.ready ? 200 : 503)
    return readiness
  })
  server.get('/metrics', async (_request, reply) => {
    reply.header('Content-Type', METRICS_CONTENT_TYPE)
    return await metricsText(await snapshot(), await processes())
  })
}

/** The body of /health. */
export interface Health {
  ok: boolean
  draining: boolean
  workers: number
  /** These four are of the first bucket. */
  kind: BucketSnapshot['backend']['kind'] | 'none'
  bucket: string
  configRev: number
  servers: BucketSnapshot['backend']['servers']
  buckets: readonly BucketHealth[]
}

/** One bucket in /health and /ready. */
export interface BucketHealth {
  bucket: string
  kind: BucketSnapshot['backend']['kind']
  usable: boolean
  configRev: number
}

/** The body of /ready. */
export interface Readiness {
  ready: boolean
  draining: boolean
  /** Names of the buckets that cannot be used. */
  unusable: readonly string[]
}

/** A proxy whose buckets come and go is well without one; with some, one of them has to work. */
export function healthOf({ draining, workers, buckets }: ProxySnapshot): Health {
  const [first] = buckets
  const canServe = buckets.length === 0 || buckets.some(({ backend }) => backend.usable)
  return {
    ok: canServe && !draining,
    draining,
    workers,
    kind: first?.backend.kind ?? 'none',
    bucket: first?.name ?? '',
    configRev: first?.source.configRev ?? -1,
    servers: first?.backend.servers ?? [],
    buckets: buckets.map(({ name, backend, source }) => ({
      bucket: name,
      kind: backend.kind,
      usable: backend.usable,
      configRev: source.configRev,
    })),
  }
}

/** A proxy without a bucket serves nobody, so it is not ready. */
export function readinessOf({ draining, buckets }: ProxySnapshot): Readiness {
  const unusable = buckets.filter(({ backend }) => !backend.usable).map(({ name }) => name)
  return { ready: !draining && buckets.length > 0 && unusable.length === 0, draining, unusable }
}
