import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { parseBucketConfig } from '@holdfast/topology'
import { until } from './testing/engines.ts'
import {
  ALL,
  clientsOf,
  rounds,
  startBucket,
  stopBuckets,
  underLoad,
} from './testing/vbucket-bucket.ts'

const REFUSED = 'SERVER_ERROR a2b not_my_vbucket\r\n'

afterEach(stopBuckets)

describe('a vBucket backend', () => {
  test('routes keys to their servers, gathers gets in order, and waits for its first config', async () => {
    const bucket = await startBucket(3)
    const upstream = bucket.upstream()
    const keys = ALL.slice(0, 9).map((v) => bucket.keyOf(v))
    const answer = upstream.ask(keys.map((key) => `set ${key} 7 0 1\r\nx\r\n`).join(''))
    assert.ok(bucket.apply())
    assert.equal(await answer, 'STORED\r\n'.repeat(9))
    const asked = [...keys, keys[0] ?? '', 'none']
    const found = asked.slice(0, 10).map((key) => `VALUE ${key} 7 1\r\nx\r\n`)
    assert.equal(await upstream.ask(`get ${asked.join(' ')}\r\n`), `${found.join('')}END\r\n`)
    assert.equal(bucket.backend.counters.not_my_vbucket, 0)
    const report = bucket.backend.report()
    assert.equal(report.kind, 'vbucket')
    assert.deepEqual(
      report.servers.map(({ state }) => state),
      ['connected', 'connected', 'connected'],
    )
  })

  test('agrees with a model of every client’s keys while nothing moves', async () => {
    const bucket = await startBucket(3, { connectionsPerServer: 3 })
    bucket.apply()
    const clients = clientsOf(bucket, 5)
    await underLoad(clients, () => rounds(clients, 400))
    assert.equal(bucket.backend.outstanding, 0)
  })

  test('a rebalance with a forward map under load: each request gets its one right reply', async () => {
    for (const connectionsPerServer of [1, 3]) {
      const bucket = await startBucket(3, { connectionsPerServer })
      bucket.apply()
      for (const server of bucket.servers) server.slowMsMax = 3
      const clients = clientsOf(bucket, 6)
      await underLoad(clients, async () => {
        const forward = ALL.map((v) => (v * 7 + 1) % 3)
        bucket.apply({ forward })
        for (const v of ALL) {
          bucket.move(v, forward[v] ?? 0)
          if (v % 4 === 3) await rounds(clients, 10)
        }
        bucket.apply()
        await rounds(clients, 100)
      })
      assert.ok(bucket.backend.counters.not_my_vbucket > 0)
      assert.equal(bucket.backend.counters.not_my_vbucket_given_up, 0)
      assert.equal(bucket.backend.outstanding, 0)
    }
  })

  test('vBuckets that move back and forth, with configs in between, disturb nobody', async () => {
    const bucket = await startBucket(3, { connectionsPerServer: 2 })
    bucket.apply()
    for (const server of bucket.servers) server.slowMsMax = 3
    const clients = clientsOf(bucket, 6)
    await underLoad(clients, async () => {
      for (let step = 0; step < 60; step++) {
        for (let v = step % 5; v < ALL.length; v += 5) bucket.move(v, (v + step) % 3)
        if (step % 3 === 0) bucket.apply()
        await rounds(clients, 2)
      }
    })
    assert.equal(bucket.backend.counters.not_my_vbucket_given_up, 0)
    assert.equal(bucket.backend.outstanding, 0)
  })

  test('without any map the refusing server’s neighbours are asked, and the answer is kept', async () => {
    const bucket = await startBucket(4)
    bucket.apply()
    const upstream = bucket.upstream()
    const key = bucket.keyOf(0)
    bucket.move(0, 3)
    assert.equal(await upstream.ask(`set ${key} 0 0 1\r\nx\r\n`), 'STORED\r\n')
    assert.equal(bucket.backend.counters.not_my_vbucket, 3)
    assert.equal(await upstream.ask(`get ${key}\r\n`), `VALUE ${key} 0 1\r\nx\r\nEND\r\n`)
    bucket.apply({ actives: ALL.map((v) => v % 4) })
    assert.equal(await upstream.ask(`get ${key}\r\n`), `VALUE ${key} 0 1\r\nx\r\nEND\r\n`)
    assert.equal(bucket.backend.counters.not_my_vbucket, 3, 'the same config changes nothing')
  })

  test('a wholly wrong map heals under load', async () => {
    const bucket = await startBucket(3)
    bucket.apply({ actives: ALL.map((v) => (v + 1) % 3) })
    const clients = clientsOf(bucket, 4)
    await underLoad(clients, () => rounds(clients, 200))
    assert.equal(bucket.backend.counters.not_my_vbucket_given_up, 0)
  })

  test('a vBucket that nobody has is an error for every command, after 2n retries', async () => {
    const bucket = await startBucket(3)
    bucket.apply()
    const upstream = bucket.upstream()
    const key = bucket.keyOf(5)
    bucket.server(bucket.actives[5] ?? 0).deactivate(5)
    const commands = [
      `get ${key}`,
      `gets ${key}`,
      `delete ${key}`,
      `touch ${key} 0`,
      `incr ${key} 1`,
    ]
    commands.push(`set ${key} 0 0 1\r\nx`, `gat 0 ${key}`, `append ${key} 0 0 1\r\nx`)
    for (const [i, command] of commands.entries()) {
      assert.equal(await upstream.ask(`${command}\r\n`), REFUSED, command)
      const asked = bucket.servers.reduce((sum, server) => sum + server.refusals, 0)
      assert.equal(asked, 7 * (i + 1))
    }
    const other = bucket.keyOf(6)
    assert.equal(await upstream.ask(`get ${key} ${other}\r\n`), REFUSED)
    assert.equal(await upstream.ask(`get ${other}\r\n`), 'END\r\n')
  })

  test('a vBucket without an active copy fails at once', async () => {
    const bucket = await startBucket(2)
    bucket.apply({ actives: ALL.map((v) => (v === 3 ? -1 : v % 2)) })
    const upstream = bucket.upstream()
    const line = 'SERVER_ERROR proxy out of downstreams\r\n'
    assert.equal(await upstream.ask(`get ${bucket.keyOf(3)}\r\n`), line)
    assert.equal(await upstream.ask(`get ${bucket.keyOf(4)}\r\n`), 'END\r\n')
  })

  test('a refusal that holds a newer map is followed, an older one is not', async () => {
    const bucket = await startBucket(3)
    bucket.apply({ rev: 10 })
    const upstream = bucket.upstream()
    for (const v of ALL) bucket.move(v, (v + 2) % 3)
    const newer = bucket.json({ rev: 11, name: 'default' })
    const older = bucket.json({ rev: 9, actives: ALL.map(() => 0) })
    for (const server of bucket.servers) server.refusalMap = () => older
    const first = bucket.keyOf(1)
    assert.equal(await upstream.ask(`set ${first} 0 0 1\r\nx\r\n`), 'STORED\r\n')
    assert.equal(bucket.backend.counters.maps_learnt, 0)
    for (const server of bucket.servers) server.refusalMap = () => newer
    const second = bucket.keyOf(2)
    assert.equal(await upstream.ask(`set ${second} 0 0 1\r\nx\r\n`), 'STORED\r\n')
    assert.equal(bucket.backend.counters.maps_learnt, 1)
    const refused = bucket.backend.counters.not_my_vbucket
    const clients = clientsOf(bucket, 3)
    await underLoad(clients, () => rounds(clients, 100))
    assert.equal(bucket.backend.counters.not_my_vbucket, refused)
    assert.equal(bucket.apply({ rev: 10 }), false, 'the stream is behind')
  })

  test('a rebalance with maps in the refusals under load', async () => {
    const bucket = await startBucket(3, {}, { buckets: ['default'] })
    let rev = 1
    bucket.apply({ rev })
    for (const server of bucket.servers) server.refusalMap = () => bucket.json({ rev })
    const clients = clientsOf(bucket, 6)
    await underLoad(clients, async () => {
      for (const v of ALL) {
        bucket.move(v, (v + 1) % 3)
        rev++
        if (v % 4 === 3) await rounds(clients, 10)
      }
    })
    assert.ok(bucket.backend.counters.maps_learnt > 0)
    assert.equal(bucket.backend.counters.not_my_vbucket_given_up, 0)
    assert.deepEqual(
      bucket.servers.map((server) => server.selected),
      [[], [], []],
    )
  })

  test('an empty or unusable map keeps the old one', async () => {
    const bucket = await startBucket(2)
    bucket.apply()
    const upstream = bucket.upstream()
    const bodies = [
      '{}',
      'null',
      '{"vBucketServerMap":',
      bucket.json().replace(/\[\[.*?\]\]/, '[]'),
    ]
    for (const [i, body] of bodies.entries()) {
      for (const server of bucket.servers) server.refusalMap = () => body
      bucket.move(10 + i, 1 - (bucket.actives[10 + i] ?? 0))
      const key = bucket.keyOf(10 + i)
      assert.equal(await upstream.ask(`set ${key} 0 0 1\r\nx\r\n`), 'STORED\r\n', body)
      assert.equal(await upstream.ask(`get ${bucket.keyOf(30)}\r\n`), 'END\r\n')
    }
    assert.equal(bucket.backend.counters.configs_refused, bodies.length)
  })

  test('flush_all is OK only if every server has flushed', async () => {
    const bucket = await startBucket(3)
    bucket.apply()
    const upstream = bucket.upstream()
    const stores = ALL.map((v) => `set ${bucket.keyOf(v)} 0 0 1\r\nx\r\n`).join('')
    assert.equal(await upstream.ask(`${stores}flush_all\r\n`), `${'STORED\r\n'.repeat(64)}OK\r\n`)
    assert.equal(
      await upstream.ask(`get ${ALL.map((v) => bucket.keyOf(v)).join(' ')}\r\n`),
      'END\r\n',
    )
    bucket.server(1).statusOf = () => 0x83
    assert.equal(await upstream.ask('flush_all\r\n'), 'SERVER_ERROR flush_all not supported\r\n')
    await bucket.server(2).stop()
    assert.match(await upstream.ask('flush_all\r\n'), /^SERVER_ERROR /)
    assert.equal(bucket.backend.outstanding, 0)
  })

  test('a server dies: its keys fail at once until a config moves them on', async () => {
    const bucket = await startBucket(3)
    bucket.apply()
    const clients = clientsOf(bucket, 3)
    await underLoad(clients, () => rounds(clients, 50))
    const victim = bucket.server(1)
    const upstream = bucket.upstream()
    const key = bucket.keyOf(1)
    await victim.stop()
    await until('away', () => bucket.backend.report().servers[1]?.state === 'away')
    const line = `SERVER_ERROR proxy write to downstream ${victim.address}\r\n`
    assert.equal(await upstream.ask(`get ${key}\r\nset ${key} 0 0 1\r\nx\r\n`), line + line)
    assert.equal(await upstream.ask(`get ${bucket.keyOf(2)} ${key}\r\n`), line)
    for (const v of ALL) if (bucket.actives[v] === 1) bucket.move(v, v % 2 === 0 ? 0 : 2)
    const serverList = [bucket.server(0).address, bucket.server(2).address]
    bucket.apply({ serverList, actives: bucket.actives.map((server) => (server === 2 ? 1 : 0)) })
    await underLoad(clients, () => rounds(clients, 50))
    assert.equal(await upstream.ask(`get ${key}\r\n`), 'END\r\n')
    assert.equal(bucket.backend.report().servers.length, 2)
  })

  test('requests in flight when a server dies get one reply each, and the next ones are right', async () => {
    const bucket = await startBucket(2)
    bucket.apply()
    const upstream = bucket.upstream()
    const key = bucket.keyOf(1)
    assert.equal(await upstream.ask(`get ${key}\r\n`), 'END\r\n')
    for (let i = 0; i < 10; i++) {
      bucket.server(1).silent = true
      upstream.send(`incr ${key} 1\r\n`.repeat(50))
      const asked = bucket.server(1).keyedRequests
      await until('sent', () => bucket.server(1).keyedRequests >= asked + 1)
      await bucket.server(1).stop()
      bucket.server(1).silent = false
      const replies = await upstream.ask(`get ${bucket.keyOf(0)}\r\n`)
      assert.match(replies, /^(SERVER_ERROR proxy [^\r]+\r\n){50}END\r\n$/)
      await bucket.server(1).start()
      await until('back', () => bucket.backend.report().servers[1]?.state === 'connected')
      assert.equal(await upstream.ask(`get ${key}\r\n`), 'END\r\n')
    }
    assert.equal(bucket.backend.outstanding, 0)
  })

  test('a client that waits for a refusal does not overtake itself', async () => {
    const bucket = await startBucket(2)
    bucket.apply()
    const [first, second] = [bucket.upstream(), bucket.upstream()]
    const key = bucket.keyOf(1)
    assert.equal(await first.ask(`set ${key} 0 0 1\r\na\r\n`), 'STORED\r\n')
    bucket.server(1).hold()
    first.send(`set ${key} 0 0 1 noreply\r\nb\r\n`)
    await until('arrived', () => bucket.server(1).waiting === 1)
    bucket.move(1, 0)
    bucket.apply()
    const answer = first.ask(`get ${key}\r\n`)
    assert.equal(await second.ask(`get ${key}\r\n`), `VALUE ${key} 0 1\r\na\r\nEND\r\n`)
    bucket.server(1).release()
    assert.equal(await answer, `VALUE ${key} 0 1\r\nb\r\nEND\r\n`)
    assert.equal(bucket.backend.counters.not_my_vbucket, 1)
  })

  test('a frozen server holds back only who waits for it when its vBuckets move on', async () => {
    const bucket = await startBucket(2, { silenceTimeoutMs: 60_000 })
    bucket.apply()
    const [waiting, other] = [bucket.upstream(), bucket.upstream()]
    const key = bucket.keyOf(1)
    assert.equal(await waiting.ask(`set ${key} 0 0 1\r\na\r\n`), 'STORED\r\n')
    bucket.server(1).silent = true
    waiting.send(`append ${key} 0 0 1\r\nb\r\n`)
    await until('sent', () => bucket.server(1).keyedRequests === 2)
    bucket.move(1, 0)
    bucket.apply()
    assert.equal(await other.ask(`append ${key} 0 0 1\r\nc\r\n`), 'STORED\r\n')
    waiting.send(`get ${key}\r\n`)
    assert.equal(await other.ask(`get ${key}\r\n`), `VALUE ${key} 0 3\r\nabc\r\nEND\r\n`)
    assert.equal(waiting.outstanding, 2)
    bucket.server(1).cut()
    const address = bucket.server(1).address
    assert.equal(
      await waiting.ask(''),
      `SERVER_ERROR proxy downstream closed ${address}\r\nVALUE ${key} 0 3\r\nabc\r\nEND\r\n`,
    )
  })

  test('a frozen server that a config removes is left within a second', async () => {
    const bucket = await startBucket(2, { silenceTimeoutMs: 60_000 })
    bucket.apply()
    const upstream = bucket.upstream()
    const key = bucket.keyOf(1)
    assert.equal(await upstream.ask(`set ${key} 0 0 1\r\na\r\n`), 'STORED\r\n')
    bucket.server(1).silent = true
    upstream.send(`get ${key}\r\nincr ${key} 1\r\nget ${key}\r\n`)
    await until('sent', () => bucket.server(1).keyedRequests === 4)
    for (const v of ALL) bucket.move(v, 0)
    bucket.apply({ serverList: [bucket.server(0).address] })
    const hit = `VALUE ${key} 0 1\r\na\r\nEND\r\n`
    assert.equal(await upstream.ask(''), `${hit}SERVER_ERROR proxy downstream closed\r\n${hit}`)
    assert.equal(bucket.server(1).connections, 0)
  })

  test('configs that are no vBucket map change nothing', async () => {
    const bucket = await startBucket(2)
    bucket.apply()
    const ketama = {
      name: 'cache',
      bucketType: 'memcached',
      nodeLocator: 'ketama',
      nodes: [{ hostname: '10.0.0.1:8091', status: 'healthy', ports: { direct: 11210 } }],
    }
    assert.equal(bucket.backend.applyConfig(parseBucketConfig(JSON.stringify(ketama))), false)
    assert.equal(await bucket.upstream().ask('get a\r\n'), 'END\r\n')
  })

  test('stopping answers everything that is outstanding', async () => {
    const bucket = await startBucket(2)
    const early = bucket.upstream()
    early.send('get a\r\n')
    bucket.server(0).silent = true
    bucket.server(1).silent = true
    bucket.apply()
    early.send('get b\r\nset c 0 0 1\r\nx\r\nflush_all\r\n')
    await bucket.backend.stop()
    assert.match(await early.ask('get d\r\n'), /^(SERVER_ERROR proxy is stopping\r\n){5}$/)
    assert.equal(bucket.backend.outstanding, 0)
  })
})
