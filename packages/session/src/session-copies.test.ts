// Non-sticky sessions on several nodes: second copies, and what becomes of a session whose node
// dies, comes back empty, or was never known.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import type { ActiveSession } from './active-session.ts'
import { SessionManager } from './session-manager.ts'
import { costOf, flush, has } from './test-support/memcached-counts.ts'

const SECRET = 'test-secret'

describe('second copies of non-sticky sessions', () => {
  let stores: MemcachedProcess[]
  let here: SessionManager
  let there: SessionManager

  beforeEach(async () => {
    stores = await Promise.all([1, 2, 3].map(() => MemcachedProcess.start()))
    const memcachedNodes = stores.map(({ address }, index) => `n${index + 1}:${address}`).join(',')
    const options = { memcachedNodes, sticky: false, secret: SECRET, maxInactiveInterval: 60 }
    here = new SessionManager(options)
    there = new SessionManager(options)
  })

  afterEach(async () => {
    await Promise.all([here.close(), there.close()])
    await Promise.all(stores.map((store) => store.kill()))
  })

  test('a session has its copy on the next node, and none on the third', async () => {
    const { id } = await begin({ a: 1 })
    const [own, next, third] = nodesFrom(id)
    await until('the copy is there', () => has(next, `bak:${id}`))
    assert.ok(await has(own, id))
    assert.equal(await has(third, `bak:${id}`), false)
  })

  test('a read costs one operation, and one behind its back for the copy', async () => {
    const { id, cookie } = await begin({ a: 1 })
    const [own, next] = nodesFrom(id)
    await until('the copy is there', () => has(next, `bak:${id}`))
    const behind = costOf(next, async () => {
      const cost = await costOf(own, () => read(there, cookie))
      assert.deepEqual(cost, { gets: 0, sets: 0, touches: 1, deletes: 0 })
      await until('the copy was renewed', async () => {
        return (await costOf(next, () => Promise.resolve())) !== undefined
      })
    })
    const { sets, touches } = await behind
    assert.equal(sets, 0)
    assert.ok(touches <= 1)
  })

  test('a missing copy is made again by a read', async () => {
    const { id, cookie } = await begin({ a: 1 })
    const [, next] = nodesFrom(id)
    await until('the copy is there', () => has(next, `bak:${id}`))
    await flush(next)
    await read(there, cookie)
    await until('the copy is there again', () => has(next, `bak:${id}`))
  })

  test('when its node dies a session goes on from the copy, on the node that has it', async () => {
    const { id, cookie } = await begin({ a: 1 })
    const [own, next, third] = nodesFrom(id)
    await until('the copy is there', () => has(next, `bak:${id}`))
    await own.kill()
    const moved = await untilMoved(there, cookie, id)
    assert.deepEqual(moved.attributes, { a: 1 })
    assert.equal(moved.id.slice(0, -1), id.slice(0, -1), 'only the node is another')
    const { saved, cookieDue } = there.commit(moved)
    await saved
    assert.equal(cookieDue, true)
    assert.ok((await has(next, moved.id)) || (await has(third, moved.id)))
    const again = await there.load([there.cookieValue(moved)])
    assert.equal(again.id, moved.id, 'it stays there')
    assert.equal(again.cookieDue, false)
  })

  test('a node that came back empty is given its sessions again', async () => {
    const { id, cookie } = await begin({ a: 1 })
    const [own, next] = nodesFrom(id)
    await until('the copy is there', () => has(next, `bak:${id}`))
    await flush(own)
    const active = await there.load([cookie])
    assert.deepEqual(active.attributes, { a: 1 })
    await there.commit(active).saved
    assert.ok(await has(own, id))
  })

  test('an ended session is gone everywhere', async () => {
    const { id, cookie } = await begin({ a: 1 })
    const [own, next] = nodesFrom(id)
    await until('the copy is there', () => has(next, `bak:${id}`))
    await there.destroy(await there.load([cookie]))
    assert.equal(await has(own, id), false)
    assert.equal(await has(next, `bak:${id}`), false)
    assert.deepEqual((await here.load([cookie])).attributes, {})
  })

  test('an id that nobody has made is asked for once on each node, and not accepted', async () => {
    const { cookie } = await begin({ a: 1 })
    await until('copies are there', async () => (await stored()) >= 2)
    for (const store of stores) await flush(store)
    const active = await there.load([cookie])
    assert.equal(active.isNew, true)
    assert.notEqual(there.cookieValue(active), cookie)
  })

  async function begin(attributes: object): Promise<{ id: string; cookie: string }> {
    const active = here.create()
    Object.assign(active.attributes, attributes)
    active.accessed = true
    await here.commit(active).saved
    return { id: active.id, cookie: here.cookieValue(active) }
  }

  async function read(manager: SessionManager, cookie: string): Promise<void> {
    const active = await manager.load([cookie])
    assert.equal(active.isNew, false)
    active.accessed = true
    await manager.commit(active).saved
  }

  async function stored(): Promise<number> {
    const stats = await Promise.all(
      stores.map((store) => store.ask(Buffer.from('stats\r\nquit\r\n'))),
    )
    return stats.reduce((sum, text) => sum + Number(/curr_items (\d+)/.exec(String(text))?.[1]), 0)
  }

  /** The session's own node, the one that has the copy, the third. */
  function nodesFrom(id: string): [MemcachedProcess, MemcachedProcess, MemcachedProcess] {
    const place = Number(id.at(-1)) - 1
    const [own, next, third] = [0, 1, 2].map((step) => stores[(place + step) % 3])
    assert.ok(own !== undefined && next !== undefined && third !== undefined)
    return [own, next, third]
  }
})

/** A request that finds its node away may fail until that is known. */
async function untilMoved(
  manager: SessionManager,
  cookie: string,
  id: string,
): Promise<ActiveSession> {
  let active: ActiveSession | undefined
  await until('the session has moved', async () => {
    active = await Promise.resolve(manager.load([cookie])).catch(() => undefined)
    return active !== undefined && active.id !== id
  })
  assert.ok(active !== undefined)
  return active
}
