// The original's test list: a session goes on at another application server, because its own died
// or the balancer moved the user.
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { until } from '@holdfast/client/testing'
import {
  BehaviourStage,
  type Host,
  MODES,
  MODES_WITH_STICKY_LOCKS,
  type Mode,
  NON_STICKY_MODES,
  STICKY_MODES,
} from '../test-support/behaviour-stage.ts'
import { GatedProcess } from '../test-support/gated-process.ts'
import { has, keysOf, ttlOf } from '../test-support/memcached-counts.ts'
import { Browser } from '../test-support/test-site.ts'

const HOUR_MS = 3_600_000

describe('another server', { concurrency: 4 }, () => {
  for (const mode of STICKY_MODES) {
    test(`${mode.name}: takes over: the route is replaced, the key stays, listeners are told the new id`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const [host, other] = [await stage.host(), await stage.host()]
      const told: string[] = []
      other.manager.on('takenOver', ({ id, previousId }) => told.push(`${previousId} ${id}`))
      const browser = new Browser()
      await browser.get(`${host.url}/set?a=1`)
      const before = browser.sessionId
      const keys = await keysOf(stage.store)
      const page = await browser.get(`${other.url}/read`)
      assert.equal(page.json.a, '1')
      const after = before.replace('.app1', '.app2')
      assert.equal(browser.sessionId, after)
      assert.equal(page.json.id, after)
      assert.deepEqual(told, [`${before} ${after}`])
      assert.deepEqual(await keysOf(stage.store), keys)
      const again = await browser.get(`${other.url}/read`)
      assert.equal(again.headers.get('set-cookie'), null)
    })

    test(`${mode.name}: two that take over at once share the session, and lose nothing`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const host = await stage.host()
      const browser = new Browser()
      await browser.get(`${host.url}/set?user=ann`)
      await host.close()
      const heirs = [await stage.host(), await stage.host()]
      const names = Array.from({ length: 12 }, (_, n) => `k${n}`)
      const headers = { cookie: browser.cookieHeader }
      const requests = names.map((name, n) =>
        fetch(`${heirs[n % 2]?.url}/gate?${name}=1`, { method: 'POST', headers }),
      )
      for (const { gate } of heirs) await gate.arrived(names.length / 2)
      for (const { gate } of heirs) gate.open()
      for (const page of await Promise.all(requests)) assert.equal(page.status, 200)
      assert.equal((await keysOf(stage.store)).length, 1)
      const third = await stage.host()
      const { json } = await browser.get(`${third.url}/read`)
      assert.equal(json.user, 'ann')
      assert.deepEqual(
        names.filter((name) => json[name] !== '1'),
        [],
      )
    })
  }

  for (const mode of NON_STICKY_MODES) {
    test(`${mode.name}: serves the session under the same id, with no cookie and no event`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const [host, other] = [await stage.host(), await stage.host()]
      const told: string[] = []
      for (const { manager } of [host, other]) manager.on('takenOver', ({ id }) => told.push(id))
      const browser = new Browser()
      await browser.get(`${host.url}/set?a=1`)
      const id = browser.sessionId
      const page = await browser.get(`${other.url}/set?b=2`)
      assert.equal(page.headers.get('set-cookie'), null)
      const { json } = await browser.get(`${host.url}/read`)
      assert.deepEqual([json.id, json.a, json.b], [id, '1', '2'])
      assert.deepEqual(told, [])
    })

    test(`${mode.name}: a use at one server is known to all`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const [host, other] = [await stage.host(), await stage.host()]
      const browser = new Browser()
      await browser.get(`${host.url}/set?a=1`)
      const full = await ttlOf(stage.store, browser.sessionId)
      await until('a second has passed', async () => {
        return (await ttlOf(stage.store, browser.sessionId)) < full
      })
      await browser.get(`${other.url}/none`)
      assert.ok((await ttlOf(stage.store, browser.sessionId)) >= full)
    })
  }

  for (const mode of MODES_WITH_STICKY_LOCKS) {
    test(`${mode.name}: finishes a login that was begun at the first`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const [host, other] = [await stage.host(), await stage.host()]
      const browser = new Browser()
      await browser.get(`${host.url}/set?wanted=/page`)
      const anonymous = browser.sessionId
      const login = await browser.get(`${other.url}/login?user=ann`, { method: 'POST' })
      assert.equal(login.json.wanted, '/page')
      assert.notEqual(browser.sessionId.slice(0, 32), anonymous.slice(0, 32), 'no fixation')
      assert.equal(await has(stage.store, anonymous), false)
      const { json } = await browser.get(`${host.url}/read`)
      assert.deepEqual([json.user, json.wanted], ['ann', '/page'])
    })

    test(`${mode.name}: keeps the login, and what is changed while it takes over`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const host = await stage.host()
      const browser = new Browser()
      await browser.get(`${host.url}/login?user=ann`, { method: 'POST' })
      await host.close()
      const other = await stage.host()
      await browser.get(`${other.url}/set?a=1`)
      const third = await stage.host()
      const { json } = await browser.get(`${third.url}/read`)
      assert.deepEqual([json.user, json.a], ['ann', '1'])
    })
  }
})

