// Express, bare and with each session layer.
import { once } from 'node:events'
import holdfast from '@holdfast/session/express'
import { RedisStore } from 'connect-redis'
import express, { type Request, type RequestHandler } from 'express'
import session from 'express-session'
import memorystore from 'memorystore'
import { createClient } from 'redis'
import { RACES, type RacingSession } from './races.ts'
import type { ServerSettings } from './server-settings.ts'
import { login, memory, read, type VisitSession, write } from './visit.ts'

const COMMON = { resave: false, saveUninitialized: false }

export async function listen(kind: string, settings: ServerSettings): Promise<void> {
  const app = express()
  const middleware = await sessionLayer(kind, settings)
  if (middleware === undefined) {
    // The bare server answers the same bytes.
    const visit: VisitSession = {}
    login(visit)
    app.use((request, _response, next) => {
      Object.assign(request, { session: visit })
      next()
    })
  } else {
    app.use(middleware)
  }
  const sessionOf = (request: Request): VisitSession => request.session as VisitSession
  app.get('/login', (request, response) => response.json(login(sessionOf(request))))
  app.get('/read', (request, response) => response.json(read(sessionOf(request))))
  app.get('/write', (request, response) => response.json(write(sessionOf(request))))
  app.get('/memory', (_request, response) => response.json(memory()))
  for (const [path, race] of RACES) {
    app.get(path, async (request, response) => {
      response.json(await race(racing(request), request.query as Record<string, string>))
    })
  }
  await once(app.listen(settings.port, '127.0.0.1'), 'listening')
}

function racing(request: Request): RacingSession {
  const attributes = request.session as unknown as Record<string, unknown>
  return {
    attributes,
    end: () =>
      new Promise((resolve, reject) => {
        request.session.destroy((error: unknown) => (error ? reject(error) : resolve()))
      }),
    update: updateOf(attributes),
  }
}

function updateOf(session: object): RacingSession['update'] {
  const update: unknown = Reflect.get(session, 'update')
  return typeof update === 'function' ? (change) => update.call(session, change) : undefined
}

async function sessionLayer(
  kind: string,
  { store, secret }: ServerSettings,
): Promise<RequestHandler | undefined> {
  switch (kind) {
    case 'express':
      return undefined
    case 'express-holdfast-sticky':
      return holdfast({ memcachedNodes: store, secret, sticky: true }) as RequestHandler
    case 'express-holdfast':
    case 'express-holdfast-proxy':
      return holdfast({ memcachedNodes: store, secret, sticky: false }) as RequestHandler
    case 'express-session-memory':
      return session({ ...COMMON, secret })
    case 'express-session-memorystore': {
      const MemoryStore = memorystore(session)
      return session({ ...COMMON, secret, store: new MemoryStore({}) })
    }
    case 'express-session-redis':
    case 'express-session-redis-resave': {
      const client = createClient({ url: `redis://${store}` })
      await client.connect()
      const resave = kind === 'express-session-redis-resave'
      return session({ ...COMMON, resave, secret, store: new RedisStore({ client }) })
    }
    default:
      throw new Error(`no server for ${kind}`)
  }
}
