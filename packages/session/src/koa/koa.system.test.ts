import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { MemcachedProcess } from '@holdfast/client/testing'
import Koa from 'koa'
import { makeSession } from '../test-support/koa-sites.ts'
import { recordingKoaStore } from '../test-support/koa-visits.ts'
import { costOf, flush } from '../test-support/memcached-counts.ts'
import { startSlowLink } from '../test-support/slow-link.ts'
import { AWAY_AFTER_MS, Browser, eventually, PATIENT } from '../test-support/test-site.ts'
import { type KoaSessionOptions, session } from './index.ts'

interface KoaServer {
  url: string
  app: Koa
  close: () => Promise<void>
}

async function listen(app: Koa, close: () => Promise<void>): Promise<KoaServer> {
  app.silent = true
  const server = createServer(app.callback()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    app,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await close()
    },
  }
}

function newApp(): Koa {
  const app = new Koa()
  app.keys = ['holdfast-koa-key']
  return app
}

async function start(options: KoaSessionOptions): Promise<KoaServer> {
  const app = newApp()
  const patience = options.memcachedNodes === undefined ? {} : PATIENT
  const sessions = session({ ...patience, ...options }, app)
  app.use(sessions)
  app.use(handle)
  return listen(app, () => sessions.close())
}

async function handle(ctx: Koa.Context): Promise<void> {
  const held = ctx.session
  if (ctx.path === '/destroy') ctx.session = null
  if (ctx.path === '/redirect') ctx.redirect('/read')
  if (ctx.path === '/slow-set') await delay(30)
  if (ctx.path === '/update') {
    await held?.update((attributes) => {
      attributes.n = Number(attributes.n ?? 0) + 1
    })
  } else if (ctx.path === '/regenerate') {
    await held?.regenerate()
  }
  if (held !== null && ctx.path !== '/read') Object.assign(held, ctx.query)
  if (ctx.path === '/throw') throw new Error('handler failed')
  ctx.body = ctx.path === '/stream' ? streamOf(held) : { ...held?.toJSON() }
}

function streamOf(held: Koa.Context['session']): Readable {
  return Readable.from(
    (async function* () {
      yield 'one'
      await delay(10)
      if (held !== null) held.during = 1
      yield 'two'
    })(),
  )
}

const key = (browser: Browser): string => browser.cookies.get('koa.sess') ?? ''

describe('Koa, non-sticky, on two servers', () => {
  let store: MemcachedProcess
  let app1: KoaServer
  let app2: KoaServer
  before(async () => {
    store = await MemcachedProcess.start()
    const options = { memcachedNodes: store.address, sticky: false }
    app1 = await start(options)
    app2 = await start(options)
  })
  after(async () => {
    await app1.close()
    await app2.close()
    await store.kill()
  })

  test('no session costs nothing, a read one operation, a write one more', async () => {
    const browser = new Browser()
    const free = await costOf(store, () => browser.get(`${app1.url}/read`))
    assert.deepEqual(free, { gets: 0, sets: 0, touches: 0, deletes: 0 })
    assert.equal(browser.cookies.size, 0)
    const created = await costOf(store, () => browser.get(`${app1.url}/set?a=1`))
    assert.deepEqual(created, { gets: 0, sets: 1, touches: 0, deletes: 0 })
    const read = await costOf(store, () => browser.get(`${app2.url}/read`))
    assert.deepEqual(read, { gets: 0, sets: 0, touches: 1, deletes: 0 })
    const written = await costOf(store, () => browser.get(`${app1.url}/set?a=2`))
    assert.deepEqual(written, { gets: 0, sets: 1, touches: 1, deletes: 0 })
  })

  test('a request that throws stores its session', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?a=1`)
    assert.equal((await browser.get(`${app1.url}/throw?b=2`)).status, 500)
    assert.deepEqual((await browser.get(`${app2.url}/read`)).json, { a: '1', b: '2' })
  })

  test('parallel requests and updates on both servers lose nothing', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const urls = [app1.url, app2.url]
    await Promise.all([
      ...Array.from({ length: 20 }, (_, n) => browser.get(`${urls[n % 2]}/slow-set?k${n}=1`)),
      ...Array.from({ length: 20 }, (_, n) => browser.get(`${urls[n % 2]}/update`)),
    ])
    const { json } = await browser.get(`${app1.url}/read`)
    assert.equal(Object.keys(json).length, 22)
    assert.equal(json.n, 20)
  })

  test('`ctx.session = null` ends it everywhere, also for a slower request', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const old = new Browser()
    for (const [name, value] of browser.cookies) old.cookies.set(name, value)
    const slow = old.get(`${app2.url}/slow-set?late=1`)
    await browser.get(`${app1.url}/destroy`)
    await slow
    assert.deepEqual((await old.get(`${app2.url}/read`)).json, {})
  })

  test('`regenerate` gives a fresh key with the same content, and the old key is void', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const planted = new Browser()
    for (const [name, value] of browser.cookies) planted.cookies.set(name, value)
    await browser.get(`${app1.url}/regenerate`)
    assert.notEqual(key(browser), key(planted))
    assert.equal((await browser.get(`${app2.url}/read`)).json.user, 'ann')
    assert.deepEqual((await planted.get(`${app2.url}/read`)).json, {})
  })

  test('a stream ends when what was changed meanwhile is stored', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    assert.equal((await browser.get(`${app1.url}/stream`)).text, 'onetwo')
    assert.deepEqual((await browser.get(`${app2.url}/read`)).json, { user: 'ann', during: 1 })
  })

  test('an id that nobody knows is not accepted, and `session:missed` tells of it', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const known = key(browser)
    const missed: unknown[] = []
    app2.app.once('session:missed', (detail: { key?: string }) => missed.push(detail.key))
    await flush(store)
    await browser.get(`${app2.url}/set?a=1`)
    assert.notEqual(key(browser), known)
    assert.deepEqual(missed, [known])
    assert.deepEqual((await browser.get(`${app1.url}/read`)).json, { a: '1' })
  })
})

test('a redirect over a slow store sees what was stored before it', async (t) => {
  const store = await MemcachedProcess.start()
  const link = await startSlowLink(Number(store.address.split(':')[1]), 100)
  const site = await start({ memcachedNodes: link.address, sticky: false })
  t.after(async () => {
    await site.close()
    await link.close()
    await store.kill()
  })
  const browser = new Browser()
  const page = await browser.get(`${site.url}/redirect?step=1`)
  assert.equal(page.status, 302)
  assert.equal((await browser.get(`${site.url}/read`)).json.step, '1')
})

test('with the store frozen a request is answered 503 with Retry-After', async (t) => {
  const store = await MemcachedProcess.start()
  const site = await start({
    memcachedNodes: store.address,
    sticky: false,
    operationTimeout: AWAY_AFTER_MS,
    sessionBackupTimeout: AWAY_AFTER_MS,
  })
  t.after(async () => {
    store.thaw()
    await site.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${site.url}/set?user=ann`)
  await store.freeze()
  const read = await browser.get(`${site.url}/read`)
  assert.equal(read.status, 503)
  assert.equal(read.headers.get('retry-after'), '1')
  const fresh = await new Browser().get(`${site.url}/set?a=1`)
  assert.equal(fresh.status, 503)
  assert.equal(fresh.headers.get('set-cookie'), null)
})

