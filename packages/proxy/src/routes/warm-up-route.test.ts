import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { TextUpstream } from '@holdfast/client/testing'
import { TestPools } from './testing/test-pools.ts'

const OPTIONS = { type: 'warm-up', cold: 'a', warm: 'b' }

let pools: TestPools
let client: TextUpstream

beforeEach(async () => {
  pools = await TestPools.open()
  client = pools.client(pools.route(OPTIONS))
})

afterEach(async () => {
  await pools.close()
})

/** Seconds that an item of pool a has left, -1 for ever. */
async function ttlOf(key: string): Promise<number> {
  const reply = await pools.ask('a', `mg ${key} t\r\n`)
  return Number(/^HD t(-?\d+)\r\n$/.exec(reply)?.[1])
}

test('a miss is answered by the warm pool and brought over, with its time to live', async () => {
  await pools.ask('b', 'set k 7 0 1\r\nx\r\nset l 7 100 1\r\nx\r\n')
  const route = pools.route(OPTIONS)
  const other = pools.client(route)
  assert.equal(await other.ask('get k l m\r\n'), 'VALUE k 7 1\r\nx\r\nVALUE l 7 1\r\nx\r\nEND\r\n')
  assert.equal(
    await pools.ask('a', 'get k l\r\n'),
    'VALUE k 7 1\r\nx\r\nVALUE l 7 1\r\nx\r\nEND\r\n',
  )
  assert.equal(await ttlOf('k'), -1)
  const left = await ttlOf('l')
  assert.ok(left > 90 && left <= 100, `${left} s`)
  assert.equal(route.report().counters.warm_up_brought, 2)
})

test('a given time to live holds for what is brought over', async () => {
  await pools.ask('b', 'set k 7 0 1\r\nx\r\n')
  const brief = pools.client(pools.route({ ...OPTIONS, ttlSeconds: 50 }))
  assert.equal(await brief.ask('get k\r\n'), 'VALUE k 7 1\r\nx\r\nEND\r\n')
  const left = await ttlOf('k')
  assert.ok(left > 40 && left <= 50, `${left} s`)
})

test('what depends on the item works on one that only the warm pool has', async () => {
  await pools.ask(
    'b',
    'set n 0 0 1\r\n5\r\nset k 0 0 1\r\nx\r\nset t 0 0 1\r\nx\r\nset c 0 0 1\r\nx\r\nset d 0 0 1\r\nx\r\n',
  )
  assert.equal(await client.ask('incr n 2\r\n'), '7\r\n')
  assert.equal(await client.ask('append k 0 0 1\r\ny\r\n'), 'STORED\r\n')
  assert.equal(await client.ask('touch t 100\r\n'), 'TOUCHED\r\n')
  assert.equal(await client.ask('add k 0 0 1\r\nz\r\n'), 'NOT_STORED\r\n')
  assert.equal(await client.ask('add fresh 0 0 1\r\nz\r\n'), 'STORED\r\n')
  const id = /^VALUE c 0 1 (\d+)\r\n/.exec(await client.ask('gets c\r\n'))?.[1]
  assert.equal(await client.ask(`cas c 0 0 1 ${id}\r\nw\r\n`), 'STORED\r\n')
  assert.equal(await client.ask('gat 100 d\r\n'), 'VALUE d 0 1\r\nx\r\nEND\r\n')
  assert.equal(
    await client.ask('incr nope 1\r\nreplace nope 0 0 1\r\nx\r\n'),
    'NOT_FOUND\r\nNOT_STORED\r\n',
  )
  assert.equal(
    await pools.ask('a', 'get n k c\r\n'),
    'VALUE n 0 1\r\n7\r\nVALUE k 0 2\r\nxy\r\nVALUE c 0 1\r\nw\r\nEND\r\n',
  )
})

test('an older value does not come back from the warm pool', async () => {
  await pools.ask('b', 'set k 0 0 1\r\nx\r\nset d 0 0 1\r\nx\r\n')
  assert.equal(await client.ask('set k 0 0 1\r\ny\r\ndelete d\r\n'), 'STORED\r\nDELETED\r\n')
  await pools.ask('a', 'delete k\r\n')
  assert.equal(await client.ask('get k d\r\n'), 'END\r\n')
  assert.equal(await pools.ask('b', 'get k d\r\n'), 'END\r\n')
})

test('the warm pool keeps its values when it is told to', async () => {
  await pools.ask('b', 'set k 0 0 1\r\nx\r\n')
  const keeping = pools.client(pools.route({ ...OPTIONS, keepWarm: true }))
  assert.equal(await keeping.ask('set k 0 0 1\r\ny\r\n'), 'STORED\r\n')
  assert.equal(await pools.ask('b', 'get k\r\n'), 'VALUE k 0 1\r\nx\r\nEND\r\n')
})

test('a warm pool that fails is an error, or a miss when it is told so', async () => {
  await client.ask('set here 0 0 1\r\nx\r\n')
  await pools.kill('b')
  assert.equal(await client.ask('get here\r\n'), 'VALUE here 0 1\r\nx\r\nEND\r\n')
  assert.match(await client.ask('get nope\r\n'), /^SERVER_ERROR /)
  assert.match(await client.ask('add nope 0 0 1\r\nx\r\n'), /^SERVER_ERROR /)
  assert.match(await client.ask('delete here\r\n'), /^SERVER_ERROR /)
  const easy = pools.client(pools.route({ ...OPTIONS, warmFailure: 'miss' }))
  assert.equal(await easy.ask('get nope\r\nadd nope 0 0 1\r\nx\r\n'), 'END\r\nSTORED\r\n')
  assert.equal(await easy.ask('delete nope\r\n'), 'DELETED\r\n')
})

test('flush_all empties both', async () => {
  await pools.ask('b', 'set k 0 0 1\r\nx\r\n')
  assert.equal(await client.ask('flush_all\r\nget k\r\n'), 'OK\r\nEND\r\n')
  await pools.kill('b')
  assert.match(await client.ask('flush_all\r\n'), /^SERVER_ERROR /)
})
