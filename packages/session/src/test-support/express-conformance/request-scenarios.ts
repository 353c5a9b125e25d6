/*
 * Which session a request gets, and how its response and its store are treated.
 */
import { request as httpRequest } from 'node:http'
import type { Scenario, Site } from './scenario.ts'

const read = (site: Site): Promise<unknown> => site.get('/read')

function cookieOf(site: Site): string {
  return site.jar.get('connect.sid') ?? ''
}

export const REQUEST_SCENARIOS: readonly Scenario[] = [
  {
    topic: 'cookie sent',
    name: 'a changed signature, an unsigned id and an unknown id get a new id',
    run: async (site) => {
      await site.get('/set?a=1')
      const cookie = cookieOf(site)
      const forged = [`${cookie}x`, 's%3Aabc', 'abcdef', `x${cookie}`, '']
      const seen: unknown[] = []
      for (const value of forged) {
        seen.push(await site.get('/read', { cookie: `connect.sid=${value}` }))
      }
      return seen
    },
  },
  {
    topic: 'cookie sent',
    name: 'an id that was destroyed is not accepted again',
    routes: (app) =>
      app.get('/logout', (req, res) => {
        req.session.destroy(() => void res.send('bye'))
      }),
    run: async (site) => {
      await site.get('/set?a=1')
      const cookie = `connect.sid=${cookieOf(site)}`
      await site.get('/logout')
      return [await site.get('/read', { cookie }), await site.get('/set?b=1', { cookie })]
    },
  },
  {
    topic: 'cookie sent',
    name: 'quoted, among others, and a name that is part of another',
    run: async (site) => {
      await site.get('/set?a=1')
      const value = cookieOf(site)
      return [
        await site.get('/read', { cookie: `x=1; connect.sid="${value}"; y=2` }),
        await site.get('/read', { cookie: `xconnect.sid=${value}` }),
      ]
    },
  },
  {
    topic: 'cookie sent',
    name: 'two of one name: the first is taken',
    run: async (site) => {
      await site.get('/set?a=1')
      const cookie = `connect.sid=s%3Aforged.x; connect.sid=${cookieOf(site)}`
      return site.get('/read', { cookie })
    },
    differs: {
      store: 'the first that is signed by us and known to the store',
      engine: 'the first that is signed by us and known to the store',
    },
  },
  {
    topic: 'cookie sent',
    name: 'cookie-parser’s req.cookies stand in for the header',
    before: (app) =>
      app.use((req, _res, next) => {
        const { cookie } = req.headers
        if (cookie !== undefined) {
          const value = decodeURIComponent(cookie.slice('connect.sid='.length))
          Reflect.set(req, 'cookies', { 'connect.sid': value })
          delete req.headers.cookie
        }
        next()
      }),
    run: async (site) => [await site.get('/set?a=1'), await read(site)],
  },
  {
    topic: 'middleware',
    name: 'a second one leaves req.session as it is',
    before: (app) =>
      app.use((req, _res, next) => {
        if (req.url === '/own') Reflect.set(req, 'session', { own: true })
        next()
      }),
    routes: (app) => app.get('/own', (req, res) => void res.json(req.session)),
    run: async (site) => site.get('/own'),
  },
  {
    topic: 'middleware',
    name: 'Set-Cookie is added to what the application set',
    routes: (app) =>
      app.get('/cookies', (req, res) => {
        res.cookie('first', '1')
        req.session.a = 1
        res.cookie('second', '2')
        res.send('ok')
      }),
    run: async (site) => site.get('/cookies'),
  },
  {
    topic: 'middleware',
    name: 'an error of the application still stores what it had changed',
    routes: (app) =>
      app.get('/throw', (req) => {
        req.session.a = 1
        throw new Error('failed')
      }),
    run: async (site) => [await site.get('/throw'), await read(site)],
  },
  {
    topic: 'response',
    name: 'HEAD, redirects, 304 and a written head keep their form',
    routes: (app) => {
      app.get('/redirect', (req, res) => {
        req.session.a = 1
        res.redirect('/read')
      })
      app.get('/head', (req, res) => {
        req.session.b = 1
        res.writeHead(201, { 'x-own': 'yes' }).end('made')
      })
    },
    run: async (site) => [
      await site.get('/redirect'),
      await site.get('/head'),
      await read(site),
      await head(site),
    ],
  },
  {
    topic: 'response',
    name: 'what is changed after the first byte of a stream is stored',
    routes: (app) =>
      app.get('/stream', (req, res) => {
        req.session.early = 1
        res.write('a')
        setTimeout(() => {
          req.session.late = 1
          res.end('b')
        }, 20)
      }),
    run: async (site) => [await site.get('/stream'), await read(site)],
  },
  {
    topic: 'response',
    name: 'a second end does nothing',
    routes: (app) =>
      app.get('/twice', (req, res) => {
        req.session.a = 1
        res.end('once')
        res.end('twice')
      }),
    run: async (site) => site.get('/twice'),
  },
  {
    topic: 'store',
    name: 'get fails: the error goes to next; ENOENT is like a missing session',
    storeOnly: true,
    run: async (site) => {
      await site.get('/set?a=1')
      const failures: unknown[] = []
      for (const code of ['EIO', 'ENOENT']) {
        Reflect.set(site.store as object, 'get', (_id: string, callback: (e: Error) => void) => {
          setImmediate(callback, Object.assign(new Error('store is broken'), { code }))
        })
        failures.push(await read(site))
      }
      return failures
    },
  },
  {
    topic: 'store',
    name: 'set fails: the error goes to next',
    storeOnly: true,
    run: async (site) => {
      Reflect.set(
        site.store as object,
        'set',
        (_id: string, _session: object, callback: (e: Error) => void) => {
          setImmediate(callback, new Error('store is full'))
        },
      )
      return site.get('/set?a=1').catch(() => 'connection broken')
    },
    differs: {
      store:
        'the head has not been sent: the application’s error handler answers, and no cookie is set; express-session sends status 200 and the cookie, then breaks the connection',
    },
  },
  {
    topic: 'store',
    name: 'after disconnect requests have no session, after connect they have',
    storeOnly: true,
    routes: (app) =>
      app.get('/type', (req, res) => void res.json([typeof req.session, typeof req.sessionID])),
    run: async (site) => {
      const emit = (event: string): void => {
        Reflect.apply(Reflect.get(site.store as object, 'emit'), site.store, [event])
      }
      emit('disconnect')
      const away = await site.get('/type')
      emit('connect')
      return [away, await site.get('/type')]
    },
  },
  {
    topic: 'store',
    name: 'what is stored: the cookie’s members and the attributes as JSON',
    storeOnly: true,
    options: { cookie: { maxAge: 60_000, sameSite: 'lax' } },
    routes: (app) =>
      app.get('/stored', (req, res) => {
        req.sessionStore.get(req.sessionID, (_error, record) => {
          const { expires, originalMaxAge, ...cookie } = record.cookie
          // express-session reads the clock twice: a millisecond may be missing.
          const seconds = Math.round(originalMaxAge / 1000)
          const text = JSON.stringify({ ...record, cookie, seconds, expires: typeof expires })
          res.json(JSON.parse(text))
        })
      }),
    run: async (site) => [await site.get('/set?a=1'), await site.get('/stored')],
  },
  {
    topic: 'store',
    name: 'a reader whose session a slow writer changes does not bring back the older state',
    storeOnly: true,
    routes: (app) =>
      app.get('/slow-read', (req, res) => {
        const { a } = req.session
        setTimeout(() => res.json(a), 40)
      }),
    run: async (site) => {
      await site.get('/set?a=1')
      const slow = site.get('/slow-read')
      await site.get('/set?a=2')
      return [await slow, await read(site)]
    },
  },
  {
    topic: 'store',
    name: 'an old-style store: Store.call(this), __proto__ = Store.prototype',
    storeOnly: true,
    run: async (site) => {
      const { Store } = site.session
      const records = new Map<string, string>()
      function OldStore(this: object): void {
        Store.call(this)
      }
      Object.setPrototypeOf(OldStore.prototype, Store.prototype)
      Object.assign(OldStore.prototype, {
        get: (id: string, callback: (error: null, record?: unknown) => void) => {
          const text = records.get(id)
          callback(null, text === undefined ? undefined : JSON.parse(text))
        },
        set: (id: string, record: object, callback: () => void) => {
          records.set(id, JSON.stringify(record))
          callback()
        },
        destroy: (id: string, callback: () => void) => {
          records.delete(id)
          callback()
        },
      })
      const store: object = Reflect.construct(OldStore, [])
      const middleware = site.make({ store })
      return [typeof middleware, store instanceof Store, typeof Reflect.get(store, 'generate')]
    },
  },
]

/** `fetch` shows no difference between no body and an empty one. */
function head(site: Site): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const cookie = `connect.sid=${cookieOf(site)}`
    httpRequest(`${site.url}/none`, { method: 'HEAD', headers: { cookie } }, (response) => {
      response.resume()
      const length = response.headers['content-length']
      response.on('end', () => resolve([response.statusCode, length]))
    })
      .on('error', reject)
      .end()
  })
}
