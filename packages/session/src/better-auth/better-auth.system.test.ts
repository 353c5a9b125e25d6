import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import { has } from '../test-support/memcached-counts.ts'
import { secondaryStorage } from './index.ts'

test('values are kept for as long as is said, and deleted', async (t) => {
  const memcached = await MemcachedProcess.start()
  t.after(() => memcached.kill())
  const storage = secondaryStorage({ memcachedNodes: memcached.address })
  t.after(() => storage.close())
  assert.equal(await storage.get('token'), null)
  await storage.set('token', '{"user":"ann"}', 60)
  await storage.set('short', 'x', 1)
  assert.equal(await storage.get('token'), '{"user":"ann"}')
  assert.equal(await has(memcached, 'ba:token'), true)
  await until('the short one expires', async () => (await storage.get('short')) === null)
  await storage.delete('token')
  await storage.delete('token')
  assert.equal(await storage.get('token'), null)
})
