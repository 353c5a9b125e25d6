// Replicas that leave an acknowledgement lying: what is sent to get it, and what it leaves behind.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { BucketClient } from './bucket-client.ts'
import {
  freeze,
  startEngines,
  type TestEngine,
  type TestEngines,
  until,
} from './testing/engines.ts'
import { TextUpstream } from './testing/text-upstream.ts'
import { Turn } from './turn.ts'

const TIMEOUT_MS = 30_000

describe('a WAIT that takes unusually long', () => {
  let engines: TestEngines
  let first: TestEngine
  let second: TestEngine
  let client: BucketClient
  let upstream: TextUpstream
  let reader: TextUpstream

  before(async () => {
    engines = await startEngines(1, 1)
    const [primary, replica] = engines.shards[0] ?? []
    assert.ok(primary && replica)
    first = primary
    second = replica
    const turn = new Turn()
    client = new BucketClient({ turn })
    client.applyConfig(engines.config)
    upstream = new TextUpstream(client, turn, TIMEOUT_MS)
    reader = new TextUpstream(client, turn, TIMEOUT_MS)
    await upstream.ask('set warm 0 0 1\r\nx\r\n')
  })

  after(async () => {
    second?.process.kill('SIGCONT')
    upstream?.close()
    reader?.close()
    await client?.stop()
    await engines?.stop()
  })

  test('has the primary send something, beside reads, and nothing is left of it', async () => {
    await freeze(second.process)
    const nudgesBefore = client.counters.wait_nudges
    const answer = upstream.ask('set k 0 0 1\r\nv\r\n')
    await until('nudged', () => client.counters.wait_nudges > nudgesBefore, TIMEOUT_MS)
    assert.equal(upstream.outstanding, 1)
    assert.equal(await reader.ask('get warm\r\n'), 'VALUE warm 0 1\r\nx\r\nEND\r\n')
    second.process.kill('SIGCONT')
    assert.equal(await answer, 'STORED\r\n')
    assert.equal(await reader.ask('get k\r\n'), 'VALUE k 0 1\r\nv\r\nEND\r\n')
    assert.equal(await first.session.call('DBSIZE'), '2')
  })

  test('is met again and again where the replica was a primary once', async () => {
    await engines.promote(second)
    const [shard] = engines.config.shards
    assert.ok(shard)
    await until('the other follows it', async () => {
      const info = await second.session.call('INFO', 'replication')
      return /slave0:.*state=online/.test(info)
    })
    assert.match(await second.session.call('INFO', 'stats'), /sync_partial_ok:1\r/)
    const moved = { ...shard, primary: second.address, replicas: [first.address] }
    client.applyConfig({ ...engines.config, rev: 2, shards: [moved] })
    const nudgesBefore = client.counters.wait_nudges
    let sets = 0
    await until(
      'nudged',
      async () => {
        assert.equal(await upstream.ask(`set s${sets % 10} 0 0 1\r\nv\r\n`), 'STORED\r\n')
        sets++
        return client.counters.wait_nudges >= nudgesBefore + 2
      },
      TIMEOUT_MS,
    )
  })
})
