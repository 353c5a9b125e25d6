import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { until } from '@holdfast/client/testing'
import { TestPools } from './testing/test-pools.ts'

const OPTIONS = { type: 'shadow', main: 'a', shadow: 'b' }

let pools: TestPools

beforeEach(async () => {
  pools = await TestPools.open()
})

afterEach(async () => {
  await pools.close()
})

function sets(count: number): string {
  return Array.from({ length: count }, (_, i) => `set k${i} 0 0 1\r\nx\r\n`).join('')
}

test('copies reach the shadow, answers come from the main pool', async () => {
  const client = pools.client(pools.route(OPTIONS))
  await pools.ask('b', 'set only 0 0 1\r\nx\r\n')
  assert.equal(
    await client.ask('set k 3 0 1\r\nx\r\nget k only\r\n'),
    'STORED\r\nVALUE k 3 1\r\nx\r\nEND\r\n',
  )
  await until('the copy is there', async () => {
    return (await pools.ask('b', 'get k\r\n')) === 'VALUE k 3 1\r\nx\r\nEND\r\n'
  })
  assert.equal(await client.ask('flush_all\r\n'), 'OK\r\n')
  await until('the shadow is empty', async () => (await pools.ask('b', 'get k\r\n')) === 'END\r\n')
})

test('a shadow that fails is only counted', async () => {
  const route = pools.route(OPTIONS)
  const client = pools.client(route)
  await pools.kill('b')
  assert.equal(await client.ask(sets(5)), 'STORED\r\n'.repeat(5))
  await until('failures are counted', () => route.report().counters.shadow_failed === 5)
  assert.equal(route.report().usable, true)
})

test('a share of the keys is copied, and always the same ones', async () => {
  const route = pools.route({ ...OPTIONS, percent: 25 })
  const client = pools.client(route)
  await client.ask(sets(400))
  const copied = route.report().counters.shadow_copied ?? 0
  assert.ok(copied > 60 && copied < 140, `${copied} of 400`)
  await client.ask(sets(400))
  assert.equal(route.report().counters.shadow_copied, copied * 2)
})

test('a share of the requests is copied evenly', async () => {
  const route = pools.route({ ...OPTIONS, percent: 12.5, sample: 'request' })
  await pools.client(route).ask('get k\r\n'.repeat(80))
  assert.equal(route.report().counters.shadow_copied, 10)
})

test('only reads, or only writes, are copied when that is asked', async () => {
  const reads = pools.route({ ...OPTIONS, requests: 'reads' })
  await pools.client(reads).ask(`${sets(3)}get k0\r\ngets k1\r\n`)
  assert.equal(reads.report().counters.shadow_copied, 2)
  const writes = pools.route({ ...OPTIONS, requests: 'writes' })
  await pools.client(writes).ask(`${sets(3)}get k0\r\ngets k1\r\n`)
  assert.equal(writes.report().counters.shadow_copied, 3)
})

test('copies beyond the bound are left out', async () => {
  const route = pools.route({ ...OPTIONS, outstandingMax: 10 })
  assert.equal(await pools.client(route).ask(sets(50)), 'STORED\r\n'.repeat(50))
  const { shadow_copied: copied, shadow_left_out: leftOut } = route.report().counters
  assert.deepEqual([copied, leftOut], [10, 40])
})
