// Koa, bare and with each session layer.
import { once } from 'node:events'
import holdfast from '@holdfast/session/koa'
import Koa, { type Context } from 'koa'
import koaSession from 'koa-session'
import { createClient } from 'redis'
import { RACES, type RacingSession } from './races.ts'
import type { ServerSettings } from './server-settings.ts'
import { login, memory, read, type VisitSession, write } from './visit.ts'

const ANSWERS: ReadonlyMap<string, (session: VisitSession) => object> = new Map([
  ['/login', login],
  ['/read', read],
  ['/write', write],
  ['/memory', memory],
])

export async function listen(kind: string, settings: ServerSettings): Promise<void> {
  const app = new Koa()
  app.keys = [settings.secret]
  await addSessionLayer(app, kind, settings)
  app.use(async (context: Context) => {
    const answer = ANSWERS.get(context.path)
    const race = RACES.get(context.path)
    if (answer !== undefined) context.body = answer(Reflect.get(context, 'session') as VisitSession)
    else if (race !== undefined) {
      context.body = await race(racing(context), context.query as Record<string, string>)
    }
  })
  await once(app.listen(settings.port, '127.0.0.1'), 'listening')
}

function racing(context: Context): RacingSession {
  const session = Reflect.get(context, 'session') as Record<string, unknown>
  const { update } = session
  return {
    attributes: session,
    end: () => {
      Reflect.set(context, 'session', null)
    },
    update: typeof update === 'function' ? (change) => update.call(session, change) : undefined,
  }
}

async function addSessionLayer(app: Koa, kind: string, { store }: ServerSettings): Promise<void> {
  switch (kind) {
    case 'koa': {
      // The bare server answers the same bytes.
      const visit: VisitSession = {}
      login(visit)
      Reflect.set(app.context, 'session', visit)
      return
    }
    case 'koa-holdfast':
      app.use(holdfast({ memcachedNodes: store, sticky: false }, app as never) as never)
      return
    case 'koa-session-redis': {
      const client = createClient({ url: `redis://${store}` })
      await client.connect()
      const redisStore = {
        get: async (key: string) => JSON.parse((await client.get(key)) ?? 'null') as object | null,
        set: async (key: string, value: object) => {
          await client.set(key, JSON.stringify(value), {
            expiration: { type: 'EX', value: 86_400 },
          })
        },
        destroy: async (key: string) => {
          await client.del(key)
        },
      }
      app.use(koaSession({ store: redisStore as never }, app))
      return
    }
    default:
      throw new Error(`no server for ${kind}`)
  }
}
