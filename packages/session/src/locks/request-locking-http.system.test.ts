import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import { SessionManager } from '../session-manager.ts'
import { type GatedOptions, type GatedSite, startGatedSite } from '../test-support/gated-site.ts'
import { costOf, has } from '../test-support/memcached-counts.ts'
import { AWAY_AFTER_MS, Browser, SECRET, type TestSite } from '../test-support/test-site.ts'
import { UNMATCHED_REQUESTS_TOLD } from './request-locking.ts'

/** memcached counts the add of a lock and its conditional release as sets. */
const LOCKED = { gets: 0, sets: 2, touches: 1, deletes: 0 }

describe('requests that lock their session', () => {
  let store: MemcachedProcess
  before(async () => {
    store = await MemcachedProcess.start()
  })
  after(() => store.kill())

  const lockIsGone = (browser: Browser): Promise<void> =>
    until('the lock is gone', async () => !(await has(store, `lock:${browser.sessionId}`)))

  async function begin(site: TestSite): Promise<Browser> {
    const browser = new Browser()
    await browser.get(`${site.url}/set?user=ann`)
    return browser
  }

  async function start(options: GatedOptions = {}): Promise<GatedSite> {
    const site = await startGatedSite(store.address, { lockingMode: 'all', ...options })
    after(() => site.close())
    return site
  }

  test('a lock costs two operations; without a stored session there is none', async () => {
    const site = await start({ requestUriIgnorePattern: '.*ignored.*' })
    const browser = new Browser()
    const none = await costOf(store, () => browser.get(`${site.url}/none`))
    assert.deepEqual(none, { gets: 0, sets: 0, touches: 0, deletes: 0 })
    const created = await costOf(store, () => browser.get(`${site.url}/set?a=1`))
    assert.deepEqual(created, { gets: 0, sets: 1, touches: 0, deletes: 0 })
    const read = await costOf(store, async () => {
      await browser.get(`${site.url}/read`)
      await lockIsGone(browser)
    })
    assert.deepEqual({ ...read, gets: 0 }, LOCKED)
    const written = await costOf(store, async () => {
      await browser.get(`${site.url}/set?a=2`)
      await lockIsGone(browser)
    })
    assert.deepEqual({ ...written, gets: 0 }, { ...LOCKED, sets: 3 })
    const ignored = await costOf(store, () => browser.get(`${site.url}/read?ignored`))
    assert.deepEqual(ignored, { gets: 0, sets: 0, touches: 0, deletes: 0 })
  })

  for (const lockingMode of ['all', 'auto', 'uriPattern:.*']) {
    test(`${lockingMode}: parallel increments on two servers are all counted`, async () => {
      const [app1, app2] = [await start({ lockingMode }), await start({ lockingMode })]
      const browser = await begin(app1)
      await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          browser.get(`${n % 2 === 0 ? app1.url : app2.url}/slow-count`),
        ),
      )
      assert.equal((await browser.get(`${app2.url}/read`)).json.count, 20)
    })
  }

  for (const lockingMode of ['all', 'auto', 'uriPattern:.*', 'none']) {
    test(`${lockingMode}: of long requests on one host or two, every attribute is kept`, async () => {
      const [app1, app2] = [await start({ lockingMode }), await start({ lockingMode })]
      const browser = await begin(app1)
      const requests = [
        browser.get(`${app1.url}/slow-set?k1=v1`),
        browser.get(`${app1.url}/slow-set?k2=v2`),
        browser.get(`${app2.url}/slow-set?k3=v3`),
      ]
      await Promise.all(requests)
      const { json } = await browser.get(`${app2.url}/read`)
      const { user, k1, k2, k3 } = json
      assert.deepEqual({ user, k1, k2, k3 }, { user: 'ann', k1: 'v1', k2: 'v2', k3: 'v3' })
      await browser.get(`${app2.url}/set?k1=w1`)
      assert.equal((await browser.get(`${app1.url}/read`)).json.k1, 'w1')
    })
  }

  test('a request on another host waits for the one that holds the lock, and sees its change', async () => {
    const [app1, app2] = [await start(), await start()]
    const browser = await begin(app1)
    const long = browser.get(`${app1.url}/gate?k=new`)
    await app1.gate.arrived(1)
    const [manager1, manager2] = [app1.sessions.sessionManager, app2.sessions.sessionManager]
    assert.match(manager1.fenceOf(browser.sessionId) ?? '', /^\d+$/)
    assert.equal(manager2.fenceOf(browser.sessionId), undefined)
    const read = browser.get(`${app2.url}/read`)
    app1.gate.open()
    assert.equal((await read).json.k, 'new')
    await long
    await lockIsGone(browser)
    assert.equal(manager1.fenceOf(browser.sessionId), undefined)
  })

  test('requests of one process run one after the other in order of arrival', async () => {
    const site = await start()
    const browser = await begin(site)
    const pages = []
    for (let n = 0; n < 5; n++) {
      pages.push(browser.get(`${site.url}/gate?k=${n}`))
      // Over the network the order of arrival is that of sending only when sent one by one.
      await until('the request waits', () => site.gate.seen === n + 1)
    }
    site.gate.open()
    await Promise.all(pages)
    assert.deepEqual(site.gate.values, ['0', '1', '2', '3', '4'])
  })

  test('auto: what was learnt to be read-only runs side by side, also beside a locking one', async () => {
    const site = await start({ lockingMode: 'auto' })
    const browser = await begin(site)
    site.gate.open()
    await browser.get(`${site.url}/gate`)
    await lockIsGone(browser)
    site.gate.shut()
    const locking = browser.get(`${site.url}/other-gate?k=1`)
    const reading = [browser.get(`${site.url}/gate?x=1`), browser.get(`${site.url}/gate?x=2`)]
    await site.gate.arrived(3)
    site.gate.open()
    for (const page of [...reading, locking]) assert.equal((await page).status, 200)
  })

  test('auto: a learnt kind that does modify loses nothing and locks from then on', async () => {
    const site = await start({ lockingMode: 'auto' })
    const browser = await begin(site)
    site.gate.open()
    await browser.get(`${site.url}/gate`)
    await lockIsGone(browser)
    site.gate.shut()
    const both = [browser.get(`${site.url}/gate?k=1`), browser.get(`${site.url}/gate?l=2`)]
    await site.gate.arrived(2)
    site.gate.open()
    await Promise.all(both)
    const { k, l } = (await browser.get(`${site.url}/read`)).json
    assert.deepEqual({ k, l }, { k: '1', l: '2' })
    for (let time = 0; time < 2; time++) {
      const cost = await costOf(store, async () => {
        await browser.get(`${site.url}/gate`)
        await lockIsGone(browser)
      })
      assert.equal(cost.sets, 2)
    }
  })

  test('uriPattern: requests outside the pattern run side by side, those inside do not', async () => {
    const site = await start({ lockingMode: 'uriPattern:/slow-count' })
    const browser = await begin(site)
    const free = [browser.get(`${site.url}/gate`), browser.get(`${site.url}/gate`)]
    await site.gate.arrived(2)
    const counted = Array.from({ length: 5 }, () => browser.get(`${site.url}/slow-count?x=1`))
    await Promise.all(counted)
    site.gate.open()
    await Promise.all(free)
    assert.equal((await browser.get(`${site.url}/read`)).json.count, 5)
  })

  test('the lock is gone after a logout, a new id, an error and a client that went away', async () => {
    const site = await start()
    for (const path of ['/logout', '/regenerate', '/fail']) {
      const browser = await begin(site)
      const key = `lock:${browser.sessionId}`
      await browser.get(`${site.url}${path}`)
      await until('the lock is gone', async () => !(await has(store, key)))
    }
    const browser = await begin(site)
    const leaving = new AbortController()
    const gone = browser.get(`${site.url}/gate`, { signal: leaving.signal })
    await site.gate.arrived(1)
    assert.equal(await has(store, `lock:${browser.sessionId}`), true)
    leaving.abort()
    await assert.rejects(gone)
    await lockIsGone(browser)
    site.gate.open()
    const { counts } = site.sessions.sessionManager.settings.observer
    await until('none counts as held', () => counts.locksHeld === 0)
    assert.equal(counts.lockWaitSeconds.count, 4)
    assert.equal(counts.lockTimeouts + counts.locksLost, 0)
  })

  test('a client that goes away while its request waits gives the wait up', async () => {
    const site = await start()
    const browser = await begin(site)
    const long = browser.get(`${site.url}/gate`)
    await site.gate.arrived(1)
    const leaving = new AbortController()
    const gone = browser.get(`${site.url}/gate?k=late`, { signal: leaving.signal })
    await until('it waits', () => site.gate.seen === 2)
    leaving.abort()
    await assert.rejects(gone)
    await until('it is told', () => site.gate.errors.includes('HOLDFAST_CLIENT_GONE'))
    site.gate.open()
    await long
    assert.deepEqual(site.gate.values, [undefined])
  })

  test('a session that is not there any more is not locked on', async () => {
    const site = await start()
    const browser = await begin(site)
    const old = browser.cookieHeader
    const key = `lock:${browser.sessionId}`
    await browser.get(`${site.url}/logout`)
    await until('the lock is gone', async () => !(await has(store, key)))
    const page = await new Browser().get(`${site.url}/read`, { headers: { cookie: old } })
    assert.equal(page.json.user, undefined)
    assert.equal(await has(store, key), false)
  })

  test('a uriPattern that never matches is reported', async () => {
    const warnings: string[] = []
    const ignore = (): void => undefined
    const manager = new SessionManager({
      memcachedNodes: store.address,
      secret: SECRET,
      sticky: false,
      lockingMode: 'uriPattern:GET /typo',
      logger: {
        debug: ignore,
        info: ignore,
        warn: (_fields, message) => warnings.push(message),
        error: ignore,
      },
    })
    const facts = { method: 'GET', url: '/other', raw: undefined }
    for (let n = 0; n < UNMATCHED_REQUESTS_TOLD; n++) {
      assert.deepEqual(warnings, [])
      await manager.loadById('unknown', facts)
    }
    assert.equal(warnings.length, 1)
    await manager.close()
  })

  test('sticky sessions are not locked, and the option is reported', async () => {
    const site = await start({ sticky: true, sessionBackupAsync: false })
    assert.deepEqual(site.warnings, [
      'lockingMode and readOnlyRequests have no effect on sticky sessions',
    ])
    const browser = await begin(site)
    const cost = await costOf(store, () => browser.get(`${site.url}/read`))
    assert.deepEqual(cost, { gets: 0, sets: 0, touches: 0, deletes: 0 })
  })
})

