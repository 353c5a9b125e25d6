/*
 * Fastify servers with our plugin over a real store, listening, for tests with a browser.
 */
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { type FastifySessionOptions, fastifySession } from '../fastify/index.ts'
import { PATIENT } from './test-site.ts'

export interface FastifyServer {
  url: string
  app: FastifyInstance
}

type AnySession = FastifyRequest['session'] & Record<string, unknown>

export const SERVER_SECRET = 'a secret of at least thirty-two characters'

const sessionOf = (request: FastifyRequest): AnySession => request.session as AnySession
const queryOf = (request: FastifyRequest): Record<string, string> =>
  request.query as Record<string, string>

export async function startFastify(
  options: Partial<FastifySessionOptions>,
): Promise<FastifyServer> {
  const app = fastify({ forceCloseConnections: true })
  await app.register(fastifySession, {
    secret: SERVER_SECRET,
    cookie: { secure: false },
    // What is counted and compared in tests is what the application did.
    saveUninitialized: false,
    rolling: false,
    cookieName: 'connect.sid',
    cookiePrefix: 's:',
    ...(options.memcachedNodes === undefined ? {} : PATIENT),
    ...options,
  })
  addRoutes(app)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, app }
}

function addRoutes(app: FastifyInstance): void {
  app.get('/none', async () => 'no session touched')
  app.get('/read', async (request) => ({ ...sessionOf(request), cookie: undefined }))
  app.get('/set', async (request) => {
    Object.assign(request.session, queryOf(request))
    return { id: request.session.sessionId }
  })
  app.get('/slow-set', async (request) => {
    await delay(30)
    Object.assign(request.session, queryOf(request))
    return { id: request.session.sessionId }
  })
  app.get('/redirect', (request, reply) => {
    Object.assign(request.session, queryOf(request))
    return reply.redirect('/read')
  })
  app.get('/increment', async (request) =>
    sessionOf(request).update((attributes) => {
      attributes.n = Number(attributes.n ?? 0) + 1
      return { n: attributes.n }
    }),
  )
  app.get('/destroy', async (request) => {
    await request.session.destroy()
    return {}
  })
  app.get('/hijack', (request, reply) => {
    reply.hijack()
    Object.assign(request.session, queryOf(request))
    reply.raw.writeHead(200, { 'content-type': 'text/plain' })
    reply.raw.end('raw')
  })
  app.get('/stream', (request, reply) => {
    const session = sessionOf(request)
    session.before = true
    const body = Readable.from(
      (async function* () {
        yield 'one'
        await delay(10)
        session.during = true
        yield 'two'
      })(),
    )
    return reply.type('text/plain').send(body)
  })
}
