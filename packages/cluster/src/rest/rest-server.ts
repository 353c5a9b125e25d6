/**
 * The node's HTTP side on 8091: serves the routes of the tables, checks access, passes requests
 * that only the leader can answer on to it. Every error becomes a status and a body as in routes.
 */

import type { X509Certificate } from 'node:crypto'
import type { RequestListener } from 'node:http'
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import { LATE_MS_MAX } from '@holdfast/client'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { ZodError } from 'zod'
import { NotCommittedError } from '../document/document-writer.ts'
import { PeerError } from '../membership/peer-error.ts'
import { SLOW_MESSAGE_TIMEOUT_MS } from '../membership/peer-link.ts'
import type { StoreNode } from '../node.ts'
import type { NodeOptions } from '../options.ts'
import { type Caller, callerOf, challenge } from './access.ts'
import { ApiError } from './api-error.ts'
import { askPath, isOutOfReach, OUT_OF_REACH } from './ask-path.ts'
import { isForeign } from './browser-logins.ts'
import { serveConsole } from './console-files.ts'
import { HeartbeatListener } from './heartbeat-listener.ts'
import { isInner } from './inner-request.ts'
import type { Route, RouteContext } from './route.ts'
import { backupRoutes } from './routes-backup.ts'
import { bucketRoutes } from './routes-buckets.ts'
import { consoleRoutes } from './routes-console.ts'
import { eventRoutes } from './routes-events.ts'
import { failoverRoutes } from './routes-failover.ts'
import { groupRoutes } from './routes-groups.ts'
import { joinRoutes } from './routes-join.ts'
import { loginRoutes } from './routes-login.ts'
import { logRoutes } from './routes-logs.ts'
import { memberRoutes } from './routes-member.ts'
import { memberObserveRoutes } from './routes-member-observe.ts'
import { nodeReadRoutes } from './routes-node-read.ts'
import { nodeRoutes } from './routes-nodes.ts'
import { proxyReportRoutes } from './routes-proxy-reports.ts'
import { readRoutes } from './routes-read.ts'
import { rebalanceRoutes } from './routes-rebalance.ts'
import { sessionRoutes } from './routes-sessions.ts'
import { settingsRoutes } from './routes-settings.ts'
import { statsRoutes } from './routes-stats.ts'
import { memberTopologyRoutes, topologyRoutes } from './routes-topology.ts'
import { TlsListener } from './tls-listener.ts'
import type { PathAnswer, Viewer } from './watched-answers.ts'

const BODY_BYTES_MAX = 4 * 1024 * 1024
/** In a path: ids of sessions are long. */
const PARAMETER_CHARS_MAX = 512
/** A place that a wrong login holds is free again by then. */
const RETRY_AFTER_SECONDS = Math.ceil(LATE_MS_MAX / 1000)
/** Set on a request that a member has passed on: it is not passed on again. */
const FORWARDED_HEADER = 'x-holdfast-forwarded'

const FOREIGN = { message: 'Forbidden. A page of another origin may change nothing.' }

/** Routes of the public REST interface: the reference is made from this table. */
export const publicRoutes: readonly Route[] = [
  ...consoleRoutes,
  ...loginRoutes,
  ...eventRoutes,
  ...readRoutes,
  ...nodeReadRoutes,
  ...topologyRoutes,
  ...settingsRoutes,
  ...bucketRoutes,
  ...nodeRoutes,
  ...joinRoutes,
  ...rebalanceRoutes,
  ...failoverRoutes,
  ...groupRoutes,
  ...logRoutes,
  ...statsRoutes,
  ...proxyReportRoutes,
  ...backupRoutes,
  ...sessionRoutes,
]

const internalRoutes: readonly Route[] = [
  ...memberRoutes,
  ...memberObserveRoutes,
  ...memberTopologyRoutes,
]

export class RestServer {
  readonly #app: FastifyInstance
  readonly #node: StoreNode
  readonly #log: Logger
  readonly #heartbeats: HeartbeatListener
  #tls: TlsListener | null = null

