import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import type { HoldfastExtension } from '@holdfast/topology'
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

/** A shard's engine; the tests name them by place. */
function engineAt(engines: TestEngines, shard: number, place: number): TestEngine {
  const engine = engines.shards[shard]?.[place]
  assert.ok(engine)
  return engine
}

// One set of engines for all: each test that kills or freezes a primary takes another shard.
/** A deadline of under a second is kept within this, whatever else the machine does. */
const BUSY_MACHINE_MS = 15_000

describe('while engines fail', () => {
  let engines: TestEngines
  let client: BucketClient
  let upstream: TextUpstream
  let turn: Turn
  let config: HoldfastExtension

  before(async () => {
    engines = await startEngines(3, 1)
    config = engines.config
  })

  after(async () => {
    await engines?.stop()
  })

  beforeEach(async () => {
    turn = new Turn()
    client = new BucketClient({ turn })
    client.applyConfig(config)
    upstream = new TextUpstream(client, turn)
    await upstream.ask('set warm 0 0 1\r\nx\r\nget warm\r\n')
  })

  afterEach(async () => {
    for (const shard of [0, 1, 2]) engineAt(engines, shard, 1).process.kill('SIGCONT')
    upstream.close()
    await client.stop()
  })

  async function freezeReplicas(): Promise<void> {
    for (const shard of [0, 1, 2]) await freeze(engineAt(engines, shard, 1).process)
  }

  /** The config without any replica, for this test only. */
  function degraded(degradedWrites: 'allow' | 'refuse'): HoldfastExtension {
    const shards = config.shards.map((shard) => ({ ...shard, replicas: [] }))
    return { ...config, rev: config.rev + 1, degradedWrites, shards }
  }

  /** Publishes another primary for a shard, for all tests that follow. */
  function move(shard: number, primary: string | null): void {
    const shards = config.shards.map((route, index) => {
      return index === shard ? { ...route, primary, replicas: [] } : route
    })
    config = { ...config, rev: config.rev + 1, shards }
    client.applyConfig(config)
  }

  test('a write is not acknowledged while its replica is frozen, until the map says degraded', async () => {
    await freezeReplicas()
    const answer = upstream.ask('set k 0 0 1\r\nv\r\n')
    await until('short waits', () => client.counters.short_waits >= 3)
    assert.equal(upstream.outstanding, 1)
    const reader = new TextUpstream(client, turn)
    assert.equal(await reader.ask('get warm\r\n'), 'VALUE warm 0 1\r\nx\r\nEND\r\n')
    reader.close()
    client.applyConfig(degraded('allow'))
    assert.equal(await answer, 'STORED\r\n')
    assert.equal(await upstream.ask('set k2 0 0 1\r\nv\r\n'), 'STORED\r\n')
    assert.equal(client.counters.degraded_writes, 2)
  })

  test('a degraded bucket that refuses writes says so, also to those that wait', async () => {
    await freezeReplicas()
    const answer = upstream.ask('set k 0 0 1\r\nv\r\n')
    await until('short waits', () => client.counters.short_waits >= 1)
    client.applyConfig(degraded('refuse'))
    assert.equal(await answer, 'SERVER_ERROR degraded: write refused\r\n')
    assert.equal(
      await upstream.ask('set k 0 0 1\r\nv\r\nget warm\r\n'),
      'SERVER_ERROR degraded: write refused\r\nVALUE warm 0 1\r\nx\r\nEND\r\n',
    )
  })

  test('a frozen replica and no new map end at the deadline, and the next write works', async () => {
    await client.stop()
    client = new BucketClient({ turn })
    client.applyConfig(config)
    const impatient = new TextUpstream(client, turn, 400)
    await impatient.ask('set warm 0 0 1\r\nx\r\n')
    await freezeReplicas()
    const fromMs = performance.now()
    assert.equal(
      await impatient.ask('set k 0 0 1\r\nv\r\n'),
      'SERVER_ERROR proxy downstream timeout\r\n',
    )
    const tookMs = performance.now() - fromMs
    assert.ok(tookMs >= 395 && tookMs < BUSY_MACHINE_MS, `took ${tookMs} ms`)
    for (const shard of [0, 1, 2]) engineAt(engines, shard, 1).process.kill('SIGCONT')
    await until('acknowledged again', async () => {
      return (await impatient.ask('set k 0 0 1\r\nv\r\n')) === 'STORED\r\n'
    })
    impatient.close()
  })

  test('a killed primary: everything held is answered, nothing acknowledged is lost', async () => {
    const upstreams = Array.from({ length: 8 }, () => new TextUpstream(client, turn))
    const acknowledged = new Map<string, string>()
    let running = true
    let failures = 0
    const writers = upstreams.map(async (writer, w) => {
      for (let i = 0; running; i++) {
        const key = `w${w}-${i % 50}`
        const value = `${w}:${i}`
        const reply = await writer.ask(
          `set ${key} 0 0 ${value.length}\r\n${value}\r\nincr c${w} 1\r\n`,
        )
        if (i === 0) {
          await writer.ask(`set c${w} 0 0 1\r\n0\r\n`)
          continue
        }
        const [stored, count] = reply.split('\r\n')
        if (stored === 'STORED') acknowledged.set(key, value)
        if (stored !== 'STORED' || count !== String(i)) failures++
      }
    })
    await until('writes flow', () => acknowledged.size > 200)
    const old = engineAt(engines, 0, 0)
    const heir = engineAt(engines, 0, 1)
    old.process.kill('SIGKILL')
    move(0, null)
    await engines.promote(heir)
    move(0, heir.address)
    const before = acknowledged.get('w0-1')
    await until('writes flow again', () => acknowledged.get('w0-1') !== before)
    running = false
    await Promise.all(writers)
    assert.equal(failures, 0)
    for (const [key, value] of acknowledged) {
      const reply = await upstream.ask(`get ${key}\r\n`)
      assert.equal(reply, `VALUE ${key} 0 ${value.length}\r\n${value}\r\nEND\r\n`)
    }
    for (const each of upstreams) each.close()
  })

  test('a client sees its own unacknowledged writes across a failover', async () => {
    const old = engineAt(engines, 1, 0)
    const heir = engineAt(engines, 1, 1)
    old.process.kill('SIGKILL')
    let requests = ''
    let expected = ''
    for (let i = 0; i < 60; i++) {
      requests += `set r${i} 0 0 2 noreply\r\n${10 + i}\r\nincr r${i} 1\r\nget r${i}\r\n`
      expected += `${11 + i}\r\nVALUE r${i} 0 2\r\n${11 + i}\r\nEND\r\n`
    }
    const answer = upstream.ask(requests)
    await engines.promote(heir)
    move(1, heir.address)
    assert.equal(await answer, expected)
  })

  test('a frozen primary is left for the promoted replica; its late answers count for nothing', async () => {
    const old = engineAt(engines, 2, 0)
    const heir = engineAt(engines, 2, 1)
    await freeze(old.process)
    const keys = Array.from({ length: 30 }, (_, i) => `f${i}`)
    const answers = upstream.ask(keys.map((key) => `add ${key} 0 0 1\r\n1\r\n`).join(''))
    await engines.promote(heir)
    move(2, heir.address)
    assert.equal(await answers, 'STORED\r\n'.repeat(30))
    old.process.kill('SIGCONT')
    for (const key of keys) {
      assert.equal(await upstream.ask(`get ${key}\r\n`), `VALUE ${key} 0 1\r\n1\r\nEND\r\n`)
    }
  })

  test('without a config requests wait and then fail with the timeout', async () => {
    const orphan = new BucketClient({ turn })
    const asker = new TextUpstream(orphan, turn, 150)
    assert.equal(await asker.ask('get a b\r\n'), 'SERVER_ERROR proxy downstream timeout\r\n')
    const late = asker.ask('get a\r\n')
    orphan.applyConfig(config)
    assert.equal(await late, 'END\r\n')
    asker.close()
    await orphan.stop()
  })
})

