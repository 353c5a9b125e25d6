import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { MemcachedProcess } from '@holdfast/client/testing'
import { SessionManager } from '../session-manager.ts'
import { costOf, flush } from '../test-support/memcached-counts.ts'
import { AWAY_AFTER_MS, Browser, startSite, type TestSite } from '../test-support/test-site.ts'

const addOne = (attributes: Record<string, unknown>): number => {
  attributes.count = Number(attributes.count ?? 0) + 1
  return Number(attributes.count)
}
const addOneSlowly = async (attributes: Record<string, unknown>): Promise<void> => {
  const count = Number(attributes.count ?? 0)
  await delay(Math.random() * 2)
  attributes.count = count + 1
}

for (const sticky of [false, true]) {
  describe(`atomic updates, ${sticky ? 'sticky' : 'non-sticky'}`, () => {
    let store: MemcachedProcess
    let app1: TestSite
    let app2: TestSite
    let managers: [SessionManager, SessionManager]
    before(async () => {
      store = await MemcachedProcess.start()
      const options = { memcachedNodes: store.address, sticky, sessionBackupAsync: false }
      app1 = await startSite({ ...options, route: 'app1' }, (app) => {
        app.get('/update', async (req, res) => {
          req.session.mine = 'kept'
          res.json({ count: await req.session.update(addOne), seen: req.session.count })
        })
      })
      app2 = await startSite({ ...options, route: 'app2' })
      managers = [app1.sessions.sessionManager, app2.sessions.sessionManager]
    })
    after(async () => {
      await app1.close()
      await app2.close()
      await store.kill()
    })

    async function loggedIn(): Promise<{ browser: Browser; id: string }> {
      const browser = new Browser()
      await browser.get(`${app1.url}/set?user=ann`)
      return { browser, id: browser.sessionId }
    }

    test('of 50 parallel increments on two servers none is lost, five times over', async () => {
      let kept = 0
      for (let round = 0; round < 5; round++) {
        const { browser, id } = await loggedIn()
        const updates = Array.from({ length: 50 }, (_, n): Promise<unknown> => {
          const manager = managers[n % 2 === 0 ? 0 : 1]
          return n % 3 === 0 ? manager.update(id, addOneSlowly) : manager.update(id, addOne)
        })
        await Promise.all(updates)
        const page = await browser.get(`${app1.url}/read`)
        assert.equal(page.json.user, 'ann')
        kept += Number((await managers[1].read(id))?.count)
      }
      assert.equal(kept, 250)
    })

    test('an update resolves to what its function returns, and is seen by every server', async () => {
      const { browser, id } = await loggedIn()
      assert.equal(await managers[0].update(id, addOne), 1)
      assert.equal(await managers[1].update(id, addOne), 2)
      assert.equal((await browser.get(`${app2.url}/read`)).json.count, 2)
    })

    test('the signed cookie value is as good as the id', async () => {
      const { browser, id } = await loggedIn()
      const [, cookie = ''] = /connect\.sid=([^;]*)/.exec(browser.cookieHeader) ?? []
      assert.equal(managers[0].idOfCookie(browser.cookieHeader), id)
      assert.equal(await managers[0].update(cookie, addOne), 1)
      assert.equal(await managers[0].update(decodeURIComponent(cookie), addOne), 2)
      const forged = `${decodeURIComponent(cookie).slice(0, -2)}xx`
      await assert.rejects(managers[0].update(forged, addOne), { code: 'HOLDFAST_SESSION_GONE' })
      assert.equal(managers[0].idOfCookie(`connect.sid=${forged}`), undefined)
    })

    test('an unknown id is never made a session', async () => {
      const { id } = await loggedIn()
      const unknown = id.replace(/^.{8}/, 'unknown0')
      for (const one of [unknown, 'no id!', '']) {
        await assert.rejects(managers[0].update(one, addOne), { code: 'HOLDFAST_SESSION_GONE' })
        assert.equal(await managers[0].read(one), undefined)
        assert.equal(await managers[0].touch(one), false)
        await managers[0].destroyById(one)
      }
      const calls: unknown[] = []
      await managers[0].destroyById(id)
      const late = managers[1].update(id, (attributes) => calls.push(attributes))
      await assert.rejects(late, { code: 'HOLDFAST_SESSION_GONE' })
      assert.deepEqual(calls, [])
    })

    test('a function that throws, or changes nothing, stores nothing', async () => {
      const { id } = await loggedIn()
      const failing = managers[0].update(id, (attributes) => {
        attributes.user = 'mallory'
        throw new Error('no')
      })
      await assert.rejects(failing, /^Error: no$/)
      const cost = await costOf(store, () => managers[0].update(id, () => 'nothing'))
      assert.equal(cost.sets, 0)
      assert.deepEqual(await managers[0].read(id), { user: 'ann' })
    })

    test('an update inside a request and the request’s own change are both kept', async () => {
      const { browser, id } = await loggedIn()
      const pages = await Promise.all(
        Array.from({ length: 10 }, () => browser.get(`${app1.url}/update`)),
      )
      assert.deepEqual(
        pages.map(({ json }) => json.count).sort((a, b) => Number(a) - Number(b)),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      )
      for (const { json } of pages) assert.ok(Number(json.seen) >= Number(json.count))
      assert.deepEqual(await managers[0].read(id), { user: 'ann', mine: 'kept', count: 10 })
      const fresh = await new Browser().get(`${app1.url}/update`)
      assert.deepEqual(fresh.json, { count: 1, seen: 1 })
    })

    test('touch renews the stored session, and reading is no use of it', async () => {
      const { id } = await loggedIn()
      assert.equal(await managers[1].touch(id), true)
      const cost = await costOf(store, () => managers[1].read(id))
      assert.deepEqual(cost, { gets: 1, sets: 0, touches: 0, deletes: 0 })
    })

    test('a session that the store lost is gone, but a sticky one lives on in its server', async () => {
      const { id } = await loggedIn()
      await flush(store)
      await assert.rejects(managers[1].update(id, addOne), { code: 'HOLDFAST_SESSION_GONE' })
      if (sticky) assert.equal(await managers[0].update(id, addOne), 1)
      else await assert.rejects(managers[0].update(id, addOne), { code: 'HOLDFAST_SESSION_GONE' })
    })
  })
}

test('with the store away a session in local memory is updated there and stored later', async () => {
  const store = await MemcachedProcess.start()
  const site = await startSite({ memcachedNodes: store.address, operationTimeout: AWAY_AFTER_MS })
  const { sessionManager } = site.sessions
  try {
    const browser = new Browser()
    await browser.get(`${site.url}/set?user=ann`)
    await store.kill()
    assert.equal(await sessionManager.update(browser.sessionId, addOne), 1)
    assert.equal((await browser.get(`${site.url}/read`)).json.count, 1)
  } finally {
    await site.close()
  }
})

test('without a store sessions are updated in local memory', async () => {
  const manager = new SessionManager({ memcachedNodes: 'localhost:1', secret: 's', enabled: false })
  const active = manager.create()
  active.attributes.user = 'ann'
  manager.commit(active)
  await Promise.all(Array.from({ length: 20 }, () => manager.update(active.id, addOneSlowly)))
  assert.deepEqual(await manager.read(active.id), { user: 'ann', count: 20 })
  await manager.close()
})
