import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { MemcachedProcess } from '@holdfast/client/testing'
import express, { type Express } from 'express'
import { session } from '../express/index.ts'
import type { StoredRecord } from '../express/store-like.ts'
import { expressSession, type SessionMaker } from '../test-support/express-conformance/peers.ts'
import { costOf, ttlOf } from '../test-support/memcached-counts.ts'
import { Browser, startSite } from '../test-support/test-site.ts'
import { HoldfastStore, type HoldfastStoreOptions } from './index.ts'

const require = createRequire(import.meta.url)
const SECRET = 'store-test-secret'

describe('HoldfastStore', () => {
  let memcached: MemcachedProcess
  before(async () => {
    memcached = await MemcachedProcess.start()
  })
  after(() => memcached.kill())

  function makeStore(t: TestContext, options: Partial<HoldfastStoreOptions> = {}): HoldfastStore {
    const store = new HoldfastStore({ memcachedNodes: memcached.address, ...options })
    t.after(() => store.close())
    return store
  }

  /** An application on one of the two middlewares. */
  async function startApp(t: TestContext, make: SessionMaker, store: object): Promise<string> {
    const app = express()
    app.use(make({ secret: SECRET, resave: false, saveUninitialized: false, store }))
    addRoutes(app)
    const server = createServer(app).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.close()
      server.closeAllConnections()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  test('costs one operation to read and two to change, with express-session', async (t) => {
    const url = await startApp(t, expressSession, makeStore(t))
    const browser = new Browser()
    const made = await costOf(memcached, () => browser.get(`${url}/set?user=ann`))
    assert.deepEqual(made, { gets: 0, sets: 1, touches: 0, deletes: 0 })
    // memcached counts a gats as a touch.
    const read = await costOf(memcached, async () => {
      assert.equal((await browser.get(`${url}/read`)).json.user, 'ann')
    })
    assert.deepEqual(read, { gets: 0, sets: 0, touches: 1, deletes: 0 })
    const changed = await costOf(memcached, () => browser.get(`${url}/set?b=2`))
    assert.deepEqual(changed, { gets: 0, sets: 1, touches: 1, deletes: 0 })
  })

  for (const [name, make] of [
    ['express-session', expressSession],
    ['our middleware', session as unknown as SessionMaker],
  ] as const) {
    test(`with ${name} twenty parallel requests lose no attribute`, async (t) => {
      const url = await startApp(t, make, makeStore(t))
      const browser = new Browser()
      await browser.get(`${url}/set?user=ann`)
      for (let round = 0; round < 3; round++) {
        await Promise.all(
          Array.from({ length: 20 }, (_, n) => browser.get(`${url}/slow-set?r${round}k${n}=1`)),
        )
      }
      const { json } = await browser.get(`${url}/read`)
      assert.equal(Object.keys(json).filter((key) => key.startsWith('r')).length, 60)
      assert.equal(json.user, 'ann')
    })

    test(`with ${name} a destroyed session is not brought back by a slow writer`, async (t) => {
      const store = makeStore(t)
      const url = await startApp(t, make, store)
      const browser = new Browser()
      await browser.get(`${url}/set?user=ann`)
      const id = browser.sessionId
      const slow = browser.get(`${url}/slow-set?late=1`)
      await delay(10)
      await browser.get(`${url}/logout`)
      await slow
      assert.equal(await store.get(id), null)
    })
  }

  test('save twice within one request stores both, and what others stored between', async (t) => {
    const store = makeStore(t)
    const url = await startApp(t, expressSession, store)
    const browser = new Browser()
    await browser.get(`${url}/set?user=ann`)
    const first = browser.get(`${url}/save-twice`)
    await delay(20)
    await browser.get(`${url}/set?other=1`)
    await first
    const record = await store.get(browser.sessionId)
    assert.deepEqual([record?.one, record?.two, record?.other], [1, 2, '1'])
  })

  test('a cookie’s life that another request changed meanwhile is kept, and the session’s age', async (t) => {
    const store = makeStore(t)
    const url = await startApp(t, expressSession, store)
    const browser = new Browser()
    const created = Date.now()
    await browser.get(`${url}/set?user=ann`)
    for (const slow of ['slow-set?a=1', 'slow-path?path=/']) {
      const late = browser.get(`${url}/${slow}`)
      await delay(10)
      await browser.get(`${url}/remember?seconds=${slow.length * 1000}`)
      await late
      const record = await store.get(browser.sessionId)
      assert.equal(Reflect.get(Object(record?.cookie), 'originalMaxAge'), slow.length * 1_000_000)
      assert.ok(Math.abs((await ttlOf(memcached, browser.sessionId)) - slow.length * 1000) <= 1)
    }
    const late = browser.get(`${url}/slow-remember?seconds=9000`)
    await delay(10)
    await browser.get(`${url}/remember?seconds=8000`)
    await late
    const record = await store.get(browser.sessionId)
    const life: unknown = Reflect.get(Object(record?.cookie), 'originalMaxAge')
    assert.equal(life, 9_000_000, 'both changed it: the later writer')
    assert.equal(record?.a, '1')
    const raw = await memcached.ask(Buffer.from(`get ${browser.sessionId}\r\nquit\r\n`))
    const [createdMs] = /(?<="created":)\d+/.exec(raw.toString()) ?? []
    assert.ok(Number(createdMs) - created < 1000, `made at ${createdMs}`)
  })

  test('a record has a cookie like other stores’, and its life is the key’s', async (t) => {
    const store = makeStore(t)
    const cookie = { originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000), path: '/a' }
    await store.set('record-1', { cookie: { ...cookie, sameSite: 'lax' }, user: 'ann' })
    const record = await store.get('record-1')
    const { expires, ...rest } = JSON.parse(JSON.stringify(record?.cookie))
    assert.deepEqual(rest, { originalMaxAge: 60_000, path: '/a', sameSite: 'lax' })
    assert.ok(Math.abs(Date.parse(expires) - Date.now() - 60_000) < 2000)
    assert.equal(await ttlOf(memcached, 'record-1'), 60)
    await store.touch('record-1', { cookie: { expires: new Date(Date.now() + 5000) } })
    assert.equal(await ttlOf(memcached, 'record-1'), 5)
    await store.set('record-1', { cookie: { expires: new Date(Date.now() - 1) }, user: 'ann' })
    assert.equal(await store.get('record-1'), null)
  })

  test('sessions without maxAge are kept for ttl', async (t) => {
    const store = makeStore(t, { ttl: 77 })
    await store.set('record-2', { cookie: {}, user: 'ann' })
    assert.equal(await ttlOf(memcached, 'record-2'), 77)
    assert.throws(() => makeStore(t, { ttl: 0 }), TypeError)
  })

  test('an id that cannot be a key is stored all the same', async (t) => {
    const store = makeStore(t)
    const id = `odd id ${'x'.repeat(300)}`
    await store.set(id, { cookie: {}, user: 'ann' })
    assert.equal((await store.get(id))?.user, 'ann')
    await store.destroy(id)
    assert.equal(await store.get(id), null)
  })

  test('a deployment can switch from it to the engine with nobody logged out', async (t) => {
    const url = await startApp(t, expressSession, makeStore(t))
    const engine = await startSite({
      memcachedNodes: memcached.address,
      sticky: false,
      secret: SECRET,
    })
    t.after(() => engine.close())
    const browser = new Browser()
    await browser.get(`${url}/set?user=ann`)
    const id = browser.sessionId
    const { json } = await browser.get(`${engine.url}/read`)
    assert.deepEqual([json.user, json.id], ['ann', id])
    await browser.get(`${engine.url}/set?step=2`)
    const back = await browser.get(`${url}/read`)
    assert.deepEqual([back.json.user, back.json.step], ['ann', '2'])
  })

  test('@fastify/session keeps its sessions in it', async (t) => {
    const fastify = require('fastify')()
    fastify.register(require('@fastify/cookie'))
    fastify.register(require('@fastify/session'), {
      secret: 'a secret that is longer than thirty-two characters',
      cookie: { secure: false },
      store: makeStore(t),
    })
    fastify.get('/count', (request: { session: { count?: number } }) => {
      request.session.count = (request.session.count ?? 0) + 1
      return { count: request.session.count }
    })
    t.after(() => fastify.close())
    const url = await fastify.listen({ port: 0, host: '127.0.0.1' })
    const browser = new Browser()
    for (const count of [1, 2, 3]) {
      assert.deepEqual((await browser.get(`${url}/count`)).json, { count })
    }
  })

  test('a store that is away is an error within its deadline', async (t) => {
    const store = new HoldfastStore({ memcachedNodes: '127.0.0.1:1', operationTimeout: 300 })
    t.after(() => store.close())
    const failed = Promise.withResolvers<unknown>()
    store.get('x', (error) => failed.resolve(error))
    const error = await failed.promise
    assert.equal(Reflect.get(error as object, 'code'), 'HOLDFAST_STORE_UNAVAILABLE')
    assert.equal((await store.health()).ok, false)
  })
})

