/**
 * The proxy's own HTTP port, for machines: GET /health for balancers and supervisors, GET /metrics
 * for Prometheus. Health says whether this process can take requests, not whether every shard has a
 * primary this instant: during a failover requests are held and answered, so it stays 200.
 */
import fastify, { type FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import type { SourceReport } from './backend-source.ts'

/** What the HTTP server reports from. */
export interface HttpServerOptions {
  registry: Registry
  report: () => SourceReport
  draining: () => boolean
}

/** Builds the server; the caller listens and closes. */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { registry, report, draining } = options
  const server = fastify({ logger: false, forceCloseConnections: true })
  server.get('/health', async (_request, reply) => {
    const { usable, kind, bucket, configRev, backend } = report()
    const ok = usable && !draining()
    reply.code(ok ? 200 : 503)
    return { ok, draining: draining(), kind, bucket, configRev, servers: backend.servers }
  })
  server.get('/metrics', async (_request, reply) => {
    reply.header('Content-Type', registry.contentType)
    return await registry.metrics()
  })
  return server
}
