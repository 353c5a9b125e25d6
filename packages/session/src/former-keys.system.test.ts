// Sessions that move because their node stands still, and what is left of them when it goes on.
import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import type { ActiveSession } from './active-session.ts'
import { SessionManager } from './session-manager.ts'
import { has } from './test-support/memcached-counts.ts'

const SECRET = 'test-secret'

interface Stage {
  stores: MemcachedProcess[]
  /** The server that the user is at. */
  here: SessionManager
  there: SessionManager
}

for (const sticky of [false, true]) {
  describe(`${sticky ? 'sticky' : 'non-sticky'}: a node stands still`, () => {
    let stores: MemcachedProcess[]

    before(async () => {
      stores = await Promise.all([1, 2, 3].map(() => MemcachedProcess.start()))
    })
    after(async () => {
      for (const store of stores) store.thaw()
      await Promise.all(stores.map((store) => store.kill()))
    })

    async function open(t: TestContext, count: number, failoverNodes = ''): Promise<Stage> {
      const used = stores.slice(0, count)
      await Promise.all(used.map((store) => store.restart()))
      const memcachedNodes = used.map(({ address }, index) => `n${index + 1}:${address}`).join(' ')
      const options = { memcachedNodes, failoverNodes, secret: SECRET, sticky, storeWait: 150 }
      const here = new SessionManager({ ...options, sessionBackupAsync: false, route: 'a' })
      const there = new SessionManager({ ...options, sessionBackupAsync: false, route: 'b' })
      t.after(async () => {
        for (const store of used) store.thaw()
        await Promise.all([here.close(), there.close()])
      })
      return { stores: used, here, there }
    }

    test('its session moves and is ended: no old cookie brings it back', async (t) => {
      const stage = await open(t, 2)
      const { here, there } = stage
      const old = await begin(stage)
      const frozen = storeOf(stage, old)
      await frozen.freeze()
      const moved = await untilMoved(here, old)
      await request(here, moved, { word: 'changed' })
      await untilAway(there, old)
      await logout(here, moved)
      for (const cookie of [old, moved]) assert.ok(await isGone(here, cookie), 'while it is away')
      frozen.thaw()
      await untilUp(here, there)
      for (const cookie of [old, moved]) {
        for (const manager of [here, there]) {
          assert.ok(await isGone(manager, cookie), 'when it is back')
          assert.equal(await manager.read(cookie), undefined)
        }
      }
    })

    test('what is left there goes when it is back, unless the session has come back', async (t) => {
      const stage = await open(t, 2)
      const { here } = stage
      const old = await begin(stage)
      const frozen = storeOf(stage, old)
      await frozen.freeze()
      const moved = await untilMoved(here, old)
      await request(here, moved, { word: 'changed' })
      frozen.thaw()
      await untilUp(here)
      assert.equal((await request(here, old)).attributes.word, 'changed', 'never the old session')
      await until('it is gone', async () => !(await has(frozen, idOf(here, old))))
      assert.equal((await request(here, moved)).attributes.word, 'changed')
      const other = stage.stores.find((store) => store !== frozen)
      await until('it has a second copy', async () => {
        if (sticky) return true
        return await has(frozen, `bak:${idOf(here, moved)}`)
      })
      await other?.freeze()
      const back = await untilMoved(here, moved)
      assert.equal(idOf(here, back), idOf(here, old))
      assert.equal((await request(here, back, { word: 'again' })).attributes.word, 'again')
      other?.thaw()
      await untilUp(here)
      await until('it is gone there', async () => {
        return other !== undefined && !(await has(other, idOf(here, moved)))
      })
      assert.equal((await request(here, back)).attributes.word, 'again')
    })

    test('the first request that moves the session ends it', async (t) => {
      const stage = await open(t, 2)
      const { here, there } = stage
      const old = await begin(stage)
      const frozen = storeOf(stage, old)
      await frozen.freeze()
      await untilAway(here, old)
      await untilAway(there, old)
      await logout(here, old)
      assert.ok(await isGone(here, old))
      assert.ok(await isGone(there, old))
      frozen.thaw()
      await untilUp(here, there)
      assert.ok(await isGone(here, old))
      assert.ok(await isGone(there, old))
    })

    test('a session on a failover node goes back with its changes, and is ended on both', async (t) => {
      const stage = await open(t, 3, 'n3')
      const { here, there } = stage
      const frozen = stage.stores.slice(0, 2)
      for (const store of frozen) await store.freeze()
      await until('sessions are made on the failover node', async () => {
        await begin(stage).catch(() => undefined)
        return here.create().id.includes('-n3')
      })
      const old = await begin(stage)
      assert.match(idOf(here, old), /-n3/)
      for (const store of frozen) store.thaw()
      await untilUp(here, there)
      let moved = old
      await until('it is on a primary', async () => {
        const active = await request(here, moved, { word: 'changed' })
        moved = here.cookieValue(active)
        return /-n[12]/.test(active.id)
      })
      assert.equal((await request(there, moved)).attributes.word, 'changed')
      assert.equal((await request(here, old)).attributes.word, 'changed')
      await logout(here, moved)
      for (const cookie of [old, moved]) {
        assert.ok(await isGone(here, cookie))
        // A sticky session lives on in the memory of a server until that hears of its end.
        if (!sticky) assert.ok(await isGone(there, cookie))
      }
    })

    async function begin({ here }: Stage): Promise<string> {
      const active = here.create()
      active.attributes.word = 'begun'
      active.accessed = true
      await here.commit(active).saved
      here.release(active)
      const cookie = here.cookieValue(active)
      // Makes sure of its second copy.
      await request(here, cookie)
      return cookie
    }
  })
}