test('a replica is read while the primary is away, if the bucket allows it', async () => {
  const engines = await startEngines(1, 1)
  const turn = new Turn()
  const client = new BucketClient({ turn })
  client.applyConfig({ ...engines.config, replicaReads: true })
  const upstream = new TextUpstream(client, turn)
  const writer = new TextUpstream(client, turn)
  const primary = engineAt(engines, 0, 0)
  const replica = engineAt(engines, 0, 1)
  const hit = 'VALUE a 0 1\r\nx\r\nEND\r\n'
  try {
    assert.equal(await upstream.ask('set a 0 0 1\r\nx\r\n'), 'STORED\r\n')
    primary.process.kill('SIGKILL')
    const held = writer.ask('set a 0 0 1\r\ny\r\nget a\r\n')
    for (let i = 0; i < 20; i++) assert.equal(await upstream.ask('get a b\r\n'), hit)
    assert.ok(client.counters.replica_reads >= 20)
    assert.equal(writer.outstanding, 2, 'who has written waits')
    await replica.session.call('CLUSTER', 'FAILOVER', 'TAKEOVER')
    await until('promoted', async () => {
      return (await replica.session.call('INFO', 'replication')).includes('role:master')
    })
    client.applyConfig({
      ...engines.config,
      replicaReads: true,
      rev: 2,
      shards: [{ vBuckets: [0, 1023], primary: replica.address, replicas: [] }],
    })
    assert.equal(await held, 'STORED\r\nVALUE a 0 1\r\ny\r\nEND\r\n')
    const reads = client.counters.replica_reads
    assert.equal(await upstream.ask('get a\r\n'), hit.replace('x', 'y'))
    assert.equal(client.counters.replica_reads, reads)
  } finally {
    upstream.close()
    writer.close()
    await client.stop()
    await engines.stop()
  }
})

test('a primary that hands over is followed before the map says so', async () => {
  const engines = await startEngines(1, 1)
  const turn = new Turn()
  const client = new BucketClient({ turn })
  client.applyConfig(engines.config)
  const upstream = new TextUpstream(client, turn)
  const primary = engineAt(engines, 0, 0)
  const heir = engineAt(engines, 0, 1)
  try {
    assert.equal(await upstream.ask('set n 0 0 1\r\n0\r\n'), 'STORED\r\n')
    let handedOver = false
    const counting = (async () => {
      let count = 0
      for (let more = 20; more > 0; ) {
        assert.equal(await upstream.ask('incr n 1\r\n'), `${++count}\r\n`)
        if (handedOver) more--
      }
      return count
    })()
    await heir.session.call('CLUSTER', 'FAILOVER')
    await until('handed over', async () => {
      return (await primary.session.call('INFO', 'replication')).includes('role:slave')
    })
    handedOver = true
    const count = await counting
    const reconnects = client.counters.engine_connects
    client.applyConfig({
      ...engines.config,
      rev: 2,
      shards: [{ vBuckets: [0, 1023], primary: heir.address, replicas: [primary.address] }],
    })
    assert.equal(
      await upstream.ask('get n\r\n'),
      `VALUE n 0 ${String(count).length}\r\n${count}\r\nEND\r\n`,
    )
    assert.equal(client.counters.engine_connects, reconnects, 'the connections stay')
  } finally {
    upstream.close()
    await client.stop()
    await engines.stop()
  }
})