test('with the store frozen no request waits for its lock longer than for the store', async (t) => {
  const store = await MemcachedProcess.start()
  const site = await startGatedSite(store.address, {
    lockingMode: 'all',
    operationTimeout: AWAY_AFTER_MS,
    lockWait: 60_000,
  })
  t.after(async () => {
    await site.close()
    await store.kill()
  })
  const degrading = await startGatedSite(store.address, {
    lockingMode: 'all',
    operationTimeout: AWAY_AFTER_MS,
    loadFailure: 'degrade',
  })
  t.after(() => degrading.close())
  const browser = new Browser()
  await browser.get(`${site.url}/set?user=ann`)
  await browser.get(`${degrading.url}/set?pet=cat`)
  await store.freeze()
  const pages = await Promise.all([
    browser.get(`${site.url}/read`),
    browser.get(`${site.url}/set?user=eve`),
  ])
  assert.deepEqual(
    pages.map(({ json }) => json.code),
    ['HOLDFAST_STORE_UNAVAILABLE', 'HOLDFAST_STORE_UNAVAILABLE'],
  )
  const page = await browser.get(`${degrading.url}/read`)
  assert.equal(page.status, 200)
  assert.equal(page.json.user, undefined)
  assert.equal(page.headers.get('set-cookie'), null)
  store.thaw()
  await until('it is served again', async () => {
    return (await browser.get(`${site.url}/read`)).json.user === 'ann'
  })
})
