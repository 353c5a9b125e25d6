import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  request,
  type ServerResponse,
} from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo, Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { MemcachedProcess } from '@holdfast/client/testing'
import express, { type Express } from 'express'
import {
  expressSession,
  type Middleware,
  makeMemorystore,
} from '../test-support/express-conformance/peers.ts'
import { startSlowLink } from '../test-support/slow-link.ts'
import { Browser, startSite } from '../test-support/test-site.ts'
import { type Session, type StoreSessionOptions, session } from './index.ts'
import type { SessionStoreLike } from './store-like.ts'

const require = createRequire(import.meta.url)
const BASE = { secret: 'drop-in-secret', resave: false, saveUninitialized: false }

async function listen(t: TestContext, handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function site(middleware: Middleware, addRoutes?: (app: Express) => void): Express {
  const app = express()
  app.use(middleware)
  app.get('/set', (req, res) => {
    Object.assign(req.session, req.query)
    res.redirect('/read')
  })
  app.get('/read', (req, res) => void res.json({ ...req.session, id: req.sessionID }))
  addRoutes?.(app)
  return app
}

/** A store that answers `set` late. */
function slowStore(setMs: number): SessionStoreLike {
  const store = new session.MemoryStore()
  const set = store.set.bind(store)
  store.set = (id, record, callback) => void setTimeout(() => set(id, record, callback), setMs)
  return store
}

test('a deployment can switch over and back with nobody logged out', async (t) => {
  const store = makeMemorystore()
  const before = await listen(t, site(expressSession({ ...BASE, store })))
  const after = await listen(t, site(session({ ...BASE, store })))
  const browser = new Browser()
  await browser.get(`${before}/set?user=ann`)
  const id = browser.sessionId
  const switched = await browser.get(`${after}/read`)
  assert.equal(switched.json.user, 'ann')
  await browser.get(`${after}/set?step=2`)
  const back = await browser.get(`${before}/read`)
  assert.deepEqual([back.json.user, back.json.step], ['ann', '2'])
  assert.equal(browser.sessionId, id)
  const fresh = new Browser()
  await fresh.get(`${after}/set?user=bob`)
  assert.equal((await fresh.get(`${before}/read`)).json.user, 'bob')
})

test('each of twenty redirects sees what a store of 100 ms has stored', async (t) => {
  const url = await listen(t, site(session({ ...BASE, store: slowStore(100) })))
  let seen = 0
  for (let n = 0; n < 20; n++) {
    const browser = new Browser()
    const redirected = await browser.get(`${url}/set?step=${n}`)
    assert.equal(redirected.status, 302)
    const page = await browser.get(url + redirected.headers.get('location'))
    if (page.json.step === String(n)) seen += 1
  }
  assert.equal(seen, 20)
})

test('each of twenty redirects sees what the engine has stored over a link of 100 ms', async (t) => {
  const store = await MemcachedProcess.start()
  const link = await startSlowLink(store.port, 100)
  const engine = await startSite({ memcachedNodes: link.address, sticky: false, storeWait: 5000 })
  t.after(async () => {
    await engine.close()
    await link.close()
    await store.kill()
  })
  const pages = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      const browser = new Browser()
      const redirected = await browser.get(`${engine.url}/redirect?step=${n}`)
      assert.equal(redirected.status, 302)
      return (await browser.get(`${engine.url}/read`)).json.step
    }),
  )
  assert.deepEqual(
    pages,
    Array.from({ length: 20 }, (_, n) => String(n)),
  )
})

