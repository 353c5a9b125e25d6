// What a request gets when its session cannot be loaded.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import type { ActiveSession } from './active-session.ts'
import { SessionManager } from './session-manager.ts'
import { has } from './test-support/memcached-counts.ts'
import { AWAY_AFTER_MS } from './test-support/test-site.ts'

const PATIENCE = { operationTimeout: AWAY_AFTER_MS, storeWait: AWAY_AFTER_MS } as const

for (const sticky of [true, false]) {
  const mode = sticky ? 'sticky' : 'non-sticky'
  test(`${mode}, loadFailure degrade: the request goes on, nobody is logged out`, async (t) => {
    const store = await MemcachedProcess.start()
    const options = { memcachedNodes: store.address, secret: 's', sticky, ...PATIENCE }
    const here = new SessionManager(options)
    const there = new SessionManager({ ...options, loadFailure: 'degrade' })
    t.after(async () => {
      await Promise.all([here.close(), there.close()])
      await store.kill()
    })
    const active = here.create()
    active.attributes.user = 'ann'
    active.accessed = true
    await here.commit(active).saved
    const cookie = here.cookieValue(active)

    await store.freeze()
    const empty = await there.load([cookie])
    assert.equal(empty.degraded, true)
    assert.deepEqual(empty.attributes, {})
    empty.attributes.user = 'nobody'
    empty.accessed = true
    assert.deepEqual(there.commit(empty), { saved: undefined, cookieDue: false })

    store.thaw()
    await until('the session is there again', async () => {
      const again = await there.load([cookie])
      return again.degraded !== true && again.attributes.user === 'ann'
    })
  })

  test(`${mode}: who logs out while the store is away is told that it failed`, async (t) => {
    const store = await MemcachedProcess.start()
    const options = { memcachedNodes: store.address, secret: 's', sticky, ...PATIENCE }
    const here = new SessionManager(options)
    const there = new SessionManager({ ...options, loadFailure: 'degrade' })
    t.after(() => Promise.all([here.close(), there.close()]))
    const active = here.create()
    active.attributes.user = 'ann'
    active.accessed = true
    await here.commit(active).saved
    await store.kill()
    const empty = await there.load([here.cookieValue(active)])
    assert.equal(empty.degraded, true)
    await assert.rejects(there.destroy(empty), { code: 'HOLDFAST_STORE_UNAVAILABLE' })
  })
}

test('sticky: a logout counts when the mark that guards it is stored as well', async (t) => {
  const [store1, store2] = await Promise.all([MemcachedProcess.start(), MemcachedProcess.start()])
  const manager = new SessionManager({
    memcachedNodes: `n1:${store1.address},n2:${store2.address}`,
    secret: 's',
    ...PATIENCE,
  })
  t.after(async () => {
    await manager.close()
    await Promise.all([store1.kill(), store2.kill()])
  })
  const begunHere = await Promise.all(Array.from({ length: 40 }, () => begun(manager)))
  const victims = begunHere.filter(({ id }) => id.includes('-n1'))
  await store2.freeze()
  // The mark is not bound to the session's node, but it is put on a node that is up.
  for (const active of victims) {
    await manager.destroy(active)
    assert.ok(await has(store1, `gone:${active.id.split('-')[0]}`))
  }
  store2.thaw()
})

async function begun(manager: SessionManager): Promise<ActiveSession> {
  const active = manager.create()
  active.attributes.user = 'ann'
  active.accessed = true
  await manager.commit(active).saved
  return active
}

test('loadFailure fail: the request is told that the store is away', async (t) => {
  const store = await MemcachedProcess.start()
  const options = { memcachedNodes: store.address, secret: 's', sticky: false, ...PATIENCE }
  const manager = new SessionManager(options)
  t.after(() => manager.close())
  const active = manager.create()
  active.attributes.user = 'ann'
  active.accessed = true
  await manager.commit(active).saved
  const cookie = manager.cookieValue(active)
  await store.kill()
  await assert.rejects(async () => await manager.load([cookie]), {
    code: 'HOLDFAST_STORE_UNAVAILABLE',
    status: 503,
  })
})
