// The original's test list: ids, what a reload keeps, and how long a session lives.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { until } from '@holdfast/client/testing'
import { CookieSigner } from '../cookie-signer.ts'
import { BehaviourStage, type Host, MODES } from '../test-support/behaviour-stage.ts'
import { costOf, has, isPunctual, keysOf, ttlOf } from '../test-support/memcached-counts.ts'
import { Pacer } from '../test-support/pacer.ts'
import { Browser, SECRET } from '../test-support/test-site.ts'

const DAY_SECONDS = 86_400
const signer = new CookieSigner([SECRET])

/** Ids that nobody made: malformed, of unknown nodes, with what a key must not have. */
const FORGED = [
  '12345',
  'a-b-c',
  '-n1',
  'x-n99.app1',
  'x-nope',
  '..',
  '.app1',
  'a b',
  'a\r\ndelete x',
  'lock:x-n1',
  'bak:x-n1',
  `${'z'.repeat(300)}-n1`,
  'ä-n1',
  '',
]

describe('ids', { concurrency: 4 }, () => {
  for (const mode of MODES) {
    test(`${mode.name}: a server that starts anew knows what was set, and not what was removed`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const host = await stage.host()
      const browser = new Browser()
      await browser.get(`${host.url}/set?kept=1&removed=1`)
      await browser.get(`${host.url}/remove?name=removed`)
      await host.close()
      const again = await stage.host()
      const { json } = await browser.get(`${again.url}/read`)
      assert.equal(json.kept, '1')
      assert.equal('removed' in json, false)
    })

    test(`${mode.name}: an id carries its node, and no dash with a bare address`, async (t) => {
      const stage = await BehaviourStage.open(t, mode, 2)
      const route = mode.sticky ? String.raw`\.app\d` : ''
      const withNodes = new Browser()
      await withNodes.get(`${(await stage.host()).url}/set?a=1`)
      assert.match(withNodes.sessionId, new RegExp(String.raw`^\w{32}-n[12]${route}$`))
      const bare = new Browser()
      const host = await stage.host({ memcachedNodes: stage.store.address })
      await bare.get(`${host.url}/set?a=1`)
      assert.match(bare.sessionId, new RegExp(String.raw`^\w{32}${route}$`))
    })

    test(`${mode.name}: an id that nobody made gives a fresh one, signed or not`, async (t) => {
      const stage = await BehaviourStage.open(t, mode, 3)
      const host = await stage.host()
      for (const id of FORGED) {
        const cost = await costOf(stage.store, () => refusesId(host, signer.sign(id), id))
        assert.ok(cost.gets + cost.touches <= 2, `${id}: looked for once or as a copy`)
        await refusesId(host, id, id)
        await refusesId(host, `s:${id}.forged`, id)
      }
      for (const store of stage.stores) {
        const keys = (await keysOf(store)).filter((key) => !/^(bak:)?\w{32}-n\d$/.test(key))
        assert.deepEqual(keys, [])
      }
    })
  }
})

async function refusesId(host: Host, cookie: string, id: string): Promise<void> {
  const browser = new Browser()
  browser.cookies.set('connect.sid', encodeURIComponent(cookie))
  const page = await browser.get(`${host.url}/set?a=1`)
  assert.equal(page.status, 200, id)
  assert.match(String(page.json.id), /^\w{32}-n[123](\.app\d)?$/, id)
  assert.equal(browser.sessionId, page.json.id, id)
}

describe('expiry', { concurrency: true }, () => {
  for (const mode of MODES) {
    test(`${mode.name}: a session lives for its whole time after each read, then its id is over`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const host = await stage.host({ maxInactiveInterval: 4 })
      await Pacer.keep(t, 400, async (pacer) => {
        const browser = new Browser()
        await pacer.at(0, () => browser.get(`${host.url}/set?a=1`))
        pacer.demand(await isPunctual(stage.store))
        const id = browser.sessionId
        for (const atMs of [3000, 6000]) {
          const page = await pacer.at(atMs, () => browser.get(`${host.url}/read`))
          assert.equal(page.json.a, '1')
          pacer.demand(await isPunctual(stage.store))
        }
        await pacer.at(9500, async () => assert.ok(await has(stage.store, id), 'alive at 9.5 s'))
        await until('it is gone', async () => !(await has(stage.store, id)))
        assert.ok(pacer.nowMs >= 10_000 - TICK_LATE_MS_MAX, `gone at ${pacer.nowMs} ms`)
        await isOver(host, browser, id)
        assert.deepEqual(await keysOf(stage.store), [])
      })
    })

    test(`${mode.name}: a session of 4 s that is read at 2 s is there at 5 s`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const host = await stage.host({ maxInactiveInterval: 4 })
      await Pacer.keep(t, 400, async (pacer) => {
        const browser = new Browser()
        await pacer.at(0, () => browser.get(`${host.url}/set?a=1`))
        pacer.demand(await isPunctual(stage.store))
        await pacer.at(2000, () => browser.get(`${host.url}/read`))
        pacer.demand(await isPunctual(stage.store))
        await pacer.at(5000, async () => assert.ok(await has(stage.store, browser.sessionId)))
        await until('it is gone', async () => !(await has(stage.store, browser.sessionId)))
        assert.ok(pacer.nowMs >= 6000 - TICK_LATE_MS_MAX, `gone at ${pacer.nowMs} ms`)
      })
    })

    test(`${mode.name}: with a life of 1 s a session that is read each 0.5 s keeps its id`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const host = await stage.host({ maxInactiveInterval: 1 })
      await Pacer.keep(t, 300, async (pacer) => {
        const browser = new Browser()
        await pacer.at(0, () => browser.get(`${host.url}/set?a=1`))
        pacer.demand(await isPunctual(stage.store))
        const id = browser.sessionId
        for (let atMs = 500; atMs <= 4000; atMs += 500) {
          const { json } = await pacer.at(atMs, () => browser.get(`${host.url}/read`))
          pacer.demand(await isPunctual(stage.store))
          assert.deepEqual({ a: json.a, id: json.id }, { a: '1', id })
        }
      })
    })

    test(`${mode.name}: the store keeps a session without end, for 15 days and a second, and for longer than 30 days`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      for (const seconds of [0, -1, 15 * DAY_SECONDS + 1, 400 * DAY_SECONDS]) {
        const host = await stage.host({ maxInactiveInterval: seconds })
        const browser = new Browser()
        await browser.get(`${host.url}/set?a=1`)
        await browser.get(`${host.url}/read`)
        const ttl = await ttlOf(stage.store, browser.sessionId)
        if (seconds <= 0) assert.equal(ttl, -1)
        else assert.ok(ttl >= seconds - 30 && ttl <= seconds + 65, `${seconds}: ${ttl}`)
        assert.equal((await browser.get(`${host.url}/read`)).json.a, '1')
      }
    })
  }
})

/** memcached's clock ticks once a second, and late on a busy machine. */
const TICK_LATE_MS_MAX = 500

async function isOver(host: Host, browser: Browser, id: string): Promise<void> {
  const page = await browser.get(`${host.url}/read`)
  assert.equal(page.json.a, undefined)
  assert.notEqual(page.json.id, id)
  assert.equal(page.headers.get('set-cookie'), null)
}
