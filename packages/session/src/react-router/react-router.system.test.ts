import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import { type SessionStrategy, sessionStrategy, type TextStoreOptions } from './index.ts'

interface Shape {
  user: string
  n: number
}

let memcached: MemcachedProcess
before(async () => {
  memcached = await MemcachedProcess.start()
})
after(() => memcached.kill())

function opened(t: TestContext, options: Partial<TextStoreOptions> = {}): SessionStrategy<Shape> {
  const strategy = sessionStrategy<Shape>({ memcachedNodes: memcached.address, ...options })
  t.after(() => strategy.close())
  return strategy
}

test('a session is created, read and updated, on any server', async (t) => {
  const [one, other] = [opened(t), opened(t)]
  const id = await one.createData({ user: 'ann' })
  assert.match(id, /^[\w-]{32}$/)
  assert.notEqual(await one.createData({}), id)
  assert.deepEqual(await other.readData(id), { user: 'ann' })
  await other.updateData(id, { user: 'ann', n: 1 })
  assert.deepEqual(await one.readData(id), { user: 'ann', n: 1 })
  assert.equal(await one.readData('unknown'), null)
})

test('a destroyed session is not brought back by a late commit', async (t) => {
  const strategy = opened(t)
  const id = await strategy.createData({ user: 'ann' })
  await strategy.deleteData(id)
  assert.equal(await strategy.readData(id), null)
  await strategy.updateData(id, { user: 'ann', n: 2 })
  assert.equal(await strategy.readData(id), null)
})

test('an expired session may be begun again under its id, as React Router does', async (t) => {
  const strategy = opened(t)
  const id = await strategy.createData({ user: 'ann' }, new Date(Date.now() + 100))
  await until('it expires', async () => (await strategy.readData(id)) === null)
  await strategy.updateData(id, { user: 'bob' }, new Date(Date.now() + 60_000))
  assert.deepEqual(await strategy.readData(id), { user: 'bob' })
})

test('a store that is away is an error, never an empty session', async (t) => {
  const strategy = opened(t, { memcachedNodes: '127.0.0.1:1', operationTimeout: 50 })
  await assert.rejects(strategy.readData('id'), { code: 'HOLDFAST_STORE_UNAVAILABLE' })
  await assert.rejects(strategy.updateData('id', {}), { code: 'HOLDFAST_STORE_UNAVAILABLE' })
})
