// Lists of sessions, revocations and updates with several memcached nodes and no proxy.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { SessionManager } from '../session-manager.ts'
import { eventually } from '../test-support/test-site.ts'

const USERS = Array.from({ length: 8 }, (_, n) => `user${n}`)

async function login(manager: SessionManager, user: string): Promise<string> {
  const active = manager.create()
  active.attributes.user = user
  active.attributes.count = 0
  await manager.commit(active).saved
  manager.release(active)
  return active.id
}

for (const sticky of [false, true]) {
  const mode = sticky ? 'sticky' : 'non-sticky'
  test(`${mode}: a node that dies takes neither lists nor updates with it`, async (t) => {
    const stores = [await MemcachedProcess.start(), await MemcachedProcess.start()] as const
    const options = {
      memcachedNodes: `n1:${stores[0].address} n2:${stores[1].address}`,
      secret: 's',
      sticky,
      userOf: 'user',
      operationTimeout: 1000,
      revocationPoll: 50,
    }
    const here = new SessionManager({ ...options, route: 'app1' })
    const there = new SessionManager({ ...options, route: 'app2' })
    t.after(async () => {
      await Promise.all([here.close(), there.close()])
      for (const store of stores) await store.kill()
    })
    const ids = await Promise.all(USERS.map((user) => login(here, user)))
    const lists = async (manager: SessionManager): Promise<number[]> =>
      await Promise.all(USERS.map(async (user) => (await manager.listByUser(user)).length))
    assert.deepEqual(await lists(there), Array(8).fill(1))
    // Copies are made behind the request's back.
    if (!sticky) {
      for (const id of ids) await here.loadById(id)
    }
    await stores[1].kill()

    await eventually(async () => (await lists(there)).every((count) => count === 1))
    for (const id of ids) {
      let count: unknown
      await eventually(async () => {
        const counted = here.update(id, (attributes) => {
          attributes.count = Number(attributes.count) + 1
          return attributes.count
        })
        count = await counted.catch(() => undefined)
        return count !== undefined
      })
      assert.ok(Number(count) >= 1)
    }
    await Promise.all(USERS.map((user) => login(there, user)))
    assert.deepEqual(await lists(here), Array(8).fill(2))
    for (const user of USERS) {
      // What cannot be deleted on the node that is away is told, and marked as ended all the same.
      await there.revokeUser(user).catch((error: unknown) => {
        assert.equal(Reflect.get(Object(error), 'code'), 'HOLDFAST_STORE_UNAVAILABLE')
      })
    }
    assert.deepEqual(await lists(here), Array(8).fill(0))
    await eventually(async () => {
      const left = await Promise.all(ids.map((id) => here.read(id).catch(() => undefined)))
      return left.every((attributes) => attributes === undefined)
    })
  })
}

test('a request with the old cookie finds the session that another request has moved', async (t) => {
  const stores = [await MemcachedProcess.start(), await MemcachedProcess.start()] as const
  const options = { secret: 's', sticky: false, operationTimeout: 1000 }
  const both = `n1:${stores[0].address} n2:${stores[1].address}`
  const manager = new SessionManager({ ...options, memcachedNodes: both })
  t.after(async () => {
    await manager.close()
    for (const store of stores) await store.kill()
  })
  const id = await login(manager, 'ann')
  await manager.loadById(id)
  await stores[id.endsWith('-n1') ? 0 : 1].kill()
  const load = async () => await manager.loadById(id)
  await eventually(async () => {
    const active = await load().catch(() => undefined)
    return active !== undefined && active.id !== id
  })
  for (const count of [1, 2]) {
    const active = await load()
    active.accessed = true
    active.attributes.count = count
    await manager.commit(active).saved
  }
  const late = await load()
  assert.equal(late.attributes.count, 2)
  assert.equal(late.cookieDue, true)
  late.accessed = true
  late.attributes.other = true
  await manager.commit(late).saved
  assert.deepEqual((await load()).attributes, { user: 'ann', count: 2, other: true })
  await manager.destroy(late)
  assert.deepEqual((await load()).attributes, {})
})
