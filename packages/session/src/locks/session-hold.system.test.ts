import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import { type GatedOptions, type GatedSite, startGatedSite } from '../test-support/gated-site.ts'
import { costOf, has, put } from '../test-support/memcached-counts.ts'
import { Browser, type TestSite } from '../test-support/test-site.ts'

/** Of requests that do not get the lock; long enough for the store to say who has it. */
const IN_VAIN_MS = 1500

const FREE = { gets: 0, sets: 0, touches: 1, deletes: 0 }

describe('requests', () => {
  let store: MemcachedProcess
  before(async () => {
    store = await MemcachedProcess.start()
  })
  after(() => store.kill())

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

  describe('that do not get the lock in time', () => {
    /** A session whose lock is somebody else’s. */
    async function locked(
      lockTimeout: 'fail' | 'continue' | 'readOnly',
    ): Promise<{ site: GatedSite; browser: Browser }> {
      const site = await start({ lockTimeout, lockWait: IN_VAIN_MS })
      const browser = await begin(site)
      await put(store, `lock:${browser.sessionId}`, 'other')
      return { site, browser }
    }

    test('fail: are answered 503', async () => {
      const { site, browser } = await locked('fail')
      const page = await browser.get(`${site.url}/read`)
      assert.equal(page.status, 503)
      assert.equal(page.json.code, 'HOLDFAST_SESSION_LOCK_TIMEOUT')
      assert.equal(await has(store, `lock:${browser.sessionId}`), true)
    })

    test('continue: go on without it, and leave it to its owner', async () => {
      const { site, browser } = await locked('continue')
      assert.equal((await browser.get(`${site.url}/set?k=1`)).status, 200)
      assert.equal((await browser.get(`${site.url}/read`)).json.k, '1')
      assert.equal(await has(store, `lock:${browser.sessionId}`), true)
      assert.ok(site.warnings.includes('request goes on without the lock of its session'))
    })

    test('readOnly: see the session, but a change is refused and a logout is not', async () => {
      const { site, browser } = await locked('readOnly')
      assert.equal((await browser.get(`${site.url}/read`)).json.user, 'ann')
      const page = await browser.get(`${site.url}/set?user=eve`)
      assert.equal(page.status, 503)
      assert.equal((await browser.get(`${site.url}/read`)).json.user, 'ann')
      assert.equal((await browser.get(`${site.url}/save`)).json.code, 'HOLDFAST_SESSION_READ_ONLY')
      const { sessionId } = browser
      assert.equal((await browser.get(`${site.url}/logout`)).text, 'bye')
      assert.equal(await has(store, sessionId), false)
    })

    test('readOnly: refuse a change also where a response does not wait for the store', async () => {
      const site = await start({
        lockTimeout: 'readOnly',
        lockWait: IN_VAIN_MS,
        sessionBackupAsync: true,
      })
      const browser = await begin(site)
      await put(store, `lock:${browser.sessionId}`, 'other')
      assert.equal((await browser.get(`${site.url}/set?user=eve`)).status, 503)
    })
  })

  describe('that lose the lock', () => {
    test('store nothing once another request has changed the session', async () => {
      const [locks, free] = [await start(), await start({ lockingMode: 'none' })]
      const browser = await begin(locks)
      const slow = browser.get(`${locks.url}/gate?k=old`)
      await locks.gate.arrived(1)
      await put(store, `lock:${browser.sessionId}`, 'other')
      await browser.get(`${free.url}/set?k=new`)
      locks.gate.open()
      assert.equal((await slow).status, 503)
      assert.equal((await browser.get(`${free.url}/read`)).json.k, 'new')
      assert.equal(await has(store, `lock:${browser.sessionId}`), true)
    })

    test('store their change as long as no other request has changed the session', async () => {
      const [locks, free] = [await start(), await start({ lockingMode: 'none' })]
      const browser = await begin(locks)
      const slow = browser.get(`${locks.url}/gate?k=ours`)
      await locks.gate.arrived(1)
      await put(store, `lock:${browser.sessionId}`, 'other')
      locks.gate.open()
      assert.equal((await slow).status, 200)
      assert.equal((await browser.get(`${free.url}/read`)).json.k, 'ours')
    })

    test('merge with lockTimeout continue, and beside writers without locks', async () => {
      const free = await start({ lockingMode: 'none' })
      for (const [lockTimeout, thief] of [
        ['continue', 'other'],
        ['fail', undefined],
      ] as const) {
        const locks = await start({ lockTimeout })
        const browser = await begin(locks)
        const slow = browser.get(`${locks.url}/gate?k=ours`)
        await locks.gate.arrived(1)
        if (thief !== undefined) await put(store, `lock:${browser.sessionId}`, thief)
        await browser.get(`${free.url}/set?l=theirs`)
        locks.gate.open()
        assert.equal((await slow).status, 200)
        const { k, l } = (await browser.get(`${free.url}/read`)).json
        assert.deepEqual({ k, l }, { k: 'ours', l: 'theirs' })
      }
    })

    test('because their client went away do not overwrite the request that came after', async () => {
      const site = await start()
      const browser = await begin(site)
      const leaving = new AbortController()
      const gone = browser.get(`${site.url}/gate?k=old`, { signal: leaving.signal })
      await site.gate.arrived(1)
      leaving.abort()
      await assert.rejects(gone)
      assert.equal((await browser.get(`${site.url}/set?k=new`)).status, 200)
      site.gate.open()
      await until('the late change is reported', () =>
        site.warnings.includes('session is not stored yet'),
      )
      assert.equal((await browser.get(`${site.url}/read`)).json.k, 'new')
    })
  })

  test('may update their session atomically, unless they are only to read or lost the lock', async () => {
    const site = await start({ lockWait: IN_VAIN_MS, lockTimeout: 'readOnly' })
    const { sessionManager } = site.sessions
    const browser = await begin(site)
    const id = browser.sessionId
    const add = (attributes: Record<string, unknown>): unknown => {
      attributes.count = Number(attributes.count ?? 0) + 1
      return attributes.count
    }
    const active = await sessionManager.loadById(id)
    assert.equal(await sessionManager.updateActive(active, add), 1)
    const second = await sessionManager.loadById(id)
    const refused = sessionManager.updateActive(second, add)
    await assert.rejects(refused, { code: 'HOLDFAST_SESSION_READ_ONLY' })
    sessionManager.release(active)
    await until('the lock is gone', async () => !(await has(store, `lock:${id}`)))
    const late = sessionManager.updateActive(active, add)
    await assert.rejects(late, { code: 'HOLDFAST_SESSION_LOCK_LOST' })
    assert.equal((await browser.get(`${site.url}/read`)).json.count, 1)
  })

  test('give their lock back when what they store is stored, not before', async () => {
    const site = await start()
    const { sessionManager } = site.sessions
    const browser = await begin(site)
    const id = browser.sessionId
    const active = await sessionManager.loadById(id)
    const stored = Promise.withResolvers<void>()
    const saved = active.hold?.save(() => stored.promise)
    sessionManager.release(active)
    sessionManager.release(active)
    const next = browser.get(`${site.url}/gate`)
    await until('it waits', () => site.gate.seen === 1)
    // A round trip to the store, in which a lock given back would have passed on.
    assert.equal(await has(store, `lock:${id}`), true)
    assert.equal(site.gate.values.length, 0)
    stored.resolve()
    await saved
    site.gate.open()
    assert.equal((await next).status, 200)
    await until('the lock is gone', async () => !(await has(store, `lock:${id}`)))
  })

  describe('that are declared read-only', () => {
    test('do not lock, and what they change is dropped and reported', async () => {
      const site = await start({ readOnlyRequests: '/set|/read' })
      const free = await start({ lockingMode: 'none' })
      const browser = await begin(free)
      const cost = await costOf(store, () => browser.get(`${site.url}/read`))
      assert.deepEqual(cost, FREE)
      const changed = await costOf(store, () => browser.get(`${site.url}/set?user=eve`))
      assert.deepEqual(changed, FREE)
      assert.deepEqual(site.warnings, ['change of a session is dropped'])
      assert.equal((await browser.get(`${site.url}/read`)).json.user, 'ann')
    })

    test('make no session either', async () => {
      const site = await start({ lockingMode: 'none', readOnlyRequests: () => true })
      const browser = new Browser()
      const page = await browser.get(`${site.url}/set?user=eve`)
      assert.equal(page.status, 200)
      assert.equal(page.headers.get('set-cookie'), null)
      assert.equal((await browser.get(`${site.url}/none`)).status, 200)
      assert.deepEqual(site.warnings, ['change of a session is dropped'])
    })
  })
})
