/*
 * `req.session`, its methods and its cookie, as express-session documents and shows them.
 */
import type { Request } from 'express'
import type { Scenario } from './scenario.ts'

type Callback = (error?: unknown) => void

/** `req.session` without our types: what is called here is called on either make. */
interface AnySession {
  [name: string]: unknown
  id: string
  cookie: Record<string, unknown>
  save(callback?: Callback): unknown
  reload(callback?: Callback): unknown
  destroy(callback?: Callback): unknown
  regenerate(callback?: Callback): unknown
  touch(): unknown
  resetMaxAge(): unknown
}

function sessionOf(req: Request): AnySession {
  const session: unknown = Reflect.get(req, 'session')
  return session as AnySession
}

const HIDDEN = ['id', 'req', 'save', 'reload', 'destroy', 'regenerate', 'touch', 'resetMaxAge']

export const SESSION_SCENARIOS: readonly Scenario[] = [
  {
    topic: 'req.session',
    name: 'attributes and cookie are its enumerable properties, members are hidden',
    routes: (app) =>
      app.get('/shape', (req, res) => {
        const session = sessionOf(req)
        session.user = 'ann'
        session.nested = { list: [1] }
        const looped: string[] = []
        for (const name in session) looped.push(name)
        res.json({
          keys: Object.keys(session),
          looped,
          spread: Object.keys({ ...session }),
          json: JSON.parse(JSON.stringify(session)),
          members: HIDDEN.map((name) => [name, name in session]),
          isPlain: Array.isArray(session),
          missing: session.missing === undefined,
        })
      }),
    run: async (site) => site.get('/shape'),
  },
  {
    topic: 'req.session',
    name: 'is an instance of session.Session, its cookie one of session.Cookie',
    run: async (site) => {
      const seen: unknown[] = []
      const middleware = site.make({})
      const request = { url: '/', method: 'GET', headers: {}, socket: {} }
      const response = { on() {}, writeHead() {}, flushHeaders() {}, write() {}, end() {} }
      await new Promise<void>((resolve) => {
        middleware(request as never, response as never, () => {
          const session = Reflect.get(request, 'session') as AnySession
          seen.push(session instanceof site.session.Session)
          seen.push(session.cookie instanceof site.session.Cookie)
          resolve()
        })
      })
      return seen
    },
    storeOnly: true,
  },
  {
    topic: 'req.session',
    name: 'id and req cannot be assigned',
    routes: (app) =>
      app.get('/assign', (req, res) => {
        const session = sessionOf(req)
        const refused = ['id', 'req'].map((name) => {
          try {
            session[name] = 'mine'
            return `${name} assigned`
          } catch (error) {
            return error instanceof TypeError
          }
        })
        res.json({ refused, same: session.id === req.sessionID, req: session.req === req })
      }),
    run: async (site) => site.get('/assign'),
  },
  {
    topic: 'req.session',
    name: 'methods may be replaced, and what replaces them is not stored',
    routes: (app) =>
      app.get('/replace', (req, res) => {
        const session = sessionOf(req)
        session.a = 1
        session.regenerate = (callback) => callback?.()
        session.save = (callback) => callback?.()
        session.regenerate(() => res.json({ called: true }))
      }),
    run: async (site) => [await site.get('/replace')].map(({ status, body }) => ({ status, body })),
  },
  {
    topic: 'req.session',
    name: 'a change deep inside of an attribute is stored',
    routes: (app) => {
      app.get('/deep', (req, res) => {
        const session = sessionOf(req)
        session.cart ??= { items: [] }
        const { items } = session.cart as { items: number[] }
        items.push(items.length)
        res.json(items)
      })
    },
    run: async (site) => [
      await site.get('/deep'),
      await site.get('/deep'),
      await site.get('/deep'),
    ],
  },
  {
    topic: 'req.session',
    name: 'a deleted attribute is gone',
    routes: (app) => {
      app.get('/forget', (req, res) => {
        delete sessionOf(req).a
        res.send('ok')
      })
    },
    run: async (site) => [
      await site.get('/set?a=1&b=2'),
      await site.get('/forget'),
      await site.get('/read'),
    ],
  },
  {
    topic: 'req.session',
    name: 'a Date is text at the next request',
    routes: (app) => {
      app.get('/date', (req, res) => {
        const session = sessionOf(req)
        const before = typeof session.since
        session.since ??= new Date(0)
        res.json(before)
      })
    },
    run: async (site) => [await site.get('/date'), await site.get('/date')],
    differs: { engine: 'a Date stays a Date (so do Map, Set, Buffer and BigInt)' },
  },
  {
    topic: 'session.save',
    name: 'stores now, calls back without an error and returns nothing',
    routes: (app) =>
      app.get('/save', (req, res) => {
        const session = sessionOf(req)
        session.a = 1
        const returned = session.save((error) => {
          res.json({ error: error ?? null, returned: returned === undefined })
        })
      }),
    run: async (site) => [await site.get('/save'), site.calls(), await site.get('/read')],
  },
  {
    topic: 'session.save',
    name: 'without a callback is allowed',
    routes: (app) =>
      app.get('/save', (req, res) => {
        sessionOf(req).a = 1
        void sessionOf(req).save()
        res.send('ok')
      }),
    run: async (site) => [await site.get('/save'), await site.get('/read')],
  },
  {
    topic: 'session.reload',
    name: 'brings back what is stored',
    routes: (app) =>
      app.get('/reload', (req, res) => {
        sessionOf(req).a = 'changed'
        const returned = sessionOf(req).reload((error) => {
          const { a } = sessionOf(req)
          res.json({ error: error ?? null, a, returned: returned === undefined })
        })
      }),
    run: async (site) => [
      await site.get('/set?a=1'),
      await site.get('/reload'),
      await site.get('/read'),
    ],
    differs: { sticky: 'local memory is the master: there is nothing else to bring back' },
  },
  {
    topic: 'session.reload',
    name: 'of a session that is not stored is the error "failed to load session"',
    routes: (app) =>
      app.get('/reload', (req, res) => {
        sessionOf(req).reload((error) => {
          res.json({ message: error instanceof Error ? error.message : 'none' })
        })
      }),
    run: async (site) => site.get('/reload'),
  },
  {
    topic: 'session.destroy',
    name: 'takes the session from the request at once, returns it, and ends it',
    routes: (app) =>
      app.get('/destroy', (req, res) => {
        const session = sessionOf(req)
        const returned = session.destroy((error) => {
          res.json({ error: error ?? null, same: returned === session, after })
        })
        const after = [typeof sessionOf(req), 'session' in req, typeof req.sessionID]
      }),
    run: async (site) => {
      const first = await site.get('/set?a=1')
      const cookie = site.jar.get('connect.sid') ?? ''
      const seen = [first, await site.get('/destroy')]
      site.jar.set('connect.sid', cookie)
      return [...seen, await site.get('/read')]
    },
  },
  {
    topic: 'session.destroy',
    name: 'without a callback is allowed',
    routes: (app) =>
      app.get('/destroy', (req, res) => {
        void sessionOf(req).destroy()
        setTimeout(() => res.send('ok'), 30)
      }),
    run: async (site) => [
      await site.get('/set?a=1'),
      await site.get('/destroy'),
      await site.get('/read'),
    ],
  },
  {
    topic: 'session.regenerate',
    name: 'gives a new id and an empty session, and ends the old one',
    routes: (app) =>
      app.get('/regenerate', (req, res) => {
        const before = sessionOf(req)
        const oldId = before.id
        const returned = before.regenerate((error) => {
          const fresh = sessionOf(req)
          const facts = {
            error: error ?? null,
            a: fresh.a,
            isNewId: fresh.id !== oldId && fresh.id === req.sessionID,
            same: returned === before,
            replaced: fresh !== before,
          }
          fresh.b = 2
          res.json(facts)
        })
      }),
    run: async (site) => {
      const first = await site.get('/set?a=1')
      const cookie = site.jar.get('connect.sid') ?? ''
      const seen = [first, await site.get('/regenerate'), await site.get('/read')]
      return [...seen, await site.get('/read', { cookie: `connect.sid=${cookie}` })]
    },
  },
  {
    topic: 'session.regenerate',
    name: 'by req.sessionStore.regenerate(req, callback)',
    routes: (app) =>
      app.get('/regenerate', (req, res) => {
        const { sessionStore } = req
        const oldId = req.sessionID
        sessionStore.regenerate(req as never, (error) => {
          res.json({ error: error ?? null, isNewId: oldId !== req.sessionID })
        })
      }),
    run: async (site) => [await site.get('/set?a=1'), await site.get('/regenerate')],
    differs: {
      engine: 'a new session that holds nothing sets no cookie with `saveUninitialized: false`',
    },
  },
  {
    topic: 'session.touch',
    name: 'and resetMaxAge return the session and give the cookie its first life again',
    options: { cookie: { maxAge: 60_000 } },
    routes: (app) =>
      app.get('/touch', (req, res) => {
        const session = sessionOf(req)
        const seconds = Math.round(Number(session.cookie.originalMaxAge) / 1000)
        const near = (value: unknown): boolean => Math.abs(Number(value) - 60_000) < 20_000
        res.json({
          seconds,
          touch: session.touch() === session,
          reset: session.resetMaxAge() === session,
          near: near(session.cookie.maxAge),
          expires: session.cookie.expires instanceof Date,
        })
      }),
    run: async (site) => site.get('/touch'),
  },
  {
    topic: 'session.cookie',
    name: 'maxAge can be set for one session, and lasts',
    routes: (app) =>
      app.get('/remember', (req, res) => {
        const session = sessionOf(req)
        session.a = 1
        session.cookie.maxAge = 3_600_000
        res.json(Math.round(Number(session.cookie.originalMaxAge) / 1000))
      }),
    run: async (site) => [
      await site.get('/remember'),
      await site.get('/read'),
      await site.get('/set?b=2'),
    ],
  },
  {
    topic: 'session.cookie',
    name: 'a change of maxAge alone, of a session that exists, is not told to the browser',
    routes: (app) =>
      app.get('/remember', (req, res) => {
        sessionOf(req).cookie.maxAge = 3_600_000
        res.send('ok')
      }),
    run: async (site) => [await site.get('/set?a=1'), await site.get('/remember')],
    differs: { engine: 'it is: the cookie is set with its new end' },
  },
  {
    topic: 'session.cookie',
    name: 'expires = null makes it end with the browser',
    options: { cookie: { maxAge: 60_000 } },
    routes: (app) =>
      app.get('/short', (req, res) => {
        const session = sessionOf(req)
        session.a = 1
        session.cookie.expires = null
        res.json([session.cookie.maxAge, session.cookie.originalMaxAge])
      }),
    run: async (site) => site.get('/short'),
  },
  {
    topic: 'session.cookie',
    name: 'its other attributes can be set for one response',
    routes: (app) =>
      app.get('/attributes', (req, res) => {
        const session = sessionOf(req)
        session.a = 1
        Object.assign(session.cookie, {
          domain: 'example.org',
          path: '/shop',
          httpOnly: false,
          sameSite: 'strict',
          priority: 'low',
          partitioned: true,
        })
        res.json(JSON.parse(JSON.stringify(session.cookie)))
      }),
    run: async (site) => site.get('/attributes'),
  },
  {
    topic: 'session.Cookie',
    name: 'its own properties, its JSON and its serialized form',
    run: async (site) => {
      const { Cookie } = site.session
      const plain = new Cookie()
      const full = new Cookie({ path: '/a', secure: true, sameSite: true, domain: 'example.org' })
      const call = (cookie: object, name: string, ...args: unknown[]): unknown =>
        Reflect.apply(Reflect.get(cookie, name), cookie, args)
      return [
        Object.keys(plain),
        JSON.stringify(plain),
        call(plain, 'serialize', 'sid', 'a b'),
        call(full, 'serialize', 'sid', 'x'),
        JSON.stringify(full),
        Reflect.get(new Cookie({ originalMaxAge: 5, maxAge: 9 }), 'originalMaxAge'),
        Reflect.get(new Cookie({ maxAge: null }), 'expires'),
      ]
    },
    storeOnly: true,
  },
  ...[
    ['options that are no object', 'x'] as const,
    ['a maxAge that is text', { maxAge: 'x' }] as const,
  ].map(
    ([name, options]): Scenario => ({
      topic: 'session.Cookie',
      name: `${name}: a TypeError`,
      run: async (site) => new site.session.Cookie(options),
      storeOnly: true,
    }),
  ),
]
