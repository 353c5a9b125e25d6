import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { TestPools } from './testing/test-pools.ts'

let pools: TestPools

beforeEach(async () => {
  pools = await TestPools.open()
})

afterEach(async () => {
  await pools.close()
})

describe('prefix', () => {
  const prefixes = { user: 'a', 'user:vip:': 'b', é: 'b' }

  test('the longest prefix decides', async () => {
    const client = pools.client(pools.route({ type: 'prefix', prefixes, default: 'c' }))
    const keys = ['user:1', 'user', 'user:vip:1', 'use', 'x', Buffer.from('é1').toString('latin1')]
    await client.ask(keys.map((key) => `set ${key} 0 0 1\r\nx\r\n`).join(''))
    const found = (reply: string): string[] => {
      return [...reply.matchAll(/^VALUE (\S+) /gm)].map(([, key]) => key ?? '')
    }
    const all = `get ${keys.join(' ')}\r\n`
    assert.deepEqual(found(await pools.ask('a', all)), ['user:1', 'user'])
    assert.deepEqual(found(await pools.ask('b', all)), ['user:vip:1', keys[5]])
    assert.deepEqual(found(await pools.ask('c', all)), ['use', 'x'])
    assert.deepEqual(found(await client.ask(all)), keys)
  })

  test('a key without a pool is refused, flush_all reaches every pool', async () => {
    const client = pools.client(pools.route({ type: 'prefix', prefixes }))
    assert.equal(
      await client.ask('get x\r\nset user 0 0 1\r\nx\r\n'),
      'SERVER_ERROR no pool for the prefix of this key\r\nSTORED\r\n',
    )
    await pools.ask('b', 'set k 0 0 1\r\nx\r\n')
    await pools.ask('c', 'set k 0 0 1\r\nx\r\n')
    assert.equal(await client.ask('flush_all\r\n'), 'OK\r\n')
    assert.equal(await pools.ask('b', 'get k\r\n'), 'END\r\n')
    assert.equal(await pools.ask('c', 'get k\r\n'), 'VALUE k 0 1\r\nx\r\nEND\r\n')
  })
})

describe('key prefix', () => {
  test('is added downstream and not shown upstream', async () => {
    const client = pools.client(pools.route({ type: 'key-prefix', pool: 'a', add: 'app1:' }))
    assert.equal(
      await client.ask('set k 5 0 3\r\nabc\r\nget k nope k\r\nincr n 1\r\nmg k k v\r\n'),
      'STORED\r\nVALUE k 5 3\r\nabc\r\nVALUE k 5 3\r\nabc\r\nEND\r\nNOT_FOUND\r\nVA 3 kk\r\nabc\r\n',
    )
    assert.equal(await pools.ask('a', 'get app1:k k\r\n'), 'VALUE app1:k 5 3\r\nabc\r\nEND\r\n')
  })

  test('is removed, and changed', async () => {
    await pools.ask('a', 'set k 0 0 1\r\nx\r\nset new:k 0 0 1\r\ny\r\n')
    const removing = pools.client(pools.route({ type: 'key-prefix', pool: 'a', remove: 'old:' }))
    assert.equal(
      await removing.ask('get old:k\r\nget k\r\nget old:\r\n'),
      `VALUE old:k 0 1\r\nx\r\nEND\r\n${'CLIENT_ERROR key has not the prefix that this proxy removes\r\n'.repeat(2)}`,
    )
    const changing = pools.client(
      pools.route({ type: 'key-prefix', pool: 'a', remove: 'old:', add: 'new:' }),
    )
    assert.equal(await changing.ask('get old:k\r\n'), 'VALUE old:k 0 1\r\ny\r\nEND\r\n')
  })

  test('a key that is too long with it is refused', async () => {
    const client = pools.client(pools.route({ type: 'key-prefix', pool: 'a', add: 'app1:' }))
    const line = 'CLIENT_ERROR key too long with the prefix of this proxy\r\n'
    assert.equal(await client.ask(`get ${'k'.repeat(245)}\r\n`), 'END\r\n')
    assert.equal(await client.ask(`get ${'k'.repeat(246)}\r\n`), line)
  })

  test('flush_all is refused unless it is allowed', async () => {
    await pools.ask('a', 'set k 0 0 1\r\nx\r\n')
    const refusing = pools.client(pools.route({ type: 'key-prefix', pool: 'a', add: 'p' }))
    assert.match(await refusing.ask('flush_all\r\n'), /^SERVER_ERROR flush_all not supported/)
    const allowing = pools.client(
      pools.route({ type: 'key-prefix', pool: 'a', add: 'p', flush: true }),
    )
    assert.equal(await allowing.ask('flush_all\r\n'), 'OK\r\n')
    assert.equal(await pools.ask('a', 'get k\r\n'), 'END\r\n')
  })
})
