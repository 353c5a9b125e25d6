import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import { createStorage, prefixStorage } from 'unstorage'
import { has } from '../test-support/memcached-counts.ts'
import { type HoldfastDriverOptions, holdfastDriver } from './index.ts'

let nodes: MemcachedProcess[]
before(async () => {
  nodes = await Promise.all([MemcachedProcess.start(), MemcachedProcess.start()])
})
after(() => Promise.all(nodes.map((node) => node.kill())))

function storageOf(
  t: { after: (work: () => Promise<void>) => void },
  options: Partial<HoldfastDriverOptions> = {},
) {
  const memcachedNodes = nodes[0]?.address ?? ''
  const storage = createStorage({ driver: holdfastDriver({ memcachedNodes, ...options }) })
  t.after(() => storage.dispose())
  return storage
}

test('items are stored, read, asked for and removed', async (t) => {
  const storage = storageOf(t)
  assert.equal(await storage.getItem('a:b'), null)
  assert.equal(await storage.hasItem('a:b'), false)
  await storage.setItem('a:b', { user: 'ann', n: 1 })
  assert.deepEqual(await storage.getItem('a:b'), { user: 'ann', n: 1 })
  assert.equal(await storage.hasItem('a:b'), true)
  await storage.removeItem('a:b')
  assert.equal(await storage.getItem('a:b'), null)
  await storage.removeItem('a:b')
})

test('empty texts, bytes and meta come back as they were', async (t) => {
  const storage = storageOf(t)
  await storage.setItem('empty', '')
  assert.equal(await storage.hasItem('empty'), true)
  await storage.setItemRaw('raw', new Uint8Array([0, 255, 128]))
  assert.deepEqual([...(await storage.getItemRaw('raw'))], [0, 255, 128])
  await storage.setMeta('raw', { owner: 'ann' })
  assert.equal((await storage.getMeta('raw')).owner, 'ann')
})

test('several items are read and written at once', async (t) => {
  const storage = prefixStorage<string>(storageOf(t), 'many')
  await storage.setItems([
    { key: 'a', value: 'first' },
    { key: 'b', value: 'second' },
  ])
  const items = await storage.getItems(['a', 'b', 'c'])
  assert.deepEqual(
    items.map(({ value }) => value),
    ['first', 'second', null],
  )
})

test('an item lives as long as its ttl says, or that of the driver', async (t) => {
  const storage = storageOf(t, { ttl: 1 })
  await storage.setItem('short', 'x')
  await storage.setItem('long', 'y', { ttl: 60 })
  await storage.setItem('for-ever', 'z', { ttl: 0 })
  await until('the short one expires', async () => !(await storage.hasItem('short')))
  assert.equal(await storage.getItem('long'), 'y')
  assert.equal(await storage.getItem('for-ever'), 'z')
  await assert.rejects(storage.setItem('wrong', 'x', { ttl: -1 }), TypeError)
  await assert.rejects(storage.setItem('wrong', 'x', { ttl: 'soon' }), TypeError)
})

test('a year is not read as a date in 1970', async (t) => {
  const storage = storageOf(t)
  await storage.setItem('year', 'kept', { ttl: 365 * 86_400 })
  assert.equal(await storage.getItem('year'), 'kept')
})

test('base and storageKeyPrefix are put before each key', async (t) => {
  const storage = storageOf(t, { base: 'nitro', storageKeyPrefix: 'static:shop' })
  await storage.setItem('session:1', 'x')
  const [node] = nodes
  assert.ok(node)
  assert.equal(await has(node, 'shop_nitro:session:1'), true)
})

test('a key that memcached could not take is stored all the same', async (t) => {
  const storage = storageOf(t)
  const keys = ['long-'.repeat(100), 'with blanks and ü', `sha256:${'a'.repeat(64)}`]
  for (const key of keys) await storage.setItem(key, key)
  for (const key of keys) assert.equal(await storage.getItem(key), key)
})

test('several nodes share the items, and a second process finds them', async (t) => {
  const memcachedNodes = nodes.map(({ address }, at) => `n${at}:${address}`).join(' ')
  const storage = storageOf(t, { memcachedNodes, base: 'spread' })
  for (let i = 0; i < 40; i++) await storage.setItem(`item-${i}`, `value ${i}`)
  const other = storageOf(t, { memcachedNodes, base: 'spread' })
  for (let i = 0; i < 40; i++) assert.equal(await other.getItem(`item-${i}`), `value ${i}`)
  for (const node of nodes) {
    const found = await Promise.all(
      Array.from({ length: 40 }, (_, i) => has(node, `spread:item-${i}`)),
    )
    assert.ok(found.includes(true) && found.includes(false))
  }
})

test('listing and clearing are refused with the reason', async (t) => {
  const storage = storageOf(t)
  const refused = { code: 'HOLDFAST_KEYS_NOT_LISTABLE', message: /memcached cannot list its keys/ }
  await assert.rejects(storage.getKeys(), refused)
  await assert.rejects(storage.clear(), refused)
})

test('a store that is away is an error within operationTimeout, never an empty item', async (t) => {
  const storage = storageOf(t, { memcachedNodes: '127.0.0.1:1', operationTimeout: 50 })
  await assert.rejects(storage.getItem('a'), { code: 'HOLDFAST_STORE_UNAVAILABLE' })
  await assert.rejects(storage.setItem('a', 'x'), { code: 'HOLDFAST_STORE_UNAVAILABLE' })
})
