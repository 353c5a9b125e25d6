// What a request gets when its session cannot be loaded.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import { SessionManager } from './session-manager.ts'

for (const sticky of [true, false]) {
  const mode = sticky ? 'sticky' : 'non-sticky'
  test(`${mode}, loadFailure degrade: the request goes on, nobody is logged out`, async (t) => {
    const store = await MemcachedProcess.start()
    const options = { memcachedNodes: store.address, secret: 's', sticky }
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
    const options = { memcachedNodes: store.address, secret: 's', sticky }
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

test('loadFailure fail: the request is told that the store is away', async (t) => {
  const store = await MemcachedProcess.start()
  const manager = new SessionManager({ memcachedNodes: store.address, secret: 's', sticky: false })
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
