// Fastify, bare and with each session layer.
import cookie from '@fastify/cookie'
import fastifySession from '@fastify/session'
import holdfast from '@holdfast/session/fastify'
import { RedisStore } from 'connect-redis'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { createClient } from 'redis'
import { RACES, type RacingSession } from './races.ts'
import type { ServerSettings } from './server-settings.ts'
import { login, memory, read, type VisitSession, write } from './visit.ts'

export async function listen(kind: string, settings: ServerSettings): Promise<void> {
  const app = Fastify()
  await addSessionLayer(app, kind, settings)
  const sessionOf = (request: FastifyRequest): VisitSession => request.session as VisitSession
  app.get('/login', (request, reply) => reply.send(login(sessionOf(request))))
  app.get('/read', (request, reply) => reply.send(read(sessionOf(request))))
  app.get('/write', (request, reply) => reply.send(write(sessionOf(request))))
  app.get('/memory', (_request, reply) => reply.send(memory()))
  for (const [path, race] of RACES) {
    app.get(path, async (request) => race(racing(request), request.query as Record<string, string>))
  }
  await app.listen({ port: settings.port, host: '127.0.0.1' })
}

function racing(request: FastifyRequest): RacingSession {
  const { session } = request
  const update: unknown = Reflect.get(session, 'update')
  return {
    attributes: session as unknown as Record<string, unknown>,
    end: async () => {
      await session.destroy()
    },
    update: typeof update === 'function' ? (change) => update.call(session, change) : undefined,
  }
}

async function addSessionLayer(
  app: FastifyInstance,
  kind: string,
  { store, secret }: ServerSettings,
): Promise<void> {
  switch (kind) {
    case 'fastify': {
      // The bare server answers the same bytes.
      const visit: VisitSession = {}
      login(visit)
      app.decorateRequest('session', { getter: () => visit as never })
      return
    }
    case 'fastify-holdfast':
    case 'fastify-holdfast-sticky': {
      const sticky = kind === 'fastify-holdfast-sticky'
      await app.register(holdfast, {
        memcachedNodes: store,
        secret,
        sticky,
        cookie: { secure: false },
      })
      return
    }
    case 'fastify-session-memory':
      await app.register(cookie)
      await app.register(fastifySession, { secret, cookie: { secure: false } })
      return
    case 'fastify-session-redis': {
      const client = createClient({ url: `redis://${store}` })
      await client.connect()
      await app.register(cookie)
      await app.register(fastifySession, {
        secret,
        cookie: { secure: false },
        store: new RedisStore({ client }) as never,
      })
      return
    }
    default:
      throw new Error(`no server for ${kind}`)
  }
}
