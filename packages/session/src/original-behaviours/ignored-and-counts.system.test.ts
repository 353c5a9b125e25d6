// The original's test list: what each kind of request costs in operations of the storage, counted
// by memcached itself (it counts a gats as a touch, and the add and the release of a lock as sets).
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
  unlocked,
} from '../test-support/behaviour-stage.ts'
import { type Counts, costOf, countsOf, has } from '../test-support/memcached-counts.ts'
import { Browser } from '../test-support/test-site.ts'

const NOTHING: Counts = { gets: 0, sets: 0, touches: 0, deletes: 0 }
const LOCK_SETS = 2

describe('operations', { concurrency: 4 }, () => {
  for (const mode of MODES_WITH_STICKY_LOCKS) {
    test(`${mode.name}: a request without a session costs nothing`, async (t) => {
      const { stage, host, cost } = await counted(t, mode, 2)
      assert.deepEqual(await cost(new Browser(), host, '/none'), NOTHING)
      assert.deepEqual(await cost(new Browser(), host, '/read'), NOTHING)
      const second = await countsOf(stage.storeAt(1))
      assert.deepEqual([second.sets, second.touches, second.deletes], [0, 0, 0])
    })

    test(`${mode.name}: creating a session is one set, and nothing else`, async (t) => {
      const { host, cost } = await counted(t, mode)
      assert.deepEqual(await cost(new Browser(), host, '/set?a=1'), { ...NOTHING, sets: 1 })
    })

    test(`${mode.name}: what leaves a session as it is writes nothing`, async (t) => {
      const { host, cost } = await counted(t, mode)
      const browser = new Browser()
      await browser.get(`${host.url}/set?a=1`)
      // In mode auto each kind is locked once, until it is learnt.
      const paths = ['/read', '/none', '/set?a=1']
      for (const path of paths) await cost(browser, host, path)
      const sets = mode.lockingMode === 'all' || mode.name.includes('uriPattern') ? LOCK_SETS : 0
      const expected = mode.sticky ? NOTHING : { ...NOTHING, touches: 1, sets }
      for (const path of paths) {
        assert.deepEqual(await cost(browser, host, path), expected, path)
      }
    })

    test(`${mode.name}: a change is one set`, async (t) => {
      const { host, cost } = await counted(t, mode)
      const browser = new Browser()
      await browser.get(`${host.url}/set?a=1`)
      const sets = mode.locks ? 1 + LOCK_SETS : 1
      const expected = { ...NOTHING, touches: mode.sticky ? 0 : 1, sets }
      for (const value of [2, 3]) {
        assert.deepEqual(await cost(browser, host, `/set?a=${value}`), expected)
      }
    })

    test(`${mode.name}: an ignored request costs nothing, and another host sees what comes after it`, async (t) => {
      const options = { requestUriIgnorePattern: String.raw`.*\.(png|css)(\?.*)?|.*ignored.*` }
      const { stage, host, cost } = await counted(t, mode, 1, options)
      const other = await stage.host(options)
      const browser = new Browser()
      await browser.get(`${host.url}/set?a=1`)
      for (const path of ['/set?a=ignored', '/logo.png?v=1', '/read?ignored']) {
        assert.deepEqual(await cost(browser, host, path), NOTHING, path)
        assert.deepEqual(await cost(browser, other, path), NOTHING, path)
      }
      const cookie = browser.cookieHeader
      await browser.get(`${host.url}/set?b=2&a=1`)
      assert.equal(browser.cookieHeader, cookie)
      const { json } = await browser.get(`${other.url}/read`)
      assert.deepEqual([json.a, json.b], ['1', '2'])
    })

    test(`${mode.name}: a login and a POST after it`, async (t) => {
      const { stage, host } = await counted(t, mode)
      const browser = new Browser()
      const total = await costOf(stage.store, async () => {
        await browser.get(`${host.url}/set?wanted=/page`)
        await browser.get(`${host.url}/login?user=ann`, { method: 'POST' })
        await browser.get(`${host.url}/set?a=1`, { method: 'POST' })
        await unlocked(host)
      })
      // Created, created anew and changed; the old key is deleted, in sticky mode with a mark.
      const sets = 3 + (mode.sticky ? 1 : 0) + (mode.locks ? 2 * LOCK_SETS : 0)
      assert.deepEqual(total, { gets: 0, sets, touches: mode.sticky ? 0 : 2, deletes: 1 })
      assert.ok(await has(stage.store, browser.sessionId))
    })
  }

  for (const mode of STICKY_MODES) {
    test(`${mode.name}: sets over a takeover: 1, 2, again 2, then 3; one get`, async (t) => {
      const { stage, host } = await counted(t, mode)
      const other = await stage.host()
      const browser = new Browser()
      const before = await countsOf(stage.store)
      const soFar = async (): Promise<number[]> => {
        const { gets, sets, touches, deletes } = await countsOf(stage.store)
        assert.deepEqual([touches, deletes], [before.touches, before.deletes])
        return [sets - before.sets, gets - before.gets]
      }
      await browser.get(`${host.url}/set?a=1&user=ann`)
      assert.deepEqual(await soFar(), [1, 0])
      await browser.get(`${other.url}/read`)
      assert.deepEqual(await soFar(), [2, 1])
      await browser.get(`${other.url}/set?a=1`)
      assert.deepEqual(await soFar(), [2, 1])
      await browser.get(`${other.url}/set?a=2`)
      assert.deepEqual(await soFar(), [3, 1])
    })
  }

  for (const mode of NON_STICKY_MODES) {
    test(`${mode.name}: the second node has one operation for each, the third none`, async (t) => {
      const { stage, host } = await counted(t, mode, 3)
      const browser = new Browser()
      await browser.get(`${host.url}/set?a=1`)
      const own = stage.stores.indexOf(stage.storeOf(browser.sessionId))
      const [next, third] = [1, 2].map((step) => stage.storeAt((own + step) % 3))
      assert.ok(next !== undefined && third !== undefined)
      await until('the copy is there', () => has(next, `bak:${browser.sessionId}`))
      const idle = await countsOf(third)
      const behind = async (path: string, done: (cost: Counts) => boolean): Promise<Counts> => {
        const start = await countsOf(next)
        await browser.get(host.url + path)
        let cost = NOTHING
        await until(`the copy after ${path}`, async () => {
          cost = difference(await countsOf(next), start)
          return done(cost)
        })
        return cost
      }
      const read = await behind('/read', ({ touches }) => touches > 0)
      assert.deepEqual(read, { ...NOTHING, touches: 1 })
      const written = await behind('/set?a=2', ({ sets, touches }) => sets > 0 && touches > 0)
      assert.deepEqual(written, { ...NOTHING, touches: 1, sets: 1 })
      assert.deepEqual(await countsOf(third), idle)
    })
  }
})

