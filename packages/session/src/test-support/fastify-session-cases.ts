/*
 * Conformance cases: `request.session` and its surroundings. See `fastify-cases.ts`.
 */
import {
  type Data,
  type FastifyCase,
  NOT_STORED,
  route,
  sessionOf,
  usualRoutes,
  visits,
} from './fastify-visits.ts'

export const SESSION_CASES: readonly FastifyCase[] = [
  {
    name: 'attributes are own enumerable properties beside `cookie`',
    observe: route({}, (_request, session) => [Object.keys(session), 'user' in session]),
  },
  {
    name: '`get` and `set`',
    observe: route(
      {},
      (_request, session) => {
        session.set('n' as never, 1 as never)
        return [session.get('user' as never), session.get('n' as never), session.n]
      },
      '/read',
    ),
  },
  {
    name: 'a deleted attribute is gone',
    observe: route({}, (_request, session) => delete session.user, '/read'),
  },
  {
    name: 'a change inside of an attribute is kept',
    observe: async (make) => {
      const site = await make({ rolling: false }, (app) => {
        usualRoutes(app)
        app.get('/push', async (request) => {
          const session = sessionOf(request)
          const list = (session.list ?? []) as number[]
          list.push(list.length)
          session.list = list
        })
      })
      return [await site.visit('/push'), await site.visit('/push'), await site.visit('/read')]
    },
  },
  {
    name: '`encryptedSessionId` is the cookie’s value',
    observe: async (make) => {
      const site = await make({}, (app) => {
        app.get('/', async (request) => request.session.encryptedSessionId)
      })
      const answer = await site.visit('/')
      return [answer, answer.body === site.named(site.jar.get('sessionId') ?? '')]
    },
  },
  {
    name: '`isModified` and `isSaved`',
    observe: route({ rolling: false }, async (_request, session) => {
      const seen = [session.isModified(), session.isSaved()]
      session.user = 'bob'
      seen.push(session.isModified())
      await session.save()
      return [...seen, session.isModified(), session.isSaved()]
    }),
  },
  {
    name: '`save` of an empty session sets the cookie',
    observe: async (make) => {
      const site = await make(NOT_STORED, (app) => {
        usualRoutes(app)
        app.get('/', async (request) => {
          await request.session.save()
          return request.session.isSaved()
        })
      })
      return [await site.visit('/'), await site.visit('/id'), await site.visit('/id')]
    },
  },
  {
    name: '`save`, `destroy`, `regenerate` and `reload` take a callback and return nothing',
    observe: async (make) => {
      const site = await make({}, (app) => {
        app.get('/', async (request) => {
          const seen: unknown[] = []
          for (const method of ['save', 'reload', 'regenerate', 'destroy'] as const) {
            const { promise, resolve } = Promise.withResolvers<unknown>()
            const returned: unknown = request.session[method](resolve)
            seen.push(method, String(returned), (await promise) ?? 'no error')
          }
          return [...seen, request.session]
        })
      })
      return site.visit('/')
    },
  },
  {
    name: '`regenerate` makes a fresh id and drops the attributes',
    observe: route(
      {},
      async (request, session) => {
        const before = session.sessionId
        await session.regenerate()
        return [before, request.session.sessionId, Object.keys(request.session)]
      },
      '/id',
      '/read',
    ),
  },
  {
    name: '`regenerate(keys)` keeps those attributes',
    observe: route(
      {},
      async (request, session) => {
        session.a = 1
        session.b = 2
        await session.regenerate(['a', 'missing'])
        return Object.keys(request.session).filter((key) => key !== 'missing')
      },
      '/read',
    ),
  },
  {
    name: '`destroy` takes the session away; the next request has a fresh one',
    observe: visits({}, '/set/user/ann', '/id', '/destroy', '/id', '/read'),
  },
  {
    name: '`reload` brings back what is stored',
    observe: route({}, async (request, session) => {
      session.user = 'bob'
      await session.reload()
      return sessionOf(request).user
    }),
  },
  {
    name: '`touch` and `options`',
    observe: route({ cookie: { secure: false, maxAge: 60_000 } }, (_request, session) => {
      session.touch()
      const first = session.cookie.originalMaxAge
      session.options({ maxAge: 120_000, sameSite: 'lax' })
      return [first, session.cookie.originalMaxAge, session.cookie.sameSite]
    }),
  },
  {
    name: '`cookie` has the original’s members in JSON',
    observe: route({ cookie: { secure: false } }, (_request, session) => session.cookie),
  },
  {
    name: '`cookie.maxAge` of one session is kept with it',
    observe: route(
      { rolling: false },
      (_request, session) => {
        session.cookie.maxAge = 60_000
        session.user = 'bob'
      },
      '/set/a/1',
    ),
  },
  {
    name: '`request.session = null` keeps the session out of this request only',
    observe: route(
      {},
      (request) => {
        Reflect.set(request, 'session', null)
        return request.session
      },
      '/read',
    ),
  },
  {
    name: 'a request whose handler throws stores its session',
    observe: visits({ rolling: false }, '/set/user/ann', '/fail', '/read'),
  },
  { name: 'a request that finds no route has a session', observe: visits({}, '/missing', '/id') },
  {
    name: '`request.sessionStore` has `get`, `set` and `destroy`',
    observe: route({}, (request) => {
      const { get, set, destroy } = request.sessionStore
      return [typeof get, typeof set, typeof destroy]
    }),
  },
  {
    name: '`sessionStore.get` gives the stored attributes',
    observe: route({}, (request, session) => {
      const { promise, resolve } = Promise.withResolvers<unknown>()
      request.sessionStore.get(session.sessionId, (error, found) => {
        resolve([error, Reflect.get(found ?? {}, 'user')])
      })
      return promise
    }),
  },
  {
    name: '`fastify.decryptSession` gives a session to any object',
    observe: async (make) => {
      const site = await make({}, (app) => {
        usualRoutes(app)
        app.get('/', async () => {
          const target: { session?: Data } = {}
          await new Promise((resolve) =>
            app.decryptSession(site.jar.get('sessionId') ?? '', target, { maxAge: 5 }, resolve),
          )
          const { user, cookie } = target.session ?? {}
          return [user, Reflect.get(Object(cookie), 'originalMaxAge')]
        })
      })
      return [await site.visit('/set/user/ann'), await site.visit('/')]
    },
  },
]
