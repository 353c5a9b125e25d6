import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { costOf, has } from '../test-support/memcached-counts.ts'
import { startSlowLink } from '../test-support/slow-link.ts'
import {
  AWAY_AFTER_MS,
  Browser,
  eventually,
  startSite,
  type TestSite,
} from '../test-support/test-site.ts'

/** Far less than `PATIENT` would wait, far more than a busy machine takes for its deadline. */
const ANSWERED_WITHIN_MS = 9000

describe('non-sticky sessions', () => {
  let store: MemcachedProcess
  let app1: TestSite
  let app2: TestSite
  before(async () => {
    store = await MemcachedProcess.start()
    const options = { memcachedNodes: store.address, sticky: false }
    app1 = await startSite(options)
    app2 = await startSite(options)
  })
  after(async () => {
    await app1.close()
    await app2.close()
    await store.kill()
  })

  test('a request without a session costs nothing', async () => {
    const cost = await costOf(store, () => new Browser().get(`${app1.url}/read`))
    assert.deepEqual(cost, { gets: 0, sets: 0, touches: 0, deletes: 0 })
  })

  test('an unchanged session costs one operation, a changed one two', async () => {
    const browser = new Browser()
    const created = await costOf(store, () => browser.get(`${app1.url}/set?a=1`))
    assert.deepEqual(created, { gets: 0, sets: 1, touches: 0, deletes: 0 })
    // memcached counts a gats as a touch.
    const read = await costOf(store, () => browser.get(`${app1.url}/read`))
    assert.deepEqual(read, { gets: 0, sets: 0, touches: 1, deletes: 0 })
    const written = await costOf(store, () => browser.get(`${app1.url}/set?a=2`))
    assert.deepEqual(written, { gets: 0, sets: 1, touches: 1, deletes: 0 })
  })

  test('every server sees at once what another one stored', async () => {
    const browser = new Browser()
    for (let round = 1; round <= 20; round++) {
      const { url } = round % 2 === 0 ? app1 : app2
      assert.equal((await browser.get(`${url}/count`)).json.count, round)
    }
  })

  test('twenty parallel requests on two servers lose no attribute', async () => {
    for (let round = 0; round < 5; round++) {
      const browser = new Browser()
      await browser.get(`${app1.url}/set?user=ann`)
      const pages = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          browser.get(`${n % 2 === 0 ? app1.url : app2.url}/slow-set?k${n}=1`),
        ),
      )
      assert.deepEqual([...new Set(pages.map(({ status }) => status))], [200])
      const { json } = await browser.get(`${app1.url}/read`)
      const names = Object.keys(json).filter((name) => name.startsWith('k'))
      assert.equal(names.length, 20)
      assert.equal(json.user, 'ann')
    }
  })

  test('a session destroyed by another server is not brought back by a slow request', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const id = browser.sessionId
    const slow = browser.get(`${app1.url}/slow-set?late=1`)
    await browser.get(`${app2.url}/logout`)
    assert.equal((await slow).status, 200)
    assert.equal(await has(store, id), false)
  })

  test('save and reload work within a request', async (t) => {
    const site = await startSite({ memcachedNodes: store.address, sticky: false }, (app) => {
      app.get('/save-twice', async (req, res) => {
        req.session.a = 1
        await req.session.save()
        req.session.b = 2
        await req.session.save()
        req.session.b = 3
        await req.session.reload()
        res.json({ ...req.session })
      })
    })
    t.after(() => site.close())
    const browser = new Browser()
    const { json: reloaded } = await browser.get(`${site.url}/save-twice`)
    assert.deepEqual([reloaded.a, reloaded.b], [1, 2])
    const { json } = await browser.get(`${site.url}/read`)
    assert.equal(json.b, 2)
  })

  test('an ignored request loads nothing, stores nothing and sets no cookie', async (t) => {
    const site = await startSite({
      memcachedNodes: store.address,
      sticky: false,
      requestUriIgnorePattern: /GET \/set\?ignored=.*/,
    })
    t.after(() => site.close())
    const browser = new Browser()
    await browser.get(`${site.url}/set?a=1`)
    const cost = await costOf(store, async () => {
      const page = await browser.get(`${site.url}/set?ignored=1`)
      assert.equal(page.headers.get('set-cookie'), null)
    })
    assert.deepEqual(cost, { gets: 0, sets: 0, touches: 0, deletes: 0 })
    assert.equal((await browser.get(`${site.url}/read`)).json.a, '1')
  })
})

test('with the store away a request is answered 503 within its deadline, never logged out', async (t) => {
  const store = await MemcachedProcess.start()
  const site = await startSite({
    memcachedNodes: store.address,
    sticky: false,
    operationTimeout: AWAY_AFTER_MS,
    sessionBackupTimeout: AWAY_AFTER_MS,
  })
  t.after(async () => {
    await site.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${site.url}/set?user=ann`)
  const id = browser.sessionId
  await store.freeze()
  const startMs = performance.now()
  const page = await browser.get(`${site.url}/read`)
  assert.equal(page.status, 503)
  assert.equal(page.json.code, 'HOLDFAST_STORE_UNAVAILABLE')
  assert.ok(performance.now() - startMs < ANSWERED_WITHIN_MS)
  assert.equal(browser.sessionId, id)
  const fresh = await new Browser().get(`${site.url}/set?a=1`)
  assert.equal(fresh.status, 503)
  assert.equal(fresh.headers.get('set-cookie'), null)
  assert.equal(fresh.json.code, 'HOLDFAST_STORE_UNAVAILABLE')
  assert.equal((await new Browser().get(`${site.url}/none`)).status, 200)
  store.thaw()
  await eventually(async () => (await browser.get(`${site.url}/read`)).json.user === 'ann')
})

test('a proxy that is restarted in mid-request is not noticed by the user', async (t) => {
  const store = await MemcachedProcess.start()
  const link = await startSlowLink(store.port, 60)
  const site = await startSite({ memcachedNodes: link.address, sticky: false })
  t.after(async () => {
    await site.close()
    await link.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${site.url}/set?user=ann`)
  const pending = browser.get(`${site.url}/read`)
  await link.breakConnections()
  assert.equal((await pending).json.user, 'ann')
})

test('with storeFailure degrade the response goes out without its session', async (t) => {
  const site = await startSite({
    memcachedNodes: '127.0.0.1:1',
    sticky: false,
    storeFailure: 'degrade',
    operationTimeout: 100,
  })
  t.after(() => site.close())
  const browser = new Browser()
  assert.equal((await browser.get(`${site.url}/count`)).json.count, 1)
  assert.equal(browser.cookies.size, 0)
})