for (const kind of ['store', 'engine'] as const) {
  const options =
    kind === 'store' ? BASE : { secret: 'x', memcachedNodes: '127.0.0.1:1', enabled: false }

  test(`passport logs in and out, and connect-flash tells once (${kind})`, async (t) => {
    const passport = require('passport')
    const { Passport, Strategy } = passport
    const flash = require('connect-flash')
    class Token extends Strategy {
      name = 'token'
      authenticate(this: InstanceType<typeof Strategy>, req: { query: { user?: string } }): void {
        if (req.query.user === undefined) this.fail()
        else this.success({ name: req.query.user })
      }
    }
    const auth = new Passport()
    auth.use(new Token())
    auth.serializeUser((user: { name: string }, done: (e: null, n: string) => void) =>
      done(null, user.name),
    )
    auth.deserializeUser((name: string, done: (e: null, user: object) => void) =>
      done(null, { name }),
    )
    const middleware = session(options)
    const url = await listen(
      t,
      site(middleware, (app) => {
        app.use(auth.session())
        app.use(flash())
        app.get('/login', auth.authenticate('token', { keepSessionInfo: true }), (req, res) => {
          Reflect.apply(Reflect.get(req, 'flash'), req, ['info', 'welcome'])
          res.redirect('/me')
        })
        app.get('/me', (req, res) => {
          const info: unknown = Reflect.apply(Reflect.get(req, 'flash'), req, ['info'])
          res.json({ user: Reflect.get(req, 'user'), info, cart: req.session.cart })
        })
        app.get('/logout', (req, res, next) => {
          Reflect.apply(Reflect.get(req, 'logout'), req, [
            (error: unknown) => (error ? next(error) : res.send('bye')),
          ])
        })
      }),
    )
    const browser = new Browser()
    await browser.get(`${url}/set?cart=full`)
    const planted = browser.sessionId
    assert.equal((await browser.get(`${url}/login?user=ann`)).status, 302)
    assert.notEqual(browser.sessionId, planted)
    const me = await browser.get(`${url}/me`)
    assert.deepEqual(me.json, { user: { name: 'ann' }, info: ['welcome'], cart: 'full' })
    assert.deepEqual((await browser.get(`${url}/me`)).json.info, [])
    assert.equal((await browser.get(`${url}/logout`)).text, 'bye')
    assert.equal((await browser.get(`${url}/me`)).json.user, undefined)
  })

  test(`a websocket's upgrade has its session, without a response (${kind})`, async (t) => {
    const middleware = session(options)
    const server = createServer(site(middleware)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    server.on('upgrade', (upgrade: IncomingMessage & { session: Session }, socket) => {
      middleware(upgrade, {} as ServerResponse, async () => {
        const { user } = upgrade.session
        upgrade.session.seen = 'upgrade'
        await upgrade.session.save()
        const head = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket'
        socket.end(`${head}\r\nx-user: ${user}\r\n\r\n`)
      })
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const browser = new Browser()
    await browser.get(`${url}/set?user=ann`)
    const headers = { cookie: browser.cookieHeader, connection: 'upgrade', upgrade: 'websocket' }
    const upgrading = request(url, { headers }).end()
    const [response, socket] = (await once(upgrading, 'upgrade')) as [IncomingMessage, Socket]
    socket.destroy()
    assert.equal(response.headers['x-user'], 'ann')
    assert.equal((await browser.get(`${url}/read`)).json.seen, 'upgrade')
  })

  test(`methods without a callback return promises, regenerate keeps what it is told (${kind})`, async (t) => {
    const url = await listen(
      t,
      site(session(options), (app) => {
        app.get('/promises', async (req, res) => {
          const { id } = req.session
          Object.assign(req.session, { user: 'ann', cart: [1], other: 1 })
          await req.session.save()
          await req.session.regenerate({ keep: ['user', 'cart', 'missing'] })
          assert.notEqual(req.session.id, id)
          const { cookie: _cookie, ...attributes } = req.session
          await req.session.save()
          await req.session.reload()
          const kept = req.session.user
          await req.session.destroy()
          assert.equal(req.session, undefined)
          res.json({ attributes, kept })
        })
      }),
    )
    const { json } = await new Browser().get(`${url}/promises`)
    assert.deepEqual(json, { attributes: { user: 'ann', cart: [1] }, kept: 'ann' })
  })

  test(`hostPrefix names the cookie and demands what browsers do (${kind})`, async (t) => {
    const secure = { secure: true }
    const url = await listen(
      t,
      site(session({ ...options, hostPrefix: true, proxy: true, cookie: secure })),
    )
    const page = await new Browser().get(`${url}/set?a=1`, {
      headers: { 'x-forwarded-proto': 'https' },
    })
    const header = page.headers.get('set-cookie') ?? ''
    assert.match(header, /^__Host-connect\.sid=s%3A.*; Path=\/; HttpOnly; Secure$/)
    for (const cookie of [
      {},
      { secure: 'auto' } as const,
      { ...secure, path: '/a' },
      { ...secure, domain: 'example.org' },
    ]) {
      const wrong = { ...options, hostPrefix: true, cookie }
      assert.throws(() => session(wrong), TypeError)
    }
  })
}

test('two middlewares over one store make their own sessions', async (t) => {
  const store = new session.MemoryStore()
  const app = express()
  const make = (name: string, maxAge: number, path: string): Middleware =>
    session({ ...BASE, store, name, cookie: { maxAge, path } } satisfies StoreSessionOptions)
  app.use(make('short', 60_000, '/short'))
  app.use(make('long', 3_600_000, '/long'))
  app.use((req, res) => {
    req.session.a = 1
    res.json(req.session.cookie.originalMaxAge)
  })
  const url = await listen(t, app)
  assert.equal((await new Browser().get(`${url}/short`)).text, '60000')
  assert.equal((await new Browser().get(`${url}/long`)).text, '3600000')
})

test('a store that never answers ends in an error, not in silence', async (t) => {
  const store = new session.MemoryStore()
  const wrong: StoreSessionOptions = {
    ...BASE,
    store,
    operationTimeout: 50,
    sessionBackupTimeout: 50,
  }
  const app = site(session(wrong))
  app.use(
    (
      error: { status?: number },
      _req: express.Request,
      res: express.Response,
      _next: express.NextFunction,
    ) => void res.status(error.status ?? 500).send('sorry'),
  )
  const url = await listen(t, app)
  const browser = new Browser()
  await browser.get(`${url}/set?a=1`)
  const { set } = store
  store.set = () => undefined
  assert.equal((await browser.get(`${url}/set?a=2`)).status, 503)
  store.set = set
  store.get = () => undefined
  assert.equal((await browser.get(`${url}/read`)).status, 503)
})

test('an engine session that cannot be stored is answered by the application’s error handler', async (t) => {
  const failing = await startSite({
    memcachedNodes: '127.0.0.1:1',
    sticky: false,
    operationTimeout: 100,
  })
  t.after(() => failing.close())
  const page = await new Browser().get(`${failing.url}/set?a=1`)
  assert.equal(page.status, 503)
  assert.equal(page.json.code, 'HOLDFAST_STORE_UNAVAILABLE')
  assert.equal(page.headers.get('set-cookie'), null)
})

test('a stream that cannot be stored is replaced, as its application cannot answer again', async (t) => {
  const failing = await startSite(
    { memcachedNodes: '127.0.0.1:1', sticky: false, operationTimeout: 100 },
    (app) => {
      app.get('/stream', async (req, res) => {
        req.session.a = 1
        res.write('begun')
        await delay(300)
        res.end('ended')
      })
    },
  )
  t.after(() => failing.close())
  const page = await new Browser().get(`${failing.url}/stream`)
  assert.equal(page.status, 503)
  assert.equal(page.text, 'session store is not available\n')
})
