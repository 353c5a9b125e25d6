// Holding without any engine: bounds, deadlines, settings.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { HoldfastExtension } from '@holdfast/topology'
import { BucketClient } from './bucket-client.ts'
import { HELD_OPS_MAX } from './shard.ts'
import { until } from './testing/engines.ts'
import { TextUpstream } from './testing/text-upstream.ts'
import { Turn } from './turn.ts'

const NO_PRIMARY: HoldfastExtension = {
  rev: 4,
  durability: 'replicated',
  degradedWrites: 'allow',
  shards: [{ vBuckets: [0, 1023], primary: null, replicas: [] }],
  auth: { username: 'u', password: 'p' },
}

describe('a shard without a primary', () => {
  test('holds a bounded number of operations and answers the rest at once', async () => {
    const turn = new Turn()
    const client = new BucketClient({ turn })
    client.applyConfig(NO_PRIMARY)
    const upstream = new TextUpstream(client, turn, 300)
    const batch = 'get a\r\n'.repeat(1000)
    for (let i = 0; i < HELD_OPS_MAX / 1000; i++) upstream.send(batch)
    assert.equal(client.outstanding, HELD_OPS_MAX)
    const other = new TextUpstream(client, turn, 300)
    assert.equal(await other.ask('get a\r\n'), 'SERVER_ERROR proxy hold queue full\r\n')
    assert.equal(client.counters.hold_queue_refused, 1)
    await until('all are answered', () => upstream.outstanding === 0)
    assert.equal(upstream.output, 'SERVER_ERROR proxy downstream timeout\r\n'.repeat(HELD_OPS_MAX))
    await until(
      'none is kept',
      () => client.outstanding === 0 && client.report().servers[0]?.held === 0,
    )
    upstream.close()
    other.close()
    await client.stop()
  })

  test('refuses large operations beyond the bound on bytes', async () => {
    const turn = new Turn()
    const client = new BucketClient({ turn })
    client.applyConfig(NO_PRIMARY)
    const upstream = new TextUpstream(client, turn, 200)
    const value = 'x'.repeat(8 * 1024 * 1024)
    for (let i = 0; i < 9; i++) upstream.send(`set a 0 0 ${value.length}\r\n${value}\r\n`)
    const replies = (await upstream.ask('set b 0 0 1\r\nx\r\n')).trim().split('\r\n')
    const expected = Array.from({ length: 10 }, (_, i) => {
      return i < 8 ? 'SERVER_ERROR proxy downstream timeout' : 'SERVER_ERROR proxy hold queue full'
    })
    assert.deepEqual(replies, expected)
    assert.equal(client.counters.hold_queue_refused, 2)
    upstream.close()
    await client.stop()
  })

  test('what it holds fails when the client stops', async () => {
    const turn = new Turn()
    const client = new BucketClient({ turn })
    client.applyConfig(NO_PRIMARY)
    const upstream = new TextUpstream(client, turn)
    const answer = upstream.ask('set a 0 0 1\r\nx\r\nget a b\r\n')
    await client.stop()
    assert.equal(await answer, 'SERVER_ERROR proxy is stopping\r\n'.repeat(2))
    assert.equal(await upstream.ask('get a\r\n'), 'SERVER_ERROR proxy is stopping\r\n')
    upstream.close()
  })

  test('operations follow their vBucket when the shards are cut anew', async () => {
    const turn = new Turn()
    const client = new BucketClient({ turn })
    client.applyConfig(NO_PRIMARY)
    const upstream = new TextUpstream(client, turn, 200)
    const answer = upstream.ask('get a\r\nset a 0 0 1\r\nx\r\n')
    client.applyConfig({
      ...NO_PRIMARY,
      rev: 5,
      shards: [
        { vBuckets: [0, 99], primary: null, replicas: [] },
        { vBuckets: [100, 1023], primary: null, replicas: [] },
      ],
    })
    assert.deepEqual(
      client.report().servers.map((shard) => shard.held),
      [0, 2],
    )
    assert.equal(await answer, 'SERVER_ERROR proxy downstream timeout\r\n'.repeat(2))
    assert.deepEqual(
      [...upstream.writesOutstanding, ...upstream.readsOutstanding].filter(Boolean),
      [],
    )
    upstream.close()
    await client.stop()
  })
})
