// The original's test list: what is in the storage after what, and what becomes of a session when
// the storage is away, switched off, full, or has lost everything.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { until } from '@holdfast/client/testing'
import {
  BehaviourStage,
  type Host,
  IMPATIENT,
  MODES,
  NON_STICKY_MODES,
  STICKY_MODES,
  unlocked,
} from '../test-support/behaviour-stage.ts'
import { flush, has, keysOf, ttlOf } from '../test-support/memcached-counts.ts'
import { Browser } from '../test-support/test-site.ts'

describe('what is stored', { concurrency: 4 }, () => {
  for (const mode of MODES) {
    test(`${mode.name}: a session is one key, also of a client that keeps no cookies`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const host = await stage.host({ maxInactiveInterval: 100 })
      const browser = new Browser()
      await browser.get(`${host.url}/set?a=1`)
      const key = browser.sessionId.split('.')[0] ?? ''
      assert.deepEqual(await keysOf(stage.store), [key])
      await browser.get(`${host.url}/set?b=1`)
      await unlocked(host)
      assert.deepEqual(await keysOf(stage.store), [key], 'no lock, no validity')
      const ttl = await ttlOf(stage.store, key)
      assert.ok(ttl > 95 && ttl <= (mode.sticky ? 151 : 101), `its own time to live: ${ttl}`)
      const cookieless = await fetch(`${host.url}/set?a=1`)
      const { id } = (await cookieless.json()) as { id: string }
      assert.ok(await has(stage.store, id))
    })

    test(`${mode.name}: after an invalidation no key is left, and no cookie is set`, async (t) => {
      const stage = await BehaviourStage.open(t, mode, 2)
      const host = await stage.host()
      const browser = new Browser()
      await browser.get(`${host.url}/set?a=1`)
      const id = browser.sessionId
      const [sid] = id.split('-')
      const page = await browser.get(`${host.url}/logout`)
      assert.equal(page.text, 'bye')
      assert.equal(page.headers.get('set-cookie'), null)
      await unlocked(host)
      await until('its keys are gone, but for the mark that it was ended', async () => {
        const keys = (await Promise.all(stage.stores.map(keysOf))).flat()
        return keys.every((key) => key === `gone:${sid}`)
      })
      const later = await browser.get(`${host.url}/read`)
      assert.equal(later.json.a, undefined)
      assert.notEqual(later.json.id, id)
      assert.equal(later.headers.get('set-cookie'), null)
    })

    test(`${mode.name}: a session made with the storage down gets its node when it is up`, async (t) => {
      const stage = await BehaviourStage.open(t, mode, 2)
      const host = await stage.host(IMPATIENT)
      await Promise.all(stage.stores.map((store) => store.kill()))
      const browser = await begunWithoutNodes(host)
      if (mode.sticky) {
        assert.match(browser.sessionId, /^\w{32}\.app1$/)
        assert.ok(host.warnings.includes('session is not stored yet'), 'it is a failed backup')
      } else {
        assert.equal(browser.cookies.size, 0, 'there is no session that is stored nowhere')
      }
      const sid = browser.sessionId.slice(0, 32)
      await stage.storeAt(1).restart()
      await until('it is on a node', async () => {
        const page = await browser.get(`${host.url}/set?b=1`)
        return page.status === 200 && browser.sessionId.includes('-n2')
      })
      assert.equal(browser.sessionId.startsWith(sid), true)
      const { json } = await browser.get(`${host.url}/read`)
      assert.deepEqual([json.a, json.b], [mode.sticky ? '1' : undefined, '1'])
      assert.ok(await has(stage.storeAt(1), browser.sessionId))
    })

    test(`${mode.name}: a store that has lost everything`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const [host, other] = [await stage.host(), await stage.host()]
      const browser = new Browser()
      await browser.get(`${host.url}/set?a=1`)
      const id = browser.sessionId
      await stage.store.restart()
      const page = await browser.get(`${host.url}/read`)
      assert.equal(page.status, 200)
      if (mode.sticky) {
        assert.equal(page.json.a, '1', 'the local session is the master')
        await browser.get(`${host.url}/set?b=1`)
        const { json } = await browser.get(`${other.url}/read`)
        assert.deepEqual([json.a, json.b], ['1', '1'], 'and is stored again')
      } else {
        assert.equal(page.json.a, undefined, 'the only copy is lost')
        assert.notEqual(page.json.id, id)
        await browser.get(`${other.url}/set?a=2`)
        assert.equal((await browser.get(`${host.url}/read`)).json.a, '2')
      }
    })

    test(`${mode.name}: a session that is too large is reported by the name of its attribute`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const host = await stage.host({ sessionSizeMax: 20_000 })
      const browser = new Browser()
      await browser.get(`${host.url}/set?a=1`)
      const page = await browser.get(`${host.url}/large?bytes=50000`)
      if (!mode.sticky) {
        assert.notEqual(page.status, 200)
        assert.match(page.text, /large/)
      }
      const other = await stage.host()
      const { json } = await browser.get(`${other.url}/read`)
      assert.equal(json.a, '1', 'what was stored is as it was')
      assert.equal(json.large, undefined)
      const small = await browser.get(`${host.url}/remove?name=large`)
      assert.equal(small.status, 200)
      assert.equal((await browser.get(`${host.url}/set?a=2`)).status, 200)
      assert.equal((await browser.get(`${other.url}/read`)).json.a, '2')
    })

    test(`${mode.name}: what the store refuses is not taken for stored, and is made good`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const host = await stage.host({ sessionSizeMax: 4_000_000 })
      const other = await stage.host()
      const browser = new Browser()
      await browser.get(`${host.url}/set?a=1`)
      const page = await browser.get(`${host.url}/large?bytes=2000000`)
      assert.equal(page.status, mode.sticky ? 200 : 503)
      assert.deepEqual(host.warnings.slice(-1), ['session is not stored yet'])
      await browser.get(`${host.url}/set?a=2&large=no`)
      const { json } = await browser.get(`${other.url}/read`)
      assert.deepEqual([json.a, json.large], ['2', 'no'])
    })
  }
})