test('with the store frozen and `loadFailure: "degrade"` a request goes on and logs nobody out', async (t) => {
  const store = await MemcachedProcess.start()
  const options = { memcachedNodes: store.address, sticky: false, operationTimeout: AWAY_AFTER_MS }
  const site = await start({ ...options, loadFailure: 'degrade' })
  t.after(async () => {
    store.thaw()
    await site.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${site.url}/set?user=ann`)
  const before = key(browser)
  await store.freeze()
  const page = await browser.get(`${site.url}/read`)
  assert.equal(page.status, 200)
  assert.deepEqual(page.json, {})
  assert.equal(page.headers.get('set-cookie'), null)
  store.thaw()
  await eventually(async () => (await browser.get(`${site.url}/read`)).json.user === 'ann')
  assert.equal(key(browser), before)
})

test('an ignored request asks nothing of the store, and leaves the cookie alone', async (t) => {
  const store = await MemcachedProcess.start()
  const site = await start({
    memcachedNodes: store.address,
    sticky: false,
    rolling: true,
    requestUriIgnorePattern: /GET \/none.*/,
  })
  t.after(async () => {
    await site.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${site.url}/set?user=ann`)
  const before = key(browser)
  const cost = await costOf(store, () => browser.get(`${site.url}/none`))
  assert.deepEqual(cost, { gets: 0, sets: 0, touches: 0, deletes: 0 })
  assert.equal(key(browser), before)
  assert.equal((await browser.get(`${site.url}/read`)).json.user, 'ann')
})

test('options that are not Koa’s, or contradict each other, are refused', () => {
  const wrong: Record<string, unknown>[] = [
    { memcachedNodes: 'localhost:11311', cookie: {} },
    { memcachedNodes: 'localhost:11311', secret: 'x' },
    { memcachedNodes: 'localhost:11311', sticky: 'yes' },
    { memcachedNodes: 'localhost:11311', store: recordingKoaStore() },
    { sticky: true },
    { memcachedNodes: 'localhost:11311', prefix: 'shop:' },
    { hostPrefix: true },
  ]
  for (const options of wrong) {
    assert.throws(() => session(options, newApp()), TypeError, JSON.stringify(options))
  }
})

test('sticky: another server takes the session over and tells the browser its key', async (t) => {
  const store = await MemcachedProcess.start()
  const options = { memcachedNodes: store.address, sessionBackupAsync: false }
  const app1 = await start({ ...options, jvmRoute: 'app1' })
  const app2 = await start({ ...options, jvmRoute: 'app2' })
  t.after(async () => {
    await app1.close()
    await app2.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${app1.url}/set?user=ann`)
  assert.match(key(browser), /\.app1$/)
  const unchanged = await costOf(store, () => browser.get(`${app1.url}/read`))
  assert.deepEqual(unchanged, { gets: 0, sets: 0, touches: 0, deletes: 0 })
  assert.equal((await browser.get(`${app2.url}/read`)).json.user, 'ann')
  assert.match(key(browser), /\.app2$/)
})

test('each reads the other’s cookies, with a store and without', async (t) => {
  const keeping = [{}, { store: recordingKoaStore() }]
  for (const options of keeping) {
    for (const [first, second] of [
      ['original', 'ours'],
      ['ours', 'original'],
    ] as const) {
      const [before, after] = await Promise.all([
        pairOf(t, first, options),
        pairOf(t, second, options),
      ])
      const browser = new Browser()
      await browser.get(`${before.url}/set?user=ann`)
      assert.equal((await browser.get(`${after.url}/read`)).json.user, 'ann')
    }
  }
})

async function pairOf(
  t: TestContext,
  kind: 'original' | 'ours',
  options: object,
): Promise<KoaServer> {
  const app = newApp()
  app.use(makeSession(kind)({ ...options }, app))
  app.use(handle)
  const site = await listen(app, () => Promise.resolve())
  t.after(() => site.close())
  return site
}
