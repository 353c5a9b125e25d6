import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { MemcachedProcess } from '@holdfast/client/testing'
import type { SessionOptions } from '../options.ts'
import { put } from '../test-support/memcached-counts.ts'
import { startSlowLink } from '../test-support/slow-link.ts'
import { Browser, eventually, startSite, type TestSite } from '../test-support/test-site.ts'
import { EMPTY_INDEX, encodeIndex, withEnded } from './user-index.ts'

const POLL_MS = 100
let users = 0
/** Each test has users of its own. */
const someone = (): string => `user${users++}`

for (const sticky of [false, true]) {
  describe(`sessions by user, ${sticky ? 'sticky' : 'non-sticky'}`, () => {
    let store: MemcachedProcess
    let app1: TestSite
    let app2: TestSite
    const options = (route: string): Omit<SessionOptions, 'secret'> => ({
      memcachedNodes: `n1:${store.address}`,
      sticky,
      route,
      userOf: 'user',
      revocationPoll: POLL_MS,
    })
    before(async () => {
      store = await MemcachedProcess.start()
      app1 = await startSite(options('app1'), (app) => {
        app.get('/set-object', (req, res) => {
          req.session.user = { name: 'ann' }
          res.send('stored')
        })
      })
      app2 = await startSite(options('app2'))
    })
    after(async () => {
      await app1.close()
      await app2.close()
      await store.kill()
    })

    async function login(user: string, site: TestSite = app1): Promise<Browser> {
      const browser = new Browser()
      await browser.get(`${site.url}/set?user=${user}`)
      return browser
    }
    async function isLoggedIn(browser: Browser, site: TestSite = app1): Promise<boolean> {
      return (await browser.get(`${site.url}/read`)).json.user !== undefined
    }
    async function listed(user: string): Promise<string[]> {
      return (await app2.sessions.sessionManager.listByUser(user)).map(({ id }) => id).sort()
    }

    test('the sessions of a user are listed as soon as the login is answered', async () => {
      const user = someone()
      const startMs = Date.now()
      const browsers = [await login(user, app1), await login(user, app2)]
      await login(someone(), app1)
      assert.deepEqual(await listed(user), browsers.map(({ sessionId }) => sessionId).sort())
      const [first] = await app1.sessions.sessionManager.listByUser(user)
      assert.ok(first !== undefined && first.createdMs >= startMs)
      assert.ok(first.lastSeenMs >= first.createdMs && first.lastSeenMs <= Date.now())
    })

    test('a logout, a change of the user and a regenerate are followed', async () => {
      const [user, other] = [someone(), someone()]
      const browsers = [await login(user), await login(user), await login(user)] as const
      await browsers[0].get(`${app1.url}/logout`)
      await browsers[1].get(`${app1.url}/set?user=${other}`)
      await browsers[2].get(`${app1.url}/regenerate`)
      assert.deepEqual(await listed(user), [])
      assert.deepEqual(await listed(other), [browsers[1].sessionId])
      await browsers[2].get(`${app1.url}/set?user=${user}`)
      assert.deepEqual(await listed(user), [browsers[2].sessionId])
    })

    test('a session keeps its place when it moves to another server', async () => {
      const user = someone()
      const browser = await login(user, app1)
      await browser.get(`${app2.url}/read`)
      await eventually(async () => (await listed(user))[0] === browser.sessionId)
      assert.equal((await listed(user)).length, 1)
    })

    test('a revoked session ends on every server', async () => {
      const user = someone()
      const browser = await login(user, app1)
      const other = await login(user, app1)
      assert.equal(await app2.sessions.sessionManager.revoke(browser.sessionId), true)
      assert.deepEqual(await listed(user), [other.sessionId])
      await eventually(async () => !(await isLoggedIn(browser)))
      assert.equal(await isLoggedIn(other), true)
      assert.equal(await app2.sessions.sessionManager.revoke('nobody-n1'), false)
    })

    test('everywhere but here: revokeUser spares the session that asks', async () => {
      const user = someone()
      const here = await login(user, app1)
      const others = [await login(user, app1), await login(user, app2)]
      const ended = await app2.sessions.sessionManager.revokeUser(user, { except: here.sessionId })
      assert.equal(ended, 2)
      assert.deepEqual(await listed(user), [here.sessionId])
      for (const [n, browser] of others.entries()) {
        await eventually(async () => !(await isLoggedIn(browser, n === 0 ? app1 : app2)))
      }
      assert.equal(await isLoggedIn(here), true)
      assert.equal(await app1.sessions.sessionManager.revokeUser(user), 1)
      assert.deepEqual(await listed(user), [])
    })

    test('a revoked session is not brought back by a request that was under way', async () => {
      const user = someone()
      const browser = await login(user, app1)
      const late = browser.get(`${app1.url}/slow-set?late=1`)
      await app2.sessions.sessionManager.revokeUser(user)
      await late
      await eventually(async () => !(await isLoggedIn(browser)))
      assert.deepEqual(await listed(user), [])
    })

    test('logins and a revokeUser at once leave no live session unlisted', async () => {
      for (let round = 0; round < 10; round++) {
        const user = someone()
        const siteOf = (n: number): TestSite => (n % 2 === 0 ? app1 : app2)
        const early = [0, 1, 2].map((n) => login(user, siteOf(n)))
        const revoked = app2.sessions.sessionManager.revokeUser(user)
        const late = [3, 4, 5].map((n) => login(user, siteOf(n)))
        await revoked
        const browsers = await Promise.all([...early, ...late])
        const ids = await listed(user)
        for (const [n, browser] of browsers.entries()) {
          // A login that was refused has no cookie.
          if (browser.cookies.size === 0 || ids.includes(browser.sessionId)) continue
          await eventually(async () => !(await isLoggedIn(browser, siteOf(n))))
        }
        for (const [n, browser] of browsers.entries()) {
          if (!ids.includes(browser.sessionId)) continue
          assert.equal(await isLoggedIn(browser, siteOf(n)), true)
        }
      }
    })

    test('logins at once on two servers are all listed', async () => {
      const user = someone()
      const browsers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => login(user, n % 2 === 0 ? app1 : app2)),
      )
      assert.deepEqual(await listed(user), browsers.map(({ sessionId }) => sessionId).sort())
    })

    test('what userOf cannot use is an error of the application', async () => {
      const browser = new Browser()
      assert.equal((await browser.get(`${app1.url}/set-object`)).status, 500)
      assert.equal(browser.cookies.size, 0)
      assert.throws(() => app1.sessions.sessionManager.listByUser(''), TypeError)
    })

    test('what a revoker that died has left is completed by whoever reads the list', async () => {
      const user = someone()
      const browser = await login(user)
      const sid = browser.sessionId.slice(0, browser.sessionId.indexOf('-'))
      const left = withEnded(EMPTY_INDEX, [{ sid, id: browser.sessionId }], Date.now() - 6000, 1800)
      const hash = createHash('sha256').update(user).digest('hex')
      await put(store, `user:${hash}`, encodeIndex(left).toString())
      assert.equal(await isLoggedIn(browser), true)
      assert.deepEqual(await listed(user), [])
      await eventually(async () => !(await isLoggedIn(browser)))
    })

    test('a list that is lost fills again while its sessions are used', async () => {
      const quick = await startSite({ ...options('app3'), maxInactiveInterval: 4 })
      try {
        const user = someone()
        const browser = await login(user, quick)
        const hash = createHash('sha256').update(user).digest('hex')
        await put(store, `user:${hash}`, 'broken')
        assert.deepEqual(await listed(user), [])
        await eventually(async () => {
          await browser.get(`${quick.url}/read`)
          return (await listed(user)).includes(browser.sessionId)
        })
      } finally {
        await quick.close()
      }
    })
  })
}

