import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { type FastifyServer, startFastify } from '../test-support/fastify-servers.ts'
import { costOf, has } from '../test-support/memcached-counts.ts'
import { startSlowLink } from '../test-support/slow-link.ts'
import { AWAY_AFTER_MS, Browser } from '../test-support/test-site.ts'

describe('Fastify, non-sticky, on two servers', () => {
  let store: MemcachedProcess
  let app1: FastifyServer
  let app2: FastifyServer
  before(async () => {
    store = await MemcachedProcess.start()
    const options = { memcachedNodes: store.address, sticky: false }
    app1 = await startFastify(options)
    app2 = await startFastify(options)
  })
  after(async () => {
    await app1.app.close()
    await app2.app.close()
    await store.kill()
  })

  test('no session costs nothing, a read one operation, a write one more', async () => {
    const browser = new Browser()
    const free = await costOf(store, () => browser.get(`${app1.url}/read`))
    assert.deepEqual(free, { gets: 0, sets: 0, touches: 0, deletes: 0 })
    const created = await costOf(store, () => browser.get(`${app1.url}/set?a=1`))
    assert.deepEqual(created, { gets: 0, sets: 1, touches: 0, deletes: 0 })
    const read = await costOf(store, () => browser.get(`${app1.url}/read`))
    assert.deepEqual(read, { gets: 0, sets: 0, touches: 1, deletes: 0 })
    const written = await costOf(store, () => browser.get(`${app1.url}/set?a=2`))
    assert.deepEqual(written, { gets: 0, sets: 1, touches: 1, deletes: 0 })
  })

  test('with the original’s defaults a request that changes nothing costs one operation too', async () => {
    const { app, url } = await startFastify({
      memcachedNodes: store.address,
      sticky: false,
      rolling: true,
      saveUninitialized: true,
    })
    const browser = new Browser()
    await browser.get(`${url}/none`)
    const cost = await costOf(store, () => browser.get(`${url}/none`))
    assert.deepEqual(cost, { gets: 0, sets: 0, touches: 1, deletes: 0 })
    await app.close()
  })

  test('parallel requests on both servers lose no attribute', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const pages = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        browser.get(`${n % 2 === 0 ? app1.url : app2.url}/slow-set?k${n}=1`),
      ),
    )
    assert.deepEqual([...new Set(pages.map(({ status }) => status))], [200])
    const { json } = await browser.get(`${app1.url}/read`)
    assert.equal(Object.keys(json).length, 21)
  })

  test('parallel updates on both servers lose no increment', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        browser.get(`${n % 2 === 0 ? app1.url : app2.url}/increment`),
      ),
    )
    const { json } = await browser.get(`${app1.url}/read`)
    assert.deepEqual(json, { user: 'ann', n: 50 })
  })

  test('a destroyed session is not brought back by a slower request of the other server', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const id = browser.sessionId
    const slow = browser.get(`${app1.url}/slow-set?late=1`)
    await browser.get(`${app2.url}/destroy`)
    assert.equal((await slow).status, 200)
    assert.equal(await has(store, id), false)
  })

  test('a hijacked response is held until its session is stored', async () => {
    const browser = new Browser()
    const page = await browser.get(`${app1.url}/hijack?user=ann`)
    assert.equal(page.text, 'raw')
    assert.equal((await browser.get(`${app2.url}/read`)).json.user, 'ann')
  })

  test('a stream ends when what was changed meanwhile is stored', async () => {
    const browser = new Browser()
    assert.equal((await browser.get(`${app1.url}/stream`)).text, 'onetwo')
    assert.deepEqual((await browser.get(`${app2.url}/read`)).json, { before: true, during: true })
  })

  test('`sessionStore` reads and changes known sessions, and makes none', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const { app } = app1
    const request: Record<string, unknown> = {}
    const signed = decodeURIComponent(browser.cookies.get('connect.sid') ?? '').slice(2)
    await new Promise((resolve) => app.decryptSession(signed, request, resolve))
    assert.equal(Reflect.get(Object(request.session), 'user'), 'ann')
    assert.equal((await app.sessionManager?.health())?.ok, true)
  })
})

test('twenty redirects over a slow store see what was stored before them', async (t) => {
  const store = await MemcachedProcess.start()
  const link = await startSlowLink(Number(store.address.split(':')[1]), 100)
  const { app, url } = await startFastify({ memcachedNodes: link.address, sticky: false })
  t.after(async () => {
    await app.close()
    await link.close()
    await store.kill()
  })
  const rounds = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      const browser = new Browser()
      const page = await browser.get(`${url}/redirect?step=${n}`)
      assert.equal(page.status, 302)
      return (await browser.get(`${url}${page.headers.get('location')}`)).json.step === String(n)
    }),
  )
  assert.deepEqual([...new Set(rounds)], [true])
})

test('with the store frozen a request is answered 503, bounded, and nobody is logged out', async (t) => {
  const store = await MemcachedProcess.start()
  const { app, url } = await startFastify({
    memcachedNodes: store.address,
    sticky: false,
    operationTimeout: AWAY_AFTER_MS,
    sessionBackupTimeout: AWAY_AFTER_MS,
  })
  t.after(async () => {
    store.thaw()
    await app.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${url}/set?user=ann`)
  const id = browser.sessionId
  await store.freeze()
  const read = await browser.get(`${url}/read`)
  assert.equal(read.status, 503)
  assert.equal(read.headers.get('retry-after'), '1')
  const fresh = await new Browser().get(`${url}/set?a=1`)
  assert.equal(fresh.status, 503)
  assert.equal(fresh.headers.get('set-cookie'), null)
  assert.equal((await new Browser().get(`${url}/hijack?a=1`)).status, 503)
  assert.equal((await new Browser().get(`${url}/none`)).status, 200)
  store.thaw()
  assert.equal(browser.sessionId, id)
})

test('sticky: an unchanged session costs nothing, and the other server takes it over', async (t) => {
  const store = await MemcachedProcess.start()
  const options = { memcachedNodes: store.address, sessionBackupAsync: false }
  const app1 = await startFastify({ ...options, jvmRoute: 'app1' })
  const app2 = await startFastify({ ...options, jvmRoute: 'app2' })
  t.after(async () => {
    await app1.app.close()
    await app2.app.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${app1.url}/set?user=ann`)
  assert.match(browser.sessionId, /\.app1$/)
  const unchanged = await costOf(store, () => browser.get(`${app1.url}/read`))
  assert.deepEqual(unchanged, { gets: 0, sets: 0, touches: 0, deletes: 0 })
  assert.equal((await browser.get(`${app2.url}/read`)).json.user, 'ann')
  assert.match(browser.sessionId, /\.app2$/)
})