function addRoutes(app: Express): void {
  app.get('/set', (req, res) => {
    Object.assign(req.session, req.query)
    res.json({ id: req.sessionID })
  })
  app.get('/read', (req, res) => {
    const { cookie: _cookie, ...attributes } = req.session as unknown as StoredRecord
    res.json(attributes)
  })
  app.get('/slow-set', async (req, res) => {
    await delay(30)
    Object.assign(req.session, req.query)
    res.json({})
  })
  const remember = (req: express.Request): void => {
    req.session.cookie.maxAge = Number(req.query.seconds) * 1000
    // express-session stores no change of the cookie alone.
    Object.assign(req.session, { remembered: req.query.seconds })
  }
  app.get('/remember', (req, res) => {
    remember(req)
    res.json({})
  })
  app.get('/slow-remember', async (req, res) => {
    await delay(30)
    remember(req)
    res.json({})
  })
  app.get('/slow-path', async (req, res) => {
    await delay(30)
    req.session.cookie.sameSite = 'lax'
    Object.assign(req.session, req.query)
    res.json({})
  })
  app.get('/save-twice', (req, res) => {
    Object.assign(req.session, { one: 1 })
    req.session.save(() => {
      setTimeout(() => {
        Object.assign(req.session, { two: 2 })
        res.json({})
      }, 60)
    })
  })
  app.get('/logout', (req, res) => {
    req.session.destroy(() => void res.send('bye'))
  })
}