for (const sticky of [false, true]) {
  test(`sessionsPerUserMax, ${sticky ? 'sticky' : 'non-sticky'}`, async (t) => {
    const store = await MemcachedProcess.start()
    const options = { memcachedNodes: store.address, sticky, userOf: 'user', revocationPoll: 50 }
    const reject = await startSite({
      ...options,
      storageKeyPrefix: 'a',
      sessionsPerUserMax: 2,
      sessionsPerUserPolicy: 'reject',
    })
    const endOldest = await startSite({
      ...options,
      storageKeyPrefix: 'b',
      sessionsPerUserMax: 2,
    })
    const login = async (site: TestSite, browser = new Browser()): Promise<[number, Browser]> => {
      const page = await browser.get(`${site.url}/set?user=ann`)
      return [page.status, browser]
    }

    await t.test('reject refuses the login, at most two of many at once get in', async () => {
      const logins = await Promise.all(Array.from({ length: 8 }, () => login(reject)))
      const statuses = logins.map(([status]) => status)
      assert.deepEqual(statuses.sort(), [200, 200, 403, 403, 403, 403, 403, 403])
      assert.equal((await reject.sessions.sessionManager.listByUser('ann')).length, 2)
      const [, first] = logins.find(([status]) => status === 200) ?? []
      await first?.get(`${reject.url}/logout`)
      assert.equal((await login(reject))[0], 200)
    })

    await t.test('a refused login leaves the session as it was', async () => {
      const browser = new Browser()
      await browser.get(`${reject.url}/set?cart=full`)
      assert.equal((await login(reject, browser))[0], 403)
      const { json } = await browser.get(`${reject.url}/read`)
      assert.equal(json.cart, 'full')
      assert.equal(json.user, undefined)
    })

    await t.test('endOldest ends the session that was created first', async () => {
      const browsers: Browser[] = []
      for (let n = 0; n < 4; n++) browsers.push((await login(endOldest))[1])
      const listed = await endOldest.sessions.sessionManager.listByUser('ann')
      assert.deepEqual(
        listed.map(({ id }) => id).sort(),
        browsers
          .slice(2)
          .map(({ sessionId }) => sessionId)
          .sort(),
      )
      const users: unknown[] = []
      for (const browser of browsers) {
        users.push((await browser.get(`${endOldest.url}/read`)).json.user)
      }
      assert.deepEqual(users, [undefined, undefined, 'ann', 'ann'])
    })

    await reject.close()
    await endOldest.close()
    await store.kill()
  })
}

