import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { costOf, flush, has, put } from '../test-support/memcached-counts.ts'
import { startSlowLink } from '../test-support/slow-link.ts'
import {
  AWAY_AFTER_MS,
  Browser,
  eventually,
  startSite,
  type TestSite,
} from '../test-support/test-site.ts'

const NOTHING = { gets: 0, sets: 0, touches: 0, deletes: 0 }

describe('sticky sessions', () => {
  let store: MemcachedProcess
  let app1: TestSite
  let app2: TestSite
  before(async () => {
    store = await MemcachedProcess.start()
    const options = { memcachedNodes: store.address, sessionBackupAsync: false }
    app1 = await startSite({ ...options, jvmRoute: 'app1' })
    app2 = await startSite({ ...options, jvmRoute: 'app2' })
  })
  after(async () => {
    await app1.close()
    await app2.close()
    await store.kill()
  })

  test('a request without a session costs nothing and sets no cookie', async () => {
    const browser = new Browser()
    const cost = await costOf(store, async () => {
      await browser.get(`${app1.url}/none`)
      await browser.get(`${app1.url}/read`)
    })
    assert.deepEqual(cost, NOTHING)
    assert.equal(browser.cookies.size, 0)
  })

  test('a new or changed session costs one set, an unchanged one nothing', async () => {
    const browser = new Browser()
    const url = app1.url
    const oneSet = { ...NOTHING, sets: 1 }
    assert.deepEqual(await costOf(store, () => browser.get(`${url}/set?a=1`)), oneSet)
    assert.match(browser.sessionId, /^\w{32}\.app1$/)
    assert.ok(await has(store, browser.sessionId))
    assert.deepEqual(await costOf(store, () => browser.get(`${url}/read`)), NOTHING)
    assert.deepEqual(await costOf(store, () => browser.get(`${url}/none`)), NOTHING)
    assert.deepEqual(await costOf(store, () => browser.get(`${url}/set?a=1`)), NOTHING)
    assert.deepEqual(await costOf(store, () => browser.get(`${url}/set?a=2`)), oneSet)
  })

  test('a takeover costs one get and one set, and moves the cookie', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const oldId = browser.sessionId
    const cost = await costOf(store, async () => {
      const page = await browser.get(`${app2.url}/read`)
      assert.equal(page.json.user, 'ann')
    })
    assert.deepEqual(cost, { gets: 1, sets: 1, touches: 0, deletes: 0 })
    assert.equal(browser.sessionId, oldId.replace('.app1', '.app2'))
    assert.ok(await has(store, browser.sessionId))
    const again = await browser.get(`${app2.url}/read`)
    assert.equal(again.json.user, 'ann')
    assert.equal(again.headers.get('set-cookie'), null)
  })

  test('two servers that take a session over at once share it', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const app3 = await startSite({ memcachedNodes: store.address, jvmRoute: 'app3' })
    try {
      const urls = [app2, app3].flatMap(({ url }, server) =>
        [1, 2, 3].map((n) => `${url}/slow-set?k${server}${n}=1`),
      )
      const headers = { cookie: browser.cookieHeader }
      const pages = await Promise.all(urls.map((url) => fetch(url, { headers })))
      for (const page of pages) assert.equal(page.status, 200)
      const { json } = await browser.get(`${app1.url}/read`)
      const moved = new Browser()
      moved.cookies.set('connect.sid', cookieOf(pages[5]))
      assert.equal(json.user, 'ann')
      await eventually(async () => {
        const page = await moved.get(`${app2.url}/read`)
        return Object.keys(page.json).filter((name) => name.startsWith('k')).length === 6
      })
    } finally {
      await app3.close()
    }
  })

  test('ten parallel requests after the death of a server share one takeover', async (t) => {
    // Slow enough that all ten are there before the first has loaded the session.
    const link = await startSlowLink(store.port, 500)
    const late = await startSite({
      memcachedNodes: link.address,
      jvmRoute: 'late',
      storeWait: 5000,
    })
    t.after(async () => {
      await late.close()
      await link.close()
    })
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const cookie = browser.cookieHeader
    const urls = Array.from({ length: 10 }, (_, n) => `${late.url}/slow-set?k${n}=1`)
    const cost = await costOf(store, async () => {
      const pages = await Promise.all(urls.map((url) => fetch(url, { headers: { cookie } })))
      for (const page of pages) assert.equal(page.status, 200)
    })
    assert.equal(cost.gets, 1)
    assert.ok(cost.sets <= 10)
    const page = await browser.get(`${late.url}/read`)
    const names = Object.keys(page.json).filter((name) => name.startsWith('k'))
    assert.equal(names.length, 10)
    assert.equal(page.json.user, 'ann')
  })

  test('a user who is moved away and back meets the newer state', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?a=1`)
    await browser.get(`${app2.url}/set?a=2`)
    const page = await browser.get(`${app1.url}/read`)
    assert.equal(page.json.a, '2')
    assert.match(browser.sessionId, /\.app1$/)
  })

  test('parallel increments in one process are all counted', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/count`)
    await Promise.all(Array.from({ length: 50 }, () => browser.get(`${app1.url}/count`)))
    assert.equal((await browser.get(`${app1.url}/read`)).json.count, 51)
    assert.equal((await browser.get(`${app2.url}/read`)).json.count, 51)
  })

  test('a session ends by logout everywhere', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const cookies = new Map(browser.cookies)
    const id = browser.sessionId
    await browser.get(`${app1.url}/logout`)
    assert.equal(await has(store, id), false)
    for (const { url } of [app1, app2]) {
      const replay = new Browser()
      for (const [name, value] of cookies) replay.cookies.set(name, value)
      const page = await replay.get(`${url}/read`)
      assert.equal(page.json.user, undefined)
      assert.notEqual(page.json.id, id)
    }
  })

  test('a slow request does not bring a destroyed session back', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const id = browser.sessionId
    const slow = browser.get(`${app1.url}/slow-set?late=1`)
    await browser.get(`${app1.url}/logout`)
    await slow
    assert.equal(await has(store, id), false)
  })

  test('regenerate gives a new id and forgets the old one', async () => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const id = browser.sessionId
    await browser.get(`${app1.url}/regenerate`)
    assert.notEqual(browser.sessionId, id)
    assert.equal(await has(store, id), false)
    const page = await browser.get(`${app1.url}/read`)
    assert.equal(page.json.fresh, true)
    assert.equal(page.json.user, undefined)
  })

  test('an id that nobody made is not adopted, signed or not', async () => {
    for (const value of [
      app1.sessions.sessionManager.cookieValue(app1.sessions.sessionManager.create()),
      's:planted.app1.forged',
      'planted',
    ]) {
      const browser = new Browser()
      browser.cookies.set('connect.sid', encodeURIComponent(value))
      const page = await browser.get(`${app1.url}/set?a=1`)
      assert.equal(value.includes(String(page.json.id)), false)
      assert.match(browser.sessionId, /^\w{32}\.app1$/)
    }
  })

  test('what cannot be read stays in the store, and the user gets a fresh session', async () => {
    const { sessionManager } = app1.sessions
    const unreadable = sessionManager.create()
    await put(store, unreadable.id, '{"v":9}')
    const browser = new Browser()
    browser.cookies.set('connect.sid', encodeURIComponent(sessionManager.cookieValue(unreadable)))
    const page = await browser.get(`${app1.url}/set?a=1`)
    assert.equal(page.status, 200)
    assert.notEqual(page.json.id, unreadable.id)
    assert.ok(await has(store, unreadable.id))
  })
})

