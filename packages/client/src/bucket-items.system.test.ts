// The items of each kind of bucket that a config server describes, read without a proxy.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { BackendItems } from './backend-items.ts'
import { openBucketItems } from './bucket-items.ts'
import { engineBucketJson } from './testing/engine-bucket.ts'
import { freeze, startEngines, type TestEngines, until } from './testing/engines.ts'
import { MemcachedProcess } from './testing/memcached-process.ts'
import { VBucketConfigStream, vBucketConfigJson } from './testing/vbucket-config-stream.ts'
import { VBucketServer } from './testing/vbucket-server.ts'

const VBUCKETS = 64
const ALL = Array.from({ length: VBUCKETS }, (_, vBucket) => vBucket)

/** A bucket of some kind, its items and how to end it. */
interface Served {
  stream: VBucketConfigStream
  stop(): Promise<void>
}

function memcachedJson(server: MemcachedProcess): string {
  return JSON.stringify({
    name: 'default',
    bucketType: 'memcached',
    uuid: 'cache',
    saslPassword: '',
    nodeLocator: 'ketama',
    serverList: [server.address],
    nodes: [],
  })
}

async function serve(json: string, stop: () => Promise<unknown>): Promise<Served> {
  const stream = await new VBucketConfigStream(json).start()
  return {
    stream,
    stop: async () => {
      await stream.stop()
      await stop()
    },
  }
}

const KINDS: Record<string, () => Promise<Served>> = {
  'engines of a Holdfast store': async () => {
    const engines = await startEngines(3, 0)
    return serve(engineBucketJson(engines.config), () => engines.stop())
  },
  'vBucket servers with a password': async () => {
    const users = new Map([['default', 'pw']])
    const servers = await Promise.all(
      [0, 1].map(async (half) => {
        const server = await new VBucketServer({ vBuckets: VBUCKETS, users }).start()
        return server.activate(ALL.filter((vBucket) => vBucket % 2 === half))
      }),
    )
    const serverList = servers.map(({ address }) => address)
    const actives = ALL.map((vBucket) => vBucket % 2)
    return serve(vBucketConfigJson({ serverList, actives, saslPassword: 'pw' }), () =>
      Promise.all(servers.map((server) => server.stop())),
    )
  },
  'memcached servers': async () => {
    const server = await MemcachedProcess.start()
    return serve(memcachedJson(server), () => server.kill())
  },
}

for (const [kind, start] of Object.entries(KINDS)) {
  describe(`a bucket on ${kind}`, () => {
    let served: Served
    let items: BackendItems

    before(async () => {
      served = await start()
      items = openBucketItems({ urls: [served.stream.url], timeoutMs: 5000 })
    })

    after(async () => {
      await items.close()
      await served.stop()
    })

    test('what is written is read, and writes tell the version they made', async () => {
      const value = Buffer.from('\r\nEND\r\n')
      const written = await items.set('a', value, { ttlSeconds: 100, flags: 3 })
      const read = await items.gets('a')
      assert.ok(read)
      assert.deepEqual(read, { value, flags: 3, cas: written.cas })
      const second = await items.cas('a', Buffer.from('2'), read.cas, { ttlSeconds: 100 })
      assert.equal(second.outcome, 'STORED')
      assert.equal((await items.gats('a', 200))?.cas !== read.cas, true)
      assert.equal((await items.cas('a', Buffer.from('3'), read.cas)).outcome, 'EXISTS')
      assert.equal((await items.cas('none', Buffer.from('3'), read.cas)).outcome, 'NOT_FOUND')
    })

    test('add, touch and delete tell what they found', async () => {
      assert.equal((await items.add('b', Buffer.from('1'))).outcome, 'STORED')
      assert.equal((await items.add('b', Buffer.from('2'))).outcome, 'EXISTS')
      assert.equal(await items.touch('b', 5_000_000), true)
      assert.equal(await items.touch('none', 5), false)
      assert.equal(await items.delete('b'), true)
      assert.equal(await items.delete('b'), false)
      assert.equal(await items.gets('b'), undefined)
      assert.equal(await items.gats('b', 5), undefined)
    })

    test('many keys at once get each their own answer', async () => {
      const numbers = Array.from({ length: 200 }, (_, n) => n)
      await Promise.all(numbers.map((n) => items.set(`n${n}`, Buffer.from(String(n)))))
      const read = await Promise.all(numbers.map((n) => items.gets(`n${n}`)))
      assert.deepEqual(
        read.map((item) => Number(item?.value)),
        numbers,
      )
      assert.equal(items.pending, 0)
      assert.equal(items.downSinceMs, undefined)
    })

    test('a key that no server can take is a TypeError', async () => {
      await assert.rejects(items.gets('a b'), TypeError)
    })
  })
}

