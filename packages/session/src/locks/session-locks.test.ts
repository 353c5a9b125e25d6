import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import { parseSessionOptions, type SessionOptions } from '../options.ts'
import { SessionStore } from '../store/session-store.ts'
import { countsOf, has, put } from '../test-support/memcached-counts.ts'
import { startSlowLink } from '../test-support/slow-link.ts'
import { AWAY_AFTER_MS, PATIENT } from '../test-support/test-site.ts'
import { onClientGone } from './client-gone.ts'
import { LOCK_WAITERS_MAX } from './lock-queue.ts'
import { type AcquiredLock, SessionLocks } from './session-locks.ts'

/** A process with locks of its own. */
interface Process {
  locks: SessionLocks
  acquire: (id: string) => Promise<AcquiredLock>
  close: () => Promise<void>
}

function startProcess(address: string, options: Partial<SessionOptions> = {}): Process {
  const settings = parseSessionOptions({
    memcachedNodes: address,
    secret: 's',
    sticky: false,
    lockingMode: 'all',
    storageKeyPrefix: 'static:app',
    ...PATIENT,
    ...options,
  })
  const store = new SessionStore(settings)
  const locks = new SessionLocks(store, settings)
  return {
    locks,
    acquire: (id) => locks.acquire(id, () => () => undefined),
    close: async () => {
      await locks.close()
      await store.close()
    },
  }
}