test('node ids are part of the session id, and every listed node can be used', async (t) => {
  const stores = [await MemcachedProcess.start(), await MemcachedProcess.start()]
  const memcachedNodes = stores.map(({ address }, index) => `n${index + 1}:${address}`).join(' ')
  const site = await startSite({ memcachedNodes, sessionBackupAsync: false })
  t.after(async () => {
    await site.close()
    for (const store of stores) await store.kill()
  })
  const seen = new Set<string>()
  for (let round = 0; round < 20; round++) {
    const browser = new Browser()
    await browser.get(`${site.url}/set?a=1`)
    const nodeId = /^\w{32}-(n[12])$/.exec(browser.sessionId)?.[1] ?? 'none'
    seen.add(nodeId)
    const store = stores[Number(nodeId.slice(1)) - 1]
    assert.ok(store !== undefined && (await has(store, browser.sessionId)))
  }
  assert.deepEqual([...seen].sort(), ['n1', 'n2'])
})

test('with the store away local sessions are served, and stored when it is back', async (t) => {
  const store = await MemcachedProcess.start()
  const options = { memcachedNodes: store.address, operationTimeout: AWAY_AFTER_MS }
  const app1 = await startSite({ ...options, jvmRoute: 'app1' })
  const app2 = await startSite({ ...options, jvmRoute: 'app2' })
  t.after(async () => {
    await app1.close()
    await app2.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${app1.url}/count`)
  await eventually(() => has(store, browser.sessionId))
  await store.kill()
  assert.equal((await browser.get(`${app1.url}/count`)).json.count, 2)
  assert.equal((await app1.sessions.health()).ok, false)
  const takeover = await browser.get(`${app2.url}/read`)
  assert.equal(takeover.status, 503)
  assert.equal(takeover.json.code, 'HOLDFAST_STORE_UNAVAILABLE')
  await store.restart()
  await eventually(() => has(store, browser.sessionId))
  assert.equal((await browser.get(`${app2.url}/count`)).json.count, 3)
  assert.equal((await app2.sessions.health()).ok, true)
})

test('a logout while the store is away is made good when it is back', async (t) => {
  const store = await MemcachedProcess.start()
  const options = {
    memcachedNodes: store.address,
    operationTimeout: AWAY_AFTER_MS,
    sessionBackupAsync: false,
  }
  const site = await startSite({ ...options, jvmRoute: 'app1' })
  t.after(async () => {
    await site.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${site.url}/set?user=ann`)
  await store.freeze()
  assert.equal((await browser.get(`${site.url}/logout`)).status, 503)
  assert.equal((await browser.get(`${site.url}/read`)).json.user, undefined)
  const id = browser.sessionId
  store.thaw()
  await eventually(async () => !(await has(store, id)))
})

test('an active, unmodified session does not vanish from the store', async (t) => {
  const store = await MemcachedProcess.start()
  const options = { memcachedNodes: store.address, maxInactiveInterval: 2 }
  const app1 = await startSite({ ...options, jvmRoute: 'app1' })
  const app2 = await startSite({ ...options, jvmRoute: 'app2' })
  t.after(async () => {
    await app1.close()
    await app2.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${app1.url}/set?user=ann`)
  const startMs = performance.now()
  while (performance.now() - startMs < 4000) {
    assert.equal((await browser.get(`${app1.url}/read`)).json.user, 'ann')
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  assert.equal((await browser.get(`${app2.url}/read`)).json.user, 'ann')
})

test('an unused session expires, and its id is not used again', async (t) => {
  const store = await MemcachedProcess.start()
  const site = await startSite({
    memcachedNodes: store.address,
    maxInactiveInterval: 1,
    sessionBackupAsync: false,
    jvmRoute: 'app1',
  })
  t.after(async () => {
    await site.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${site.url}/set?user=ann`)
  const id = browser.sessionId
  await eventually(async () => !(await has(store, id)))
  const page = await browser.get(`${site.url}/read`)
  assert.equal(page.json.user, undefined)
  assert.notEqual(page.json.id, id)
})

test('a session that the store has lost is stored again while it is used', async (t) => {
  const store = await MemcachedProcess.start()
  const site = await startSite({ memcachedNodes: store.address, maxInactiveInterval: 2 })
  t.after(async () => {
    await site.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${site.url}/set?user=ann`)
  await flush(store)
  await eventually(async () => {
    await browser.get(`${site.url}/read`)
    return has(store, browser.sessionId)
  })
  assert.equal((await browser.get(`${site.url}/read`)).json.user, 'ann')
})

test('above maxActiveSessions the first attribute of a new session is refused', async (t) => {
  const site = await startSite({
    memcachedNodes: '127.0.0.1:1',
    enabled: false,
    maxActiveSessions: 1,
  })
  t.after(() => site.close())
  const first = new Browser()
  await first.get(`${site.url}/set?a=1`)
  const refused = await new Browser().get(`${site.url}/set?a=1`)
  assert.equal(refused.status, 503)
  assert.equal(refused.json.code, 'HOLDFAST_TOO_MANY_SESSIONS')
  assert.equal((await new Browser().get(`${site.url}/none`)).status, 200)
  assert.equal((await first.get(`${site.url}/set?b=2`)).status, 200)
})

test('closing waits for the backups that are out', async (t) => {
  const store = await MemcachedProcess.start()
  const link = await startSlowLink(store.port, 200)
  t.after(async () => {
    await link.close()
    await store.kill()
  })
  const site = await startSite({ memcachedNodes: link.address, storeWait: 2000 })
  const browser = new Browser()
  await browser.get(`${site.url}/set?a=1`)
  await site.close()
  assert.ok(await has(store, browser.sessionId))
})

/** The session cookie that a response sets. */
function cookieOf(response: Response | undefined): string {
  const [line = ''] = response?.headers.getSetCookie() ?? []
  return line.slice(line.indexOf('=') + 1).split(';', 1)[0] ?? ''
}