test('without polling a revoked sticky session ends when its use is noted', async () => {
  const store = await MemcachedProcess.start()
  const options = {
    memcachedNodes: store.address,
    userOf: 'user',
    revocationPoll: 0,
    maxInactiveInterval: 4,
  }
  const app1 = await startSite({ ...options, route: 'app1' })
  const app2 = await startSite({ ...options, route: 'app2' })
  try {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    assert.equal(await app2.sessions.sessionManager.revokeUser('ann'), 1)
    assert.equal((await browser.get(`${app1.url}/read`)).json.user, 'ann')
    await eventually(async () => {
      return (await browser.get(`${app1.url}/read`)).json.user === undefined
    })
  } finally {
    await app1.close()
    await app2.close()
    await store.kill()
  }
})

for (const sticky of [false, true]) {
  const mode = sticky ? 'sticky' : 'non-sticky'
  test(`${mode}: over a slow link, logins and revocations leave nothing unlisted`, async () => {
    const store = await MemcachedProcess.start()
    const link = await startSlowLink(Number(store.address.split(':')[1]), 10)
    const options = { sticky, userOf: 'user', revocationPoll: POLL_MS }
    const slow = await startSite({
      ...options,
      memcachedNodes: `n1:${link.address}`,
      route: 'app1',
    })
    const fast = await startSite({
      ...options,
      memcachedNodes: `n1:${store.address}`,
      route: 'app2',
    })
    const { sessionManager } = fast.sessions
    try {
      for (let round = 0; round < 15; round++) {
        const user = someone()
        const browser = new Browser()
        const loggingIn = browser.get(`${slow.url}/set?user=${user}`)
        // The revocations fall before, between and after the steps of the login.
        await delay(round * 4)
        await sessionManager.revokeUser(user)
        const { status } = await loggingIn
        const listed = await sessionManager.listByUser(user)
        const isListed = listed.some(({ id }) => id === browser.sessionId)
        if (isListed) {
          assert.equal(status, 200)
          assert.equal((await browser.get(`${slow.url}/read`)).json.user, user)
        } else {
          await eventually(async () => {
            return (await browser.get(`${slow.url}/read`)).json.user === undefined
          })
        }
      }
    } finally {
      await slow.close()
      await fast.close()
      await link.close()
      await store.kill()
    }
  })
}
