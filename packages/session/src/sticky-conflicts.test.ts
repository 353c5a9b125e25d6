// Sticky sessions that another server has written or ended behind this server's back, as happens
// when a balancer moves a user there and back without a route in the cookie.
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import type { ActiveSession } from './active-session.ts'
import { SessionManager } from './session-manager.ts'
import { flush, has } from './test-support/memcached-counts.ts'

const SECRET = 'test-secret'

describe('two servers with one sticky session', () => {
  let store: MemcachedProcess
  let here: SessionManager
  let there: SessionManager

  before(async () => {
    store = await MemcachedProcess.start()
  })

  after(() => store.kill())

  beforeEach(() => {
    const options = { memcachedNodes: store.address, secret: SECRET, maxInactiveInterval: 60 }
    here = new SessionManager(options)
    there = new SessionManager(options)
  })

  afterEach(() => Promise.all([here.close(), there.close()]))

  test('what both wrote is there, on both', async () => {
    const cookie = await begin(here, { a: 1, b: 1 })
    const moved = await there.load([cookie])
    await write(there, moved, { b: 2, c: 2 })
    const back = await here.load([cookie])
    assert.equal(back.attributes.b, 1, 'nobody has told this server yet')
    await write(here, back, { a: 3 })
    assert.deepEqual(back.attributes, { a: 3, b: 2, c: 2 })
    await write(there, moved, { d: 4 })
    assert.deepEqual({ ...moved.attributes }, { a: 3, b: 2, c: 2, d: 4 })
  })

  test('of one attribute the later write stays', async () => {
    const cookie = await begin(here, { a: 1 })
    await write(there, await there.load([cookie]), { a: 2 })
    const back = await here.load([cookie])
    await write(here, back, { a: 3 })
    assert.deepEqual(back.attributes, { a: 3 })
  })

  test('what one removed stays removed', async () => {
    const cookie = await begin(here, { a: 1, b: 1 })
    const moved = await there.load([cookie])
    delete moved.attributes.a
    await write(there, moved, {})
    const back = await here.load([cookie])
    await write(here, back, { b: 2 })
    assert.deepEqual(back.attributes, { b: 2 })
  })

  test('a session that one server ended does not come back by a late write of the other', async () => {
    const cookie = await begin(here, { a: 1 })
    const late = await here.load([cookie])
    await there.destroy(await there.load([cookie]))
    await write(here, late, { a: 2 })
    assert.equal(await has(store, late.id), false)
    assert.deepEqual((await here.load([cookie])).attributes, {}, 'nor is it known here any more')
  })

  test('nor by ending it by its id', async () => {
    const cookie = await begin(here, { a: 1 })
    const late = await here.load([cookie])
    await there.destroyById(late.id)
    await write(here, late, { a: 2 })
    assert.equal(await has(store, late.id), false)
  })

  test('a session that the store has lost is stored anew', async () => {
    const cookie = await begin(here, { a: 1 })
    await flush(store)
    const active = await here.load([cookie])
    await write(here, active, { b: 2 })
    assert.deepEqual({ ...(await there.load([cookie])).attributes }, { a: 1, b: 2 })
  })

  test('fifty parallel requests on two servers lose nothing', async () => {
    const cookie = await begin(here, { start: 1 })
    const names = Array.from({ length: 50 }, (_, index) => `k${index}`)
    await Promise.all(
      names.map(async (name, index) => {
        const manager = index % 2 === 0 ? here : there
        const active = await manager.load([cookie])
        await write(manager, active, { [name]: index })
      }),
    )
    const third = new SessionManager({ memcachedNodes: store.address, secret: SECRET })
    try {
      const { attributes } = await third.load([cookie])
      assert.deepEqual(
        names.filter((name) => !(name in attributes)),
        [],
      )
    } finally {
      await third.close()
    }
  })
})

describe('a node of several is away', () => {
  let stores: MemcachedProcess[]
  let manager: SessionManager

  beforeEach(async () => {
    stores = await Promise.all([MemcachedProcess.start(), MemcachedProcess.start()])
    const nodes = stores.map(({ address }, index) => `n${index + 1}:${address}`).join(' ')
    manager = new SessionManager({ memcachedNodes: nodes, secret: SECRET })
  })

  afterEach(async () => {
    await manager.close()
    await Promise.all(stores.map((store) => store.kill()))
  })

  test('a local session goes on under the id of the other node, with a new cookie', async () => {
    const cookie = await begin(manager, { a: 1 })
    const { id } = await manager.load([cookie])
    const place = id.endsWith('-n1') ? 0 : 1
    await stores[place]?.kill()
    let moved = await manager.load([cookie])
    await until('the session has moved', async () => {
      await write(manager, moved, { tries: Math.random() }).catch(() => undefined)
      moved = await manager.load([cookie])
      return moved.id !== id
    })
    assert.equal(moved.id, `${id.slice(0, -1)}${2 - place}`)
    assert.equal(moved.cookieDue, true)
    moved.accessed = true
    const { saved, cookieDue } = manager.commit(moved)
    await saved
    assert.equal(cookieDue, true)
    const other = stores[1 - place]
    assert.ok(other !== undefined && (await has(other, moved.id)))
    const again = await manager.load([manager.cookieValue(moved)])
    assert.equal(again.attributes.a, 1)
    assert.equal(again.cookieDue, false)
  })
})

async function begin(manager: SessionManager, attributes: object): Promise<string> {
  const active = manager.create()
  await write(manager, active, attributes)
  return manager.cookieValue(active)
}

async function write(
  manager: SessionManager,
  active: ActiveSession,
  attributes: object,
): Promise<void> {
  Object.assign(active.attributes, attributes)
  active.accessed = true
  await manager.commit(active).saved
}