describe('the lock of a session', () => {
  let memcached: MemcachedProcess
  let one: Process
  let two: Process
  let ids = 0
  const newId = (): string => `id${++ids}`
  before(async () => {
    memcached = await MemcachedProcess.start()
    one = startProcess(memcached.address)
    two = startProcess(memcached.address)
  })
  after(async () => {
    await one.close()
    await two.close()
    await memcached.kill()
  })

  test('is a key beside the session’s that is there as long as it is held', async () => {
    const id = newId()
    const held = await one.acquire(id)
    assert.equal(await has(memcached, `lock:app_${id}`), true)
    await held.release()
    assert.equal(await has(memcached, `lock:app_${id}`), false)
    assert.equal(one.locks.size, 0)
  })

  test('has one owner among the requests of a process, in order of arrival', async () => {
    const id = newId()
    const order: number[] = []
    let holders = 0
    await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const held = await one.acquire(id)
        assert.equal(++holders, 1)
        order.push(n)
        await new Promise(setImmediate)
        holders -= 1
        await held.release()
      }),
    )
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    )
    assert.equal(one.locks.size, 0)
  })

  test('passes between processes, and each holder has a greater fencing number', async () => {
    const id = newId()
    const fences: bigint[] = []
    let holders = 0
    await Promise.all(
      Array.from({ length: 24 }, async (_, n) => {
        const held = await (n % 2 === 0 ? one : two).acquire(id)
        assert.equal(++holders, 1)
        fences.push(BigInt(held.lock.fence ?? -1))
        await new Promise(setImmediate)
        holders -= 1
        await held.release()
      }),
    )
    assert.equal(new Set(fences).size, 24)
    assert.deepEqual(
      fences,
      fences.toSorted((a, b) => (a < b ? -1 : 1)),
    )
  })

  test('is handed over within a process for one operation, without asking for it again', async () => {
    const id = newId()
    const before = await countsOf(memcached)
    const first = await one.acquire(id)
    const waiting = [one.acquire(id), one.acquire(id)]
    await first.release()
    for (const next of waiting) await (await next).release()
    const { sets } = await countsOf(memcached)
    // add, two that hand over, one that gives it back.
    assert.equal(sets - before.sets, 4)
  })

  test('is waited for as long as lockWait says, then refused, and the others go on', async (t) => {
    const hasty = startProcess(memcached.address, { lockWait: 1500 })
    t.after(() => hasty.close())
    const id = newId()
    const held = await one.acquire(id)
    const expected = { code: 'HOLDFAST_SESSION_LOCK_TIMEOUT', status: 503 }
    await Promise.all([
      assert.rejects(hasty.acquire(id), expected),
      assert.rejects(hasty.acquire(id), expected),
    ])
    await held.release()
    await (await hasty.acquire(id)).release()
    await until('the queue is gone', () => hasty.locks.size === 0)
  })

  test('of another process is seen to be free without being told', async () => {
    const id = newId()
    const held = await one.acquire(id)
    const waiting = two.acquire(id)
    await held.release()
    await (await waiting).release()
    assert.equal(await has(memcached, `lock:app_${id}`), false)
  })

  test('does not let a process with a queue shut out another one', async (t) => {
    const busy = startProcess(memcached.address, { lockWait: 1200 })
    t.after(() => busy.close())
    const id = newId()
    let isOver = false
    let releases = 0
    const always = Promise.all(
      Array.from({ length: 3 }, async () => {
        while (!isOver) {
          const held = await busy.acquire(id)
          await new Promise(setImmediate)
          releases += 1
          await held.release()
        }
      }),
    )
    await until('it is busy', () => releases > 2)
    const held = await two.acquire(id)
    isOver = true
    await held.release()
    await always
    assert.ok(releases > 2)
  })

  test('that became another one’s is neither released nor renewed by its old owner', async () => {
    const id = newId()
    const held = await one.acquire(id)
    await put(memcached, `lock:app_${id}`, 'stolen')
    assert.equal(await held.lock.confirm(), false)
    assert.equal(held.lock.isHeld, false)
    await held.release()
    assert.equal(await has(memcached, `lock:app_${id}`), true)
  })

  test('is given up by a waiting client that has gone', async () => {
    const id = newId()
    const held = await one.acquire(id)
    const socket = new EventEmitter()
    const waiting = one.locks.acquire(id, (gone) => onClientGone({ socket }, gone))
    const next = one.acquire(id)
    socket.emit('close')
    await assert.rejects(waiting, { code: 'HOLDFAST_CLIENT_GONE' })
    assert.equal(socket.listenerCount('close'), 0)
    await held.release()
    await (await next).release()
  })

  test('of a client that had gone before is not waited for', async () => {
    const gone = { signal: AbortSignal.abort() }
    const id = newId()
    await assert.rejects(
      one.locks.acquire(id, (listener) => onClientGone(gone, listener)),
      { code: 'HOLDFAST_CLIENT_GONE' },
    )
    assert.equal(one.locks.size, 0)
  })

  test('has a bounded queue', async () => {
    const id = newId()
    const held = await one.acquire(id)
    const waiting = Array.from({ length: LOCK_WAITERS_MAX }, () => one.acquire(id))
    await assert.rejects(one.acquire(id), { code: 'HOLDFAST_SESSION_LOCK_TIMEOUT' })
    await held.release()
    for (const next of waiting) await (await next).release()
    assert.equal(one.locks.size, 0)
  })

  test('is found to be ours when the answer to its add was lost', async (t) => {
    const link = await startSlowLink(memcached.port, 0)
    const far = startProcess(link.address)
    t.after(async () => {
      await far.close()
      await link.close()
    })
    const id = newId()
    await (await far.acquire(newId())).release()
    link.delayMs = 40
    const pending = far.acquire(id)
    // The add has gone through to memcached; its answer has not come back.
    await link.breakConnections()
    link.delayMs = 0
    const held = await pending
    assert.equal(held.lock.isHeld, true)
    await held.release()
    assert.equal(await has(memcached, `lock:app_${id}`), false)
  })
})

test('a store that says nothing until lockWait is over is away, whoever has the lock', async () => {
  const frozen = await MemcachedProcess.start()
  const alone = startProcess(frozen.address, { lockWait: 100, storeWait: AWAY_AFTER_MS })
  await (await alone.acquire('a')).release()
  await frozen.freeze()
  await Promise.all([
    assert.rejects(alone.acquire('a'), { code: 'HOLDFAST_STORE_UNAVAILABLE' }),
    assert.rejects(alone.acquire('a'), { code: 'HOLDFAST_STORE_UNAVAILABLE' }),
  ])
  await until('the queue is gone', () => alone.locks.size === 0)
  await alone.close()
  await frozen.kill()
})
