import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { TextUpstream } from '@holdfast/client/testing'
import { TestPools } from './testing/test-pools.ts'

let pools: TestPools
let client: TextUpstream

beforeEach(async () => {
  pools = await TestPools.open()
  client = pools.client(pools.route({ type: 'write-all', pools: ['a', 'b', 'c'] }))
})

afterEach(async () => {
  await pools.close()
})

async function everywhere(key: string): Promise<string[]> {
  return [
    await pools.ask('a', `get ${key}\r\n`),
    await pools.ask('b', `get ${key}\r\n`),
    await pools.ask('c', `get ${key}\r\n`),
  ]
}

test('every write reaches every pool', async () => {
  const asked = [
    'set s 1 0 1\r\nx\r\n',
    'add d 2 0 1\r\ny\r\n',
    'add d 3 0 1\r\nz\r\n',
    'append s 0 0 1\r\n!\r\n',
    'prepend s 0 0 1\r\n!\r\n',
    'replace d 4 0 2\r\nzz\r\n',
    'set n 0 0 1\r\n7\r\n',
    'incr n 5\r\n',
    'decr n 2\r\n',
    'gat 100 s\r\n',
  ]
  assert.equal(
    await client.ask(asked.join('')),
    'STORED\r\nSTORED\r\nNOT_STORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nSTORED\r\n12\r\n10\r\nVALUE s 1 3\r\n!x!\r\nEND\r\n',
  )
  assert.deepEqual(await everywhere('s'), Array(3).fill('VALUE s 1 3\r\n!x!\r\nEND\r\n'))
  assert.deepEqual(await everywhere('d'), Array(3).fill('VALUE d 4 2\r\nzz\r\nEND\r\n'))
  assert.deepEqual(await everywhere('n'), Array(3).fill('VALUE n 0 2\r\n10\r\nEND\r\n'))
  assert.equal(
    await client.ask('touch s -1\r\ndelete d\r\ndelete d\r\n'),
    'TOUCHED\r\nDELETED\r\nNOT_FOUND\r\n',
  )
  assert.deepEqual(await everywhere('s'), Array(3).fill('END\r\n'))
  assert.deepEqual(await everywhere('d'), Array(3).fill('END\r\n'))
  await client.ask('flush_all\r\n')
  assert.deepEqual(await everywhere('n'), Array(3).fill('END\r\n'))
})

test('cas is decided once and stored everywhere', async () => {
  await client.ask('set k 0 0 1\r\nx\r\n')
  const id = /^VALUE k 0 1 (\d+)\r\n/.exec(await client.ask('gets k\r\n'))?.[1]
  assert.equal(await client.ask(`cas k 9 0 1 ${id}\r\ny\r\n`), 'STORED\r\n')
  assert.equal(await client.ask(`cas k 9 0 1 ${id}\r\nz\r\n`), 'EXISTS\r\n')
  assert.equal(await client.ask('cas nope 9 0 1 1\r\nz\r\n'), 'NOT_FOUND\r\n')
  assert.deepEqual(await everywhere('k'), Array(3).fill('VALUE k 9 1\r\ny\r\nEND\r\n'))
})

test('one living pool is enough, for reads and writes', async () => {
  await client.ask('set k 0 0 1\r\nx\r\nset n 0 0 1\r\n1\r\n')
  await pools.kill('a')
  assert.equal(await client.ask('get k\r\nget nope\r\n'), 'VALUE k 0 1\r\nx\r\nEND\r\nEND\r\n')
  await pools.kill('c')
  assert.equal(
    await client.ask('set k 0 0 1\r\ny\r\nincr n 1\r\nget k n\r\ndelete k\r\ndelete k\r\n'),
    'STORED\r\n2\r\nVALUE k 0 1\r\ny\r\nVALUE n 0 1\r\n2\r\nEND\r\nDELETED\r\nNOT_FOUND\r\n',
  )
  assert.match(await client.ask('flush_all\r\n'), /^SERVER_ERROR /, 'not all were emptied')
  await pools.kill('b')
  assert.match(await client.ask('get k\r\n'), /^SERVER_ERROR /)
  assert.match(await client.ask('set k 0 0 1\r\nx\r\n'), /^SERVER_ERROR /)
  assert.match(await client.ask('incr n 1\r\n'), /^SERVER_ERROR /)
})

test('a pool that was restarted empty does not hide what the others have', async () => {
  await client.ask('set k 0 0 1\r\n1\r\n')
  await pools.ask('a', 'flush_all\r\n')
  assert.equal(await client.ask('get k\r\n'), 'VALUE k 0 1\r\n1\r\nEND\r\n')
  assert.equal(
    await client.ask('incr k 1\r\nappend k 0 0 1\r\n0\r\nget k\r\n'),
    '2\r\nSTORED\r\nVALUE k 0 2\r\n20\r\nEND\r\n',
  )
  const id = /^VALUE k 0 2 (\d+)\r\n/.exec(await client.ask('gets k\r\n'))?.[1]
  assert.equal(await client.ask(`cas k 0 0 1 ${id}\r\nz\r\n`), 'STORED\r\n')
  assert.equal(await pools.ask('c', 'get k\r\n'), 'VALUE k 0 1\r\nz\r\nEND\r\n')
})

test('where all pools are needed one failure is an error', async () => {
  const strict = pools.route({ type: 'write-all', pools: ['a', 'b'], succeed: 'all' })
  const careful = pools.client(strict)
  assert.equal(await careful.ask('set n 0 0 1\r\n1\r\nincr n 1\r\n'), 'STORED\r\n2\r\n')
  await pools.kill('b')
  assert.match(await careful.ask('set n 0 0 1\r\n1\r\n'), /^SERVER_ERROR /)
  assert.match(await careful.ask('incr n 1\r\n'), /^SERVER_ERROR /)
  assert.equal(await careful.ask('get n\r\n'), 'VALUE n 0 1\r\n2\r\nEND\r\n')
  assert.equal(strict.report().usable, false)
})

test('noreply is kept in order and answered by nothing', async () => {
  assert.equal(
    await client.ask('set k 0 0 1 noreply\r\nx\r\nadd k 0 0 1 noreply\r\ny\r\nget k\r\n'),
    'VALUE k 0 1\r\nx\r\nEND\r\n',
  )
})