/** One request of the user; resolves when what it changed is stored. */
async function request(
  manager: SessionManager,
  cookie: string,
  changes: object = {},
): Promise<ActiveSession> {
  const active = await manager.load([cookie])
  active.accessed = true
  Object.assign(active.attributes, changes)
  await manager.commit(active).saved
  manager.release(active)
  return active
}

async function logout(manager: SessionManager, cookie: string): Promise<void> {
  const active = await manager.load([cookie])
  assert.equal(active.isNew, false)
  await manager.destroy(active)
  manager.release(active)
}

async function isGone(manager: SessionManager, cookie: string): Promise<boolean> {
  const active = await manager.load([cookie])
  manager.release(active)
  return active.isNew && active.attributes.word === undefined
}

/** Requests may fail until it is known that the node is away; resolves to the cookie it gives. */
async function untilMoved(manager: SessionManager, cookie: string): Promise<string> {
  let moved = cookie
  let tries = 0
  await until('the session has moved', async () => {
    tries += 1
    const active = await request(manager, cookie, { tries }).catch(() => undefined)
    moved = active === undefined || active.isNew ? cookie : manager.cookieValue(active)
    return moved !== cookie
  })
  return moved
}

async function untilAway(manager: SessionManager, cookie: string): Promise<void> {
  await until('the node is away', async () => {
    await manager.attributesOf(cookie).catch(() => undefined)
    await manager.touch(cookie).catch(() => undefined)
    const { ok } = await manager.health()
    return !ok
  })
}

async function untilUp(...managers: SessionManager[]): Promise<void> {
  for (const manager of managers) {
    await until('the nodes are up', async () => (await manager.health()).ok)
  }
}

function idOf(manager: SessionManager, cookie: string): string {
  return manager.idOfCookie(`connect.sid=${encodeURIComponent(cookie)}`) ?? ''
}

function storeOf({ stores, here }: Stage, cookie: string): MemcachedProcess {
  const place = Number(/-n(\d)/.exec(idOf(here, cookie))?.[1]) - 1
  const store = stores[place]
  assert.ok(store)
  return store
}
