// Writes whose answers are lost on the way: the engine has applied them, the client cannot know.
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
import { Relay } from './testing/relay.ts'
import { TextUpstream } from './testing/text-upstream.ts'
import { Turn } from './turn.ts'

describe('when answers are lost', () => {
  let engines: TestEngines
  let primary: TestEngine
  let relay: Relay
  let client: BucketClient
  let upstream: TextUpstream

  before(async () => {
    engines = await startEngines(1, 1)
    const [first] = engines.shards[0] ?? []
    assert.ok(first)
    primary = first
    relay = await new Relay(primary.port).start()
    const turn = new Turn()
    client = new BucketClient({ turn })
    const shards = engines.config.shards.map((shard) => ({ ...shard, primary: relay.address }))
    client.applyConfig({ ...engines.config, shards })
    upstream = new TextUpstream(client, turn)
  })

  after(async () => {
    upstream?.close()
    await client?.stop()
    await relay?.stop()
    await engines?.stop()
  })

  /** Sends requests, waits until the engine has carried them out, cuts, and takes the answers. */
  async function askWithLoss(text: string, applied: () => Promise<boolean>): Promise<string> {
    relay.losesReplies = true
    const answer = upstream.ask(text)
    await until('the engine has applied it', applied)
    relay.cut()
    relay.losesReplies = false
    return await answer
  }

  async function offset(): Promise<number> {
    const info = await primary.session.call('INFO', 'replication')
    return Number(/master_repl_offset:(\d+)/.exec(info)?.[1])
  }

  async function askOnceLost(text: string): Promise<string> {
    const writesBefore = await writes()
    const wanted = text
      .split('\r\n')
      .filter((line) => /^(incr|decr|append|prepend|add|cas|delete|m[asgd] )/.test(line))
    return await askWithLoss(text, async () => (await writes()) >= writesBefore + wanted.length)
  }

  /** Calls of functions, SET and DEL that the engine has seen. */
  async function writes(): Promise<number> {
    const info = await primary.session.call('INFO', 'commandstats')
    const calls = [...info.matchAll(/cmdstat_(?:fcall|set|del):calls=(\d+)/g)]
    return calls.reduce((sum, match) => sum + Number(match[1]), 0)
  }

  test('incr, decr, append and prepend are applied once', async () => {
    await upstream.ask('set n 3 0 2\r\n10\r\nset t 4 0 1\r\nm\r\n')
    assert.equal(await askOnceLost('incr n 5\r\nappend t 0 0 1\r\nr\r\n'), '15\r\nSTORED\r\n')
    assert.equal(await askOnceLost('decr n 3\r\nprepend t 0 0 1\r\nl\r\n'), '12\r\nSTORED\r\n')
    assert.equal(
      await upstream.ask('get n t\r\n'),
      'VALUE n 3 2\r\n12\r\nVALUE t 4 3\r\nlmr\r\nEND\r\n',
    )
  })

  test('meta commands are applied once, also with a CAS of the client', async () => {
    assert.equal(
      await askOnceLost('ma mn N0 J5 v\r\nma mt N0 E7 v\r\n'),
      'VA 1\r\n5\r\nVA 1\r\n0\r\n',
    )
    assert.equal(
      await askOnceLost('ma mn N0 v t\r\nma mt E8 C7 v\r\n'),
      'VA 1 t-1\r\n6\r\nVA 1\r\n1\r\n',
    )
    assert.equal(await askOnceLost('ms mn 1 MA E9\r\n0\r\n'), 'HD\r\n')
    assert.equal(await askOnceLost('ms mn 2 C9 E10\r\nxy\r\n'), 'HD\r\n')
    assert.equal(await askOnceLost('md mn C10 I E11\r\n'), 'HD\r\n')
    assert.equal(await askOnceLost('mg mv N30 v\r\n'), 'VA 0 W\r\n\r\n')
    assert.equal(
      await upstream.ask('mg mn v c\r\nmg mt v c\r\n'),
      'VA 2 c11 X W\r\nxy\r\nVA 1 c8\r\n1\r\n',
    )
  })

  test('an add and a cas know their own success', async () => {
    assert.equal(await askOnceLost('add a 0 0 1\r\nx\r\n'), 'STORED\r\n')
    const stamp = /^VALUE a 0 1 (\d+)/.exec(await upstream.ask('gets a\r\n'))?.[1]
    assert.equal(await askOnceLost(`cas a 0 0 1 ${stamp}\r\ny\r\n`), 'STORED\r\n')
    assert.equal(await upstream.ask('get a\r\n'), 'VALUE a 0 1\r\ny\r\nEND\r\n')
  })

  test('a delete whose answer was lost finds nothing the second time', async () => {
    await upstream.ask('set d 0 0 1\r\nx\r\n')
    assert.equal(await askOnceLost('delete d\r\n'), 'NOT_FOUND\r\n')
  })

  test('a replayed write that changes nothing is still waited for', async () => {
    const [, replica] = engines.shards[0] ?? []
    assert.ok(replica)
    await upstream.ask('set w 0 0 1\r\n1\r\n')
    await freeze(replica.process)
    const before = await offset()
    const answer = askWithLoss('incr w 1\r\n', async () => (await offset()) > before)
    await until('replayed and waited for', () => client.counters.short_waits >= 2)
    assert.equal(upstream.outstanding, 1)
    replica.process.kill('SIGCONT')
    assert.equal(await answer, '2\r\n')
  })

  test('a read on a cut connection is asked again', async () => {
    relay.losesReplies = true
    const seen = relay.requestBytes
    const answer = upstream.ask('get n\r\nget t\r\n')
    await until('the reads are under way', () => relay.requestBytes > seen)
    relay.cut()
    relay.losesReplies = false
    assert.equal(await answer, 'VALUE n 3 2\r\n12\r\nEND\r\nVALUE t 4 3\r\nlmr\r\nEND\r\n')
  })
})