describe('several nodes', { concurrency: 4 }, () => {
  for (const mode of NON_STICKY_MODES) {
    test(`${mode.name}: session and copy are on two nodes, and a lost one comes from the other`, async (t) => {
      const stage = await BehaviourStage.open(t, mode, 3)
      const host = await stage.host()
      const browser = new Browser()
      await browser.get(`${host.url}/set?a=1`)
      const id = browser.sessionId
      const place = Number(id.at(-1)) - 1
      const [own, next, third] = [0, 1, 2].map((step) => stage.storeAt((place + step) % 3))
      assert.ok(own !== undefined && next !== undefined && third !== undefined)
      await until('the copy is there', () => has(next, `bak:${id}`))
      assert.deepEqual(await keysOf(own), [id])
      assert.deepEqual(await keysOf(next), [`bak:${id}`])
      assert.deepEqual(await keysOf(third), [])
      await flush(next)
      await browser.get(`${host.url}/read`)
      await until('a read makes the copy again', () => has(next, `bak:${id}`))
      await flush(own)
      const page = await browser.get(`${host.url}/read`)
      assert.equal(page.json.a, '1')
      assert.equal(page.headers.get('set-cookie'), null)
      assert.ok(await has(own, id), 'a read stores what its node has lost')
    })
  }
})

describe('the storage is switched off', { concurrency: 4 }, () => {
  for (const mode of STICKY_MODES) {
    test(`${mode.name}: at run time: sessions work and expire locally, without the storage`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const host = await stage.host({ maxInactiveInterval: 1 })
      const expired: string[] = []
      host.manager.on('expired', ({ id }) => expired.push(id))
      host.manager.reconfigure({ enabled: false })
      const browser = new Browser()
      await browser.get(`${host.url}/set?a=1`)
      const id = browser.sessionId
      assert.deepEqual(await keysOf(stage.store), [])
      await until('it has expired', () => expired.includes(id))
      const page = await browser.get(`${host.url}/read`)
      assert.equal(page.json.a, undefined)
      assert.notEqual(page.json.id, id)
    })

    test(`${mode.name}: from the start and without a storage; switched on later, sessions are stored`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      await stage.store.kill()
      const host = await stage.host({ enabled: false })
      const browser = new Browser()
      await browser.get(`${host.url}/set?a=1`)
      assert.equal((await browser.get(`${host.url}/read`)).json.a, '1')
      await stage.store.restart()
      host.manager.reconfigure({ enabled: true })
      await browser.get(`${host.url}/read`)
      assert.ok(await has(stage.store, browser.sessionId))
    })
  }

  for (const mode of NON_STICKY_MODES) {
    test(`${mode.name}: is refused, as the store has the only copy`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const host = await stage.host()
      assert.throws(() => host.manager.reconfigure({ enabled: false }), TypeError)
      await assert.rejects(stage.host({ enabled: false }), TypeError)
    })
  }
})

/** Asks until it is known that no node is up; then nobody is given an id with a node. */
async function begunWithoutNodes(host: Host): Promise<Browser> {
  let browser = new Browser()
  await until('no node is up', async () => {
    browser = new Browser()
    await browser.get(`${host.url}/set?a=1`)
    return !host.manager.create().id.includes('-') && !browser.sessionId.includes('-')
  })
  return browser
}