describe('a bucket in trouble', () => {
  test('without a config an operation ends by its deadline', async () => {
    const items = openBucketItems({ urls: ['http://127.0.0.1:9/x'], timeoutMs: 100 })
    await assert.rejects(items.gets('a'), { code: 'HOLDFAST_OPERATION_TIMEOUT' })
    await items.close()
    await assert.rejects(items.gets('a'), { code: 'HOLDFAST_CLIENT_CLOSED' })
  })

  test('the password of the config server reaches no error', async () => {
    const items = openBucketItems({ urls: ['http://ann:secret@127.0.0.1:9/x'], timeoutMs: 50 })
    await assert.rejects(
      items.gets('a'),
      (error) => error instanceof Error && !String(error.stack).includes('secret'),
    )
    await items.close()
  })

  test('servers that freeze all at once are away, and found again', async () => {
    const engines: TestEngines = await startEngines(2, 0)
    const served = await serve(engineBucketJson(engines.config), () => engines.stop())
    const items = openBucketItems({
      urls: [served.stream.url],
      timeoutMs: 10_000,
      awayAfterMs: 250,
    })
    const processes = engines.shards.flat().map((engine) => engine.process)
    try {
      await items.set('a', Buffer.from('1'))
      for (const process of processes) await freeze(process)
      await assert.rejects(items.gets('a'), { code: 'HOLDFAST_CONNECTION_LOST' })
      assert.notEqual(items.downSinceMs, undefined)
      for (const process of processes) process.kill('SIGCONT')
      await until('the bucket is back', async () => (await read(items, 'a')) === '1')
      assert.equal(items.downSinceMs, undefined)
    } finally {
      for (const process of processes) process.kill('SIGCONT')
      await items.close()
      await served.stop()
    }
  })

  test('one frozen shard does not make the bucket away', async () => {
    const engines = await startEngines(3, 0)
    const served = await serve(engineBucketJson(engines.config), () => engines.stop())
    const items = openBucketItems({ urls: [served.stream.url], timeoutMs: 900, awayAfterMs: 250 })
    const frozen = engines.shards[0]?.[0]?.process
    assert.ok(frozen)
    try {
      const keys = Array.from({ length: 30 }, (_, n) => `k${n}`)
      await Promise.all(keys.map((key) => items.set(key, Buffer.from('1'))))
      await freeze(frozen)
      const read = await Promise.allSettled(keys.map((key) => items.gets(key)))
      const failed = read.filter((one) => one.status === 'rejected')
      assert.ok(failed.length > 0 && failed.length < keys.length)
      for (const { reason } of failed) assert.equal(reason.code, 'HOLDFAST_OPERATION_TIMEOUT')
    } finally {
      frozen.kill('SIGCONT')
      await items.close()
      await served.stop()
    }
  })
})

async function read(items: BackendItems, key: string): Promise<string | undefined> {
  try {
    return (await items.gets(key, { timeoutMs: 200 }))?.value.toString()
  } catch {
    return undefined
  }
}
