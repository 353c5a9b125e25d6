// Sessions in a real store, written and read by servers whose encodings differ.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MemcachedClient } from '@holdfast/client'
import { MemcachedProcess } from '@holdfast/client/testing'
import type { ActiveSession } from '../active-session.ts'
import type { SessionLogger, SessionOptions } from '../options.ts'
import { SessionManager } from '../session-manager.ts'

const SECRET = 'test-secret'
const [KEY, OTHER_KEY] = ['07'.repeat(32), '08'.repeat(32)]
const VALUES = { at: new Date(5), cart: new Map([['a', new Set([1n])]]), photo: Buffer.from([255]) }

describe('session encodings', () => {
  let store: MemcachedProcess
  let raw: MemcachedClient
  const managers: SessionManager[] = []

  before(async () => {
    store = await MemcachedProcess.start()
    const [host = '', port] = store.address.split(':')
    raw = new MemcachedClient({ host, port: Number(port), timeoutMs: 2000 })
  })

  after(async () => {
    await Promise.all(managers.map((manager) => manager.close()))
    await raw.close()
    await store.kill()
  })

  function server(options: Partial<SessionOptions>): SessionManager {
    const manager = new SessionManager({
      memcachedNodes: store.address,
      secret: SECRET,
      sticky: false,
      sessionBackupAsync: false,
      ...options,
    })
    managers.push(manager)
    return manager
  }

  async function begin(manager: SessionManager, attributes: object): Promise<string> {
    const active = manager.create()
    await write(manager, active, attributes)
    return manager.cookieValue(active)
  }

  async function write(
    manager: SessionManager,
    active: ActiveSession,
    changes: object,
  ): Promise<void> {
    active.accessed = true
    Object.assign(active.attributes, changes)
    await manager.commit(active).saved
  }

  async function storedBytes(active: ActiveSession): Promise<Buffer> {
    const item = await raw.gets(active.id)
    assert.ok(item)
    return item.value
  }

  test('types are kept from one server to another, in both modes and every encoding', async () => {
    for (const transcoder of ['json', 'msgpackr', 'cbor'] as const) {
      for (const sticky of [true, false]) {
        const options = {
          transcoder,
          sticky,
          compression: 'zstd',
          encryption: { keys: KEY },
        } as const
        const cookie = await begin(server({ ...options, jvmRoute: 'app1' }), VALUES)
        const there = server({ ...options, jvmRoute: 'app2' })
        const active = await there.load([cookie])
        assert.deepEqual(active.attributes, VALUES)
        await there.commit(active).saved
        assert.deepEqual((await there.load([there.cookieValue(active)])).attributes, VALUES)
      }
    }
  })

  test('servers that change over to another encoding share their sessions', async () => {
    const before = server({ transcoder: ['json', 'cbor'] })
    const changed = server({ transcoder: ['cbor', 'json'] })
    const cookie = await begin(before, VALUES)
    const [here, there] = [await before.load([cookie]), await changed.load([cookie])]
    // Both have loaded the same version: each has to merge what the other stored.
    await write(changed, there, { there: 1n })
    await write(before, here, { here: new Date(1) })
    const merged = { ...VALUES, there: 1n, here: new Date(1) }
    assert.deepEqual((await changed.load([cookie])).attributes, merged)
    assert.deepEqual((await before.load([cookie])).attributes, merged)
  })

  test('a session read in another encoding and left unchanged is not written', async () => {
    const cookie = await begin(server({}), VALUES)
    const reader = server({ transcoder: 'cbor' })
    const active = await reader.load([cookie])
    active.accessed = true
    assert.equal(reader.commit(active).saved, undefined)
  })

  test('under a key that is not known the user gets a fresh session, the stored one stays', async () => {
    const told: [object, string][] = []
    const tell = (fields: object, message: string): unknown => told.push([fields, message])
    const logger: SessionLogger = { debug: tell, info: tell, warn: tell, error: tell }
    const encrypting = server({ encryption: { keys: KEY } })
    const cookie = await begin(encrypting, VALUES)
    const known = await encrypting.load([cookie])
    const bytes = await storedBytes(known)
    const active = await server({ encryption: { keys: OTHER_KEY }, logger }).load([cookie])
    assert.ok(active.isNew && active.id !== known.id)
    assert.deepEqual(told, [
      [{ why: 'encrypted with a key unknown here' }, 'stored session is not readable'],
    ])
    assert.deepEqual(await storedBytes(known), bytes)
  })

  test('what another server stored meanwhile and is not read here is not overwritten', async () => {
    for (const sticky of [true, false]) {
      const here = server({ sticky })
      const cookie = await begin(here, { a: 1 })
      const active = await here.load([cookie])
      const there = server({ sticky, transcoder: 'cbor' })
      await write(there, await there.load([cookie]), { b: 1 })
      const bytes = await storedBytes(active)
      for (const a of [2, 3]) {
        await assert.rejects(write(here, active, { a }), { code: 'HOLDFAST_SESSION_UNREADABLE' })
      }
      assert.deepEqual(await storedBytes(active), bytes)
    }
  })

  test('a session that is too large is refused, and what was stored stays', async () => {
    for (const sticky of [true, false]) {
      const manager = server({ sticky, sessionSizeMax: 1000 })
      const cookie = await begin(manager, { a: 1 })
      const active = await manager.load([cookie])
      const bytes = await storedBytes(active)
      await assert.rejects(write(manager, active, { history: 'x'.repeat(1000) }), {
        code: 'HOLDFAST_SESSION_TOO_LARGE',
        attribute: 'history',
      })
      assert.deepEqual(await storedBytes(active), bytes)
      delete active.attributes.history
      await write(manager, active, { b: 2 })
      assert.deepEqual((await server({}).load([cookie])).attributes, { a: 1, b: 2 })
    }
  })

  test('mergeAttribute decides what two servers changed at once', async () => {
    const mergeAttribute: SessionOptions['mergeAttribute'] = (name, { base, ours, theirs }) =>
      name === 'visits' ? Number(theirs) + Number(ours) - Number(base) : ours
    const [one, other] = [server({ mergeAttribute }), server({ mergeAttribute })]
    const cookie = await begin(one, { visits: 10 })
    const [here, there] = [await one.load([cookie]), await other.load([cookie])]
    await write(one, here, { visits: 11 })
    await write(other, there, { visits: 15 })
    assert.deepEqual((await one.load([cookie])).attributes, { visits: 16 })
  })
})
