import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { TestPools } from './testing/test-pools.ts'

let pools: TestPools

beforeEach(async () => {
  pools = await TestPools.open()
})

afterEach(async () => {
  await pools.close()
})

test('the first pool serves while it lives', async () => {
  const client = pools.client(pools.route({ type: 'failover', pools: ['a', 'b'] }))
  assert.equal(
    await client.ask('set k 1 0 1\r\nx\r\nget k\r\n'),
    'STORED\r\nVALUE k 1 1\r\nx\r\nEND\r\n',
  )
  assert.equal(await pools.ask('a', 'get k\r\n'), 'VALUE k 1 1\r\nx\r\nEND\r\n')
  assert.equal(await pools.ask('b', 'get k\r\n'), 'END\r\n')
})

test('the next pool serves when the first fails, for reads and writes, in order', async () => {
  const route = pools.route({ type: 'failover', pools: ['a', 'b', 'c'] })
  const client = pools.client(route)
  await pools.kill('a')
  assert.equal(
    await client.ask(
      'set k 1 0 1\r\nx\r\nget k\r\nincr n 1\r\nadd n 0 0 1\r\n1\r\nincr n 4\r\nget n k z\r\n',
    ),
    'STORED\r\nVALUE k 1 1\r\nx\r\nEND\r\nNOT_FOUND\r\nSTORED\r\n5\r\nVALUE n 0 1\r\n5\r\nVALUE k 1 1\r\nx\r\nEND\r\n',
  )
  await pools.kill('b')
  assert.equal(await client.ask('get k\r\n'), 'END\r\n')
  assert.ok((route.report().counters.failovers ?? 0) >= 8)
  assert.equal(route.report().usable, true)
})

test('a failure remains when all pools fail', async () => {
  const route = pools.route({ type: 'failover', pools: ['a', 'b'] })
  const client = pools.client(route)
  await pools.kill('a')
  await pools.kill('b')
  assert.match(await client.ask('get k\r\n'), /^SERVER_ERROR .*\r\n$/)
  assert.equal(route.report().usable, false)
})

test('writes stay with the first pool when they may not fail over', async () => {
  const client = pools.client(pools.route({ type: 'failover', pools: ['a', 'b'], writes: false }))
  await pools.ask('b', 'set k 0 0 1\r\nx\r\n')
  await pools.kill('a')
  assert.match(await client.ask('set k 0 0 1\r\ny\r\n'), /^SERVER_ERROR /)
  assert.equal(await client.ask('get k\r\n'), 'VALUE k 0 1\r\nx\r\nEND\r\n')
})

test('a miss leads to the next pool only when it is asked for', async () => {
  await pools.ask('b', 'set k 0 0 1\r\nx\r\n')
  const plain = pools.client(pools.route({ type: 'failover', pools: ['a', 'b'] }))
  assert.equal(await plain.ask('get k\r\n'), 'END\r\n')
  const further = pools.client(
    pools.route({ type: 'failover', pools: ['a', 'b'], on: ['error', 'miss'] }),
  )
  assert.equal(await further.ask('get k\r\n'), 'VALUE k 0 1\r\nx\r\nEND\r\n')
  assert.equal(await further.ask('append k 0 0 1\r\ny\r\n'), 'STORED\r\n')
  await pools.kill('b')
  assert.equal(await further.ask('get k\r\n'), 'END\r\n', 'the miss of the living pool counts')
})

test('a CAS id of one pool does not fit in another', async () => {
  const client = pools.client(pools.route({ type: 'failover', pools: ['a', 'b'] }))
  await pools.kill('a')
  await client.ask('set k 0 0 1\r\nx\r\n')
  const id = /^VALUE k 0 1 (\d+)\r\n/.exec(await client.ask('gets k\r\n'))?.[1]
  const direct = /^VALUE k 0 1 (\d+)\r\n/.exec(await pools.ask('b', 'gets k\r\n'))?.[1]
  assert.notEqual(id, direct)
  assert.equal(await client.ask(`cas k 0 0 1 ${direct}\r\ny\r\n`), 'EXISTS\r\n')
  assert.equal(await client.ask(`cas k 0 0 1 ${id}\r\ny\r\n`), 'STORED\r\n')
})

test('delete and flush_all reach every pool', async () => {
  const client = pools.client(pools.route({ type: 'failover', pools: ['a', 'b'] }))
  await pools.ask('b', 'set k 0 0 1\r\nx\r\nset l 0 0 1\r\nx\r\n')
  assert.equal(await client.ask('delete k\r\ndelete k\r\n'), 'DELETED\r\nNOT_FOUND\r\n')
  assert.equal(await client.ask('flush_all\r\n'), 'OK\r\n')
  assert.equal(await pools.ask('b', 'get k l\r\n'), 'END\r\n')
  await pools.kill('b')
  assert.equal(await client.ask('delete k\r\n'), 'NOT_FOUND\r\n')
  assert.match(await client.ask('flush_all\r\n'), /^SERVER_ERROR /)
})