describe('a server', { concurrency: 2 }, () => {
  for (const mode of MODES) {
    test(`${mode.name}: that is killed leaves every answered change to the next`, async (t) => {
      const { stage, first, browser } = await withProcess(t, mode)
      await browser.get(`${first.url}/set?a=1`)
      await browser.get(`${first.url}/set?b=2`)
      // A lock goes back after the response; one that its holder leaves behind has to expire first.
      const lock = `lock:${browser.sessionId}`
      await until('the lock is given back', async () => !(await has(stage.store, lock)))
      await first.kill()
      const host = await stage.host()
      const page = await browser.get(`${host.url}/read`)
      assert.deepEqual([page.status, page.json.a, page.json.b], [200, '1', '2'])
    })
  }

  for (const mode of MODES.slice(0, 2)) {
    for (const clockAheadMs of [HOUR_MS, -HOUR_MS]) {
      const skew = clockAheadMs > 0 ? 'ahead' : 'behind'
      test(`${mode.name}: whose clock is an hour ${skew} shares its sessions with the others`, async (t) => {
        const { stage, first, browser } = await withProcess(t, mode, clockAheadMs)
        const host = await stage.host({ maxInactiveInterval: 60 })
        await browser.get(`${host.url}/set?a=1`)
        const ttl = await ttlOf(stage.store, browser.sessionId)
        await isShared(browser, [first, host, first, host])
        await browser.get(`${first.url}/set?b=2`)
        await isShared(browser, [host, first])
        assert.equal((await browser.get(`${host.url}/read`)).json.b, '2')
        const later = await ttlOf(stage.store, browser.sessionId)
        assert.ok(Math.abs(later - ttl) <= 5, `its life is the store’s: ${ttl}, ${later}`)
      })
    }
  }
})

async function withProcess(
  t: TestContext,
  { sticky, lockingMode }: Mode,
  clockAheadMs = 0,
): Promise<{ stage: BehaviourStage; first: GatedProcess; browser: Browser }> {
  const stage = await BehaviourStage.open(t, { name: '', sticky, lockingMode, locks: false })
  const route = sticky ? { jvmRoute: 'first', sessionBackupAsync: false } : {}
  const options = { sticky, lockingMode, maxInactiveInterval: 60, ...route }
  const first = await GatedProcess.start(stage.nodes, options, clockAheadMs)
  t.after(() => first.kill())
  return { stage, first, browser: new Browser() }
}

async function isShared(
  browser: Browser,
  servers: readonly Pick<Host | GatedProcess, 'url'>[],
): Promise<void> {
  for (const { url } of servers) {
    const page = await browser.get(`${url}/read`)
    assert.equal(page.json.a, '1')
  }
}
