import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { MemcachedProcess } from '@holdfast/client/testing'
import { has } from '../test-support/memcached-counts.ts'
import { type SlowLink, startSlowLink } from '../test-support/slow-link.ts'
import { Browser, eventually, startSite, type TestSite } from '../test-support/test-site.ts'

const ROUNDS = 20

describe('a response is not released before its session is stored', () => {
  for (const sticky of [true, false]) {
    test(`redirects, ${sticky ? 'sticky' : 'non-sticky'}: the next server sees the change`, async (t) => {
      const store = await MemcachedProcess.start()
      const link = await startSlowLink(store.port, 60)
      const options = { memcachedNodes: link.address, sticky, sessionBackupAsync: false }
      const app1 = await startSite({ ...options, jvmRoute: 'app1' })
      // It reaches the store directly, so it is as fast as can be.
      const app2 = await startSite({ ...options, memcachedNodes: store.address, jvmRoute: 'app2' })
      t.after(async () => {
        await app1.close()
        await app2.close()
        await link.close()
        await store.kill()
      })
      const browser = new Browser()
      let seen = 0
      for (let round = 1; round <= ROUNDS; round++) {
        const page = await browser.get(`${app1.url}/redirect?step=${round}`)
        assert.equal(page.status, 302)
        const next = await browser.get(`${app2.url}${page.headers.get('location')}`)
        if (next.json.step === String(round)) seen += 1
      }
      assert.equal(seen, ROUNDS)
    })
  }
})

describe('with a slow store', () => {
  let store: MemcachedProcess
  let link: SlowLink
  let site: TestSite
  before(async () => {
    store = await MemcachedProcess.start()
    link = await startSlowLink(store.port, 100)
    site = await startSite({ memcachedNodes: link.address, sessionBackupAsync: false }, (app) => {
      app.get('/stream', async (req, res) => {
        req.session.early = true
        res.write('a')
        await delay(150)
        req.session.late = true
        res.end('b')
      })
    })
  })
  after(async () => {
    await site.close()
    await link.close()
    await store.kill()
  })

  test('an asynchronous backup does not hold the response', async (t) => {
    const async = await startSite({ memcachedNodes: link.address, storeWait: 5000 })
    t.after(() => async.close())
    link.delayMs = 2000
    t.after(() => {
      link.delayMs = 100
    })
    const startMs = performance.now()
    const browser = new Browser()
    await browser.get(`${async.url}/set?a=1`)
    assert.ok(performance.now() - startMs < 1800)
    assert.equal(browser.cookies.size, 1)
    await eventually(() => has(store, browser.sessionId))
  })

  test('changes after the first byte are stored before the end', async (t) => {
    const other = await startSite({ memcachedNodes: store.address })
    t.after(() => other.close())
    const browser = new Browser()
    assert.equal((await browser.get(`${site.url}/stream`)).text, 'ab')
    const { json } = await browser.get(`${other.url}/read`)
    assert.equal(json.early, true)
    assert.equal(json.late, true)
  })

  test('after sessionBackupTimeout the response goes out, and the session stays owed', async (t) => {
    const bounded = await startSite({
      memcachedNodes: link.address,
      sessionBackupAsync: false,
      sessionBackupTimeout: 150,
      operationTimeout: 400,
    })
    t.after(() => bounded.close())
    const browser = new Browser()
    link.delayMs = 3000
    const startMs = performance.now()
    const page = await browser.get(`${bounded.url}/set?a=1`)
    assert.equal(page.status, 200)
    assert.ok(performance.now() - startMs < 2500)
    assert.equal(browser.cookies.size, 1)
    link.delayMs = 0
    await eventually(async () => (await browser.get(`${bounded.url}/read`)).json.a === '1')
    await eventually(() => has(store, browser.sessionId))
  })
})

test('a session that is too large for the store is reported, and not taken for stored', async (t) => {
  const store = await MemcachedProcess.start()
  const warnings: string[] = []
  const ignore = (): void => undefined
  const logger = {
    debug: ignore,
    info: ignore,
    error: ignore,
    warn: (fields: object) => warnings.push(JSON.stringify(fields, messages)),
  }
  const sizes = { sessionSizeMax: 4_000_000 }
  const options = { memcachedNodes: store.address, sessionBackupAsync: false, logger, ...sizes }
  const addRoutes = (app: import('express').Express): void => {
    app.get('/large', (req, res) => {
      req.session.large = 'x'.repeat(2_000_000)
      res.send('ok')
    })
    app.get('/small', (req, res) => {
      delete req.session.large
      req.session.small = true
      res.send('ok')
    })
  }
  const lenient = await startSite(options, addRoutes)
  const strict = await startSite({ ...options, storeFailure: 'fail' }, addRoutes)
  t.after(async () => {
    await lenient.close()
    await strict.close()
    await store.kill()
  })
  const browser = new Browser()
  assert.equal((await browser.get(`${lenient.url}/large`)).status, 200)
  assert.match(warnings[0] ?? '', /too large|sessionSizeMax/)
  assert.equal(await has(store, browser.sessionId), false)
  assert.equal((await browser.get(`${lenient.url}/small`)).status, 200)
  assert.equal(await has(store, browser.sessionId), true)
  assert.equal((await new Browser().get(`${strict.url}/large`)).status, 503)
})

test('an attribute that is no JSON is the application’s error, and names itself', async (t) => {
  const site = await startSite(
    { memcachedNodes: '127.0.0.1:1', sessionBackupAsync: false, storeFailure: 'fail' },
    (app) => {
      app.get('/cycle', (req, res) => {
        const cycle: Record<string, unknown> = {}
        cycle.self = cycle
        req.session.cycle = cycle
        res.send('ok')
      })
    },
  )
  t.after(() => site.close())
  assert.equal((await new Browser().get(`${site.url}/cycle`)).status, 500)
})

function messages(_name: string, value: unknown): unknown {
  return value instanceof Error ? `${value.message} ${String(value.cause)}` : value
}
