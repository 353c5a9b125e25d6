// What the original's test list misses: writes whose answers get lost, of sticky sessions that
// another server ends before they are repeated.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import { Registry } from 'prom-client'
import { SessionManager } from '../session-manager.ts'
import { has } from '../test-support/memcached-counts.ts'
import { startSlowLink } from '../test-support/slow-link.ts'
import { SECRET } from '../test-support/test-site.ts'

/** An answer that comes later than anybody waits for it. */
const LOST_MS = 3000

test('sticky: a first write that is repeated does not bring a session back that was ended', async (t) => {
  const store = await MemcachedProcess.start()
  const link = await startSlowLink(store.port, 0)
  const options = { secret: SECRET, operationTimeout: 300, storeWait: 300 }
  const here = new SessionManager({ ...options, memcachedNodes: link.address })
  const there = new SessionManager({ secret: SECRET, memcachedNodes: store.address })
  t.after(async () => {
    await Promise.all([here.close(), there.close()])
    await link.close()
    await store.kill()
  })
  const registry = new Registry()
  here.registerMetrics(registry)
  const queue = async (): Promise<number | undefined> => {
    const gauge = registry.getSingleMetric('holdfast_session_backup_queue_length')
    return (await gauge?.get())?.values[0]?.value
  }

  await until('it is connected', async () => (await here.health()).ok)
  link.delayMs = LOST_MS
  const active = here.create()
  active.attributes.user = 'ann'
  active.accessed = true
  await assert.rejects(async () => here.commit(active).saved)
  assert.equal(await queue(), 1, 'it is owed')
  await until('the store has it all the same', () => has(store, active.id))
  await there.destroy(await there.load([here.cookieValue(active)]))
  assert.equal(await has(store, active.id), false)

  link.delayMs = 0
  await until('nothing is owed any more', async () => (await queue()) === 0)
  assert.equal(await has(store, active.id), false)
  assert.deepEqual((await here.load([here.cookieValue(active)])).attributes, {})
})