describe('statistics', { concurrency: 4 }, () => {
  for (const mode of MODES) {
    test(`${mode.name}: requests are counted as the original does`, async (t) => {
      const { host } = await counted(t, mode)
      const browser = new Browser()
      await browser.get(`${host.url}/none`)
      await browser.get(`${host.url}/set?a=1`)
      for (const path of ['/none', '/read', '/set?a=1', '/set?a=2']) {
        await browser.get(host.url + path)
      }
      const statistics = host.manager.statistics()
      assert.equal(statistics.requestsWithoutSession, 2)
      assert.equal(statistics.requestsWithSession, 4)
      assert.equal(statistics.requestsWithoutSessionAccess, 1)
      assert.equal(statistics.requestsWithoutSessionModification, 2)
      assert.equal(statistics.requestsWithBackupFailures, 0)
    })
  }
})

interface Counted {
  stage: BehaviourStage
  host: Host
  /** What a request costs the first store, once the lock is given back. */
  cost: (browser: Browser, host: Host, path: string) => Promise<Counts>
}

async function counted(
  t: TestContext,
  mode: Mode,
  stores = 1,
  options: Parameters<BehaviourStage['host']>[0] = {},
): Promise<Counted> {
  const stage = await BehaviourStage.open(t, mode, stores)
  const host = await stage.host(options)
  const cost: Counted['cost'] = (browser, asked, path) =>
    costOf(stage.store, async () => {
      await browser.get(asked.url + path)
      await unlocked(asked)
    })
  return { stage, host, cost }
}

function difference(after: Counts, before: Counts): Counts {
  return {
    gets: after.gets - before.gets,
    sets: after.sets - before.sets,
    touches: after.touches - before.touches,
    deletes: after.deletes - before.deletes,
  }
}
