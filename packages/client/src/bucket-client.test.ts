import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { BucketClient } from './bucket-client.ts'
import { startEngines, type TestEngines } from './testing/engines.ts'
import { TextUpstream } from './testing/text-upstream.ts'
import { Turn } from './turn.ts'

describe('a bucket of two shards with one replica each', () => {
  let engines: TestEngines
  let client: BucketClient
  let upstream: TextUpstream

  before(async () => {
    engines = await startEngines(2, 1)
    const turn = new Turn()
    client = new BucketClient({ turn })
    client.applyConfig(engines.config)
    upstream = new TextUpstream(client, turn)
  })

  after(async () => {
    upstream?.close()
    await client?.stop()
    await engines?.stop()
  })

  test('set and get', async () => {
    assert.equal(await upstream.ask('set a 5 0 3\r\nabc\r\n'), 'STORED\r\n')
    assert.equal(await upstream.ask('get a\r\n'), 'VALUE a 5 3\r\nabc\r\nEND\r\n')
    assert.equal(await upstream.ask('get nope\r\n'), 'END\r\n')
  })

  test('every operation answers as memcached does', async () => {
    const steps: [string, string][] = [
      ['add k 1 0 1\r\nx\r\n', 'STORED'],
      ['add k 1 0 1\r\ny\r\n', 'NOT_STORED'],
      ['replace k 2 0 1\r\nz\r\n', 'STORED'],
      ['replace missing 2 0 1\r\nz\r\n', 'NOT_STORED'],
      ['append k 0 0 2\r\n12\r\n', 'STORED'],
      ['prepend k 0 0 2\r\n34\r\n', 'STORED'],
      ['append missing 0 0 1\r\n1\r\n', 'NOT_STORED'],
      ['get k\r\n', 'VALUE k 2 5\r\n34z12\r\nEND'],
      ['incr k 1\r\n', 'CLIENT_ERROR cannot increment or decrement non-numeric value'],
      ['incr missing 1\r\n', 'NOT_FOUND'],
      ['set n 3 0 20\r\n18446744073709551615\r\n', 'STORED'],
      ['incr n 2\r\n', '1'],
      ['get n\r\n', `VALUE n 3 20\r\n1${' '.repeat(19)}\r\nEND`],
      ['decr n 5\r\n', '0'],
      ['touch n 100\r\n', 'TOUCHED'],
      ['touch n 0\r\n', 'TOUCHED'],
      ['touch missing 0\r\n', 'NOT_FOUND'],
      ['gat 100 n k\r\n', `VALUE n 3 20\r\n0${' '.repeat(19)}\r\nVALUE k 2 5\r\n34z12\r\nEND`],
      ['delete n\r\n', 'DELETED'],
      ['delete n\r\n', 'NOT_FOUND'],
      ['set gone 0 -1 1\r\nx\r\n', 'STORED'],
      ['get gone\r\n', 'END'],
      ['cas missing 0 0 1 17\r\nx\r\n', 'NOT_FOUND'],
      ['cas k 0 0 1 17\r\nx\r\n', 'EXISTS'],
    ]
    for (const [request, reply] of steps) {
      assert.equal(await upstream.ask(request), `${reply}\r\n`, request)
    }
  })

  test('a cas with the stamp that gets answered is stored once', async () => {
    await upstream.ask('set c 0 0 1\r\na\r\n')
    const reply = await upstream.ask('gets c\r\n')
    const stamp = /^VALUE c 0 1 (\d+)\r\n/.exec(reply)?.[1]
    assert.ok(stamp, reply)
    assert.equal(await upstream.ask(`cas c 7 0 1 ${stamp}\r\nb\r\n`), 'STORED\r\n')
    assert.equal(await upstream.ask(`cas c 7 0 1 ${stamp}\r\nc\r\n`), 'EXISTS\r\n')
    assert.equal(await upstream.ask('get c\r\n'), 'VALUE c 7 1\r\nb\r\nEND\r\n')
  })

  test('a get of many keys over all shards keeps order and duplicates', async () => {
    const keys = Array.from({ length: 40 }, (_, i) => `many${i}`)
    for (const key of keys) upstream.send(`set ${key} 0 0 ${key.length} noreply\r\n${key}\r\n`)
    const asked = [...keys, 'many3', 'absent', 'many3']
    const expected = asked
      .filter((key) => key !== 'absent')
      .map((key) => `VALUE ${key} 0 ${key.length}\r\n${key}\r\n`)
    assert.equal(await upstream.ask(`get ${asked.join(' ')}\r\n`), `${expected.join('')}END\r\n`)
  })

  test('pipelined reads and writes of one client act in the order they were sent', async () => {
    let requests = ''
    let expected = ''
    for (let i = 0; i < 300; i++) {
      requests += `set o 0 0 3\r\n${100 + i}\r\nget o\r\nset o 0 0 3 noreply\r\nnop\r\nget o\r\n`
      expected += `STORED\r\nVALUE o 0 3\r\n${100 + i}\r\nEND\r\nVALUE o 0 3\r\nnop\r\nEND\r\n`
    }
    assert.equal(await upstream.ask(requests), expected)
  })

  test('flush_all empties every shard', async () => {
    assert.equal(await upstream.ask('flush_all\r\n'), 'OK\r\n')
    assert.equal(await upstream.ask('get a k many1 many2 many3\r\n'), 'END\r\n')
  })

  test('a config with a lower revision is ignored', () => {
    assert.equal(client.applyConfig({ ...engines.config, rev: 0 }), false)
    assert.equal(client.rev, 1)
  })
})