  constructor(node: StoreNode, log: Logger) {
    this.#node = node
    this.#log = log
    this.#app = fastify({
      bodyLimit: BODY_BYTES_MAX,
      forceCloseConnections: true,
      routerOptions: { maxParamLength: PARAMETER_CHARS_MAX },
    })
    this.#heartbeats = new HeartbeatListener(node, this.#app.server)
    this.#app.addHook('onSend', async (_request, reply, payload) => {
      reply.header('server', `Membase Server ${node.version} (Holdfast)`)
      if (reply.hasHeader('cache-control')) return payload
      reply.header('pragma', 'no-cache').header('cache-control', 'no-cache')
      return payload
    })
    this.#app.setErrorHandler((error, request, reply) => this.#fail(error, request, reply))
    this.#app.setNotFoundHandler((request, reply) => notFound(request, reply))
    this.#app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) =>
      done(null, { text: String(text) }),
    )
  }

  /** Listens at once; a busy port rejects, and so do TLS files that cannot be used. */
  async listen(
    options: Pick<NodeOptions, 'host' | 'port' | 'tls' | 'consoleFolder'>,
  ): Promise<void> {
    const { host, port, tls } = options
    await this.#app.register(formbody, { bodyLimit: BODY_BYTES_MAX })
    await this.#app.register(cookie)
    for (const route of [...publicRoutes, ...internalRoutes]) this.#add(route)
    await serveConsole(this.#app, {
      folder: options.consoleFolder ?? null,
      source: () => this.#node.viewSource(),
    })
    await this.#app.ready()
    if (tls) {
      const serve: RequestListener = (request, response) => this.#app.routing(request, response)
      this.#tls = await TlsListener.listen(tls, host, serve, this.#log)
    }
    try {
      await this.#app.listen({ host, port })
    } catch (error) {
      await this.#tls?.close()
      throw error
    }
  }

  /** What a path answers to who watches it; asked within this process. */
  ask(path: string, viewer: Viewer): Promise<PathAnswer> {
    return askPath(this.#app, this.#node, path, viewer)
  }

  /** The certificate of the TLS port; null without one. */
  get certificate(): X509Certificate | null {
    return this.#tls?.certificate ?? null
  }

  async close(): Promise<void> {
    this.#heartbeats.close()
    await Promise.all([this.#tls?.close(), this.#app.close()])
  }

  #add(route: Route): void {
    this.#app.route({
      method: route.method,
      url: route.path,
      exposeHeadRoute: route.method === 'GET' && route.streams !== true,
      handler: async (request, reply) => {
        if (isOutOfReach(route, request)) throw new ApiError(406, OUT_OF_REACH)
        if (route.access === 'bucket') this.#requireBucket(request)
        const caller = await this.#callerOf(route, request)
        if (isUse(route, request)) this.#node.browserLogins.renew({ request, reply })
        if (route.leader && !(await this.#node.leads())) return this.#forward(request, reply)
        const result = await route.handle({
          node: this.#node,
          request,
          reply,
          caller,
          params: strings(request.params),
          query: strings(request.query),
          body: record(request.body),
        } satisfies RouteContext)
        if (!route.streams) return reply.send(result)
        return reply
      },
    })
  }

  /** By the header `authorization`, or else by the cookie of a browser that has logged in. */
  async #callerOf(route: Route, request: FastifyRequest): Promise<Caller> {
    if (isForeign(request)) throw new ApiError(403, FOREIGN)
    const login = route.access === 'member' ? null : this.#node.browserLogins.find(request)
    if (login !== null) return callerOf(login.role, route, request)
    return this.#node.logins.caller(route, request, this.#node.document)
  }

  /** As the original: an unknown bucket is a 404 before it is a 401. */
  #requireBucket(request: FastifyRequest): void {
    const name = strings(request.params).bucket
    if (this.#node.document.buckets.some((b) => b.name === name)) return
    throw new ApiError(404, 'Requested resource not found.\r\n')
  }

  async #forward(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const leader = this.#node.heartbeats.leader
    const link = leader === null ? null : this.#node.heartbeats.link(leader)
    if (!link || request.headers[FORWARDED_HEADER] !== undefined) {
      throw new ApiError(503, ['No leader: a majority of the members is not reachable.'])
    }
    const isJson = request.headers['content-type']?.startsWith('application/json') === true
    const answer = await fetch(`http://${link.address}${request.url}`, {
      method: request.method,
      headers: {
        authorization: `Bearer ${this.#node.document.secret}`,
        'content-type': isJson ? 'application/json' : 'application/x-www-form-urlencoded',
        [FORWARDED_HEADER]: '1',
      },
      body: bodyOf(request, isJson),
      redirect: 'manual',
      signal: AbortSignal.timeout(SLOW_MESSAGE_TIMEOUT_MS * 2),
    })
    reply.code(answer.status)
    reply.type(answer.headers.get('content-type') ?? 'text/plain')
    const location = answer.headers.get('location')
    if (location !== null) reply.header('location', location)
    return reply.send(await answer.text())
  }

  #fail(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (error instanceof ApiError) {
      const realm = error.status === 401 ? challenge(request) : null
      if (realm) reply.header('www-authenticate', realm)
      if (error.status === 429) reply.header('retry-after', RETRY_AFTER_SECONDS)
      const { body } = error
      if (typeof body === 'string' && body.startsWith('"')) reply.type('application/json')
      return reply.code(error.status).send(body)
    }
    if (error instanceof ZodError) return reply.code(400).send({ errors: error.issues })
    if (error instanceof NotCommittedError || error instanceof PeerError) {
      return reply.code(503).send([error.message])
    }
    const status = statusOf(error)
    if (status < 500) return reply.code(status).send(`${String(error)}\n`)
    // Not the path as it was sent: it may hold the id of a session.
    const { url } = request.routeOptions
    this.#log.error({ err: error, url }, 'request failed')
    return reply.code(500).send(['Unexpected server error, request logged.'])
  }
}

/** Whether a person is behind a request: then the login of the browser goes on. */
function isUse(route: Route, request: FastifyRequest): boolean {
  return !route.streams && !route.background && !isInner(request)
}

function statusOf(error: unknown): number {
  const code = error instanceof Error && 'statusCode' in error ? error.statusCode : 500
  return typeof code === 'number' ? code : 500
}

/** The original's answers for paths that it does not have, by method. */
function notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (request.method === 'DELETE' || request.method === 'PUT') {
    return reply.code(405).send('Method Not Allowed\r\n')
  }
  return reply.code(404).send('Requested resource not found.\r\n')
}

function bodyOf(request: FastifyRequest, isJson: boolean): string | URLSearchParams | null {
  if (request.method !== 'POST' && request.method !== 'PUT') return null
  return isJson ? JSON.stringify(request.body) : new URLSearchParams(strings(request.body))
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function strings(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(record(value)).map(([k, v]) => [k, String(v)]))
}
