import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { BinaryStatus, Opcode } from '@holdfast/protocol'
import { parseBucketConfig, vbucketOf } from '@holdfast/topology'
import { VBucketClient } from '../testing/vbucket-client.ts'
import { ADMIN_PASSWORD, hello, keyAway, keyHere, VBucketStage } from '../testing/vbucket-stage.ts'
import { Feature } from './features.ts'

const NO_EXTRAS = '0000000000000000'
const DURABLE = '1101'

describe('a vBucket port', () => {
  let stage: VBucketStage
  const open = (...features: number[]): Promise<VBucketClient> => stage.open(...features)

  before(async () => {
    stage = await VBucketStage.raise()
  })

  after(async () => {
    await stage?.strike()
  })

  test('before any config names this node alone, never nothing', async () => {
    // An anonymous client may know it as long as the default bucket may be open to everybody.
    const client = await open(Feature.SelectBucket)
    const reply = await client.ask(Opcode.GetClusterConfig)
    assert.equal(reply.status, BinaryStatus.Success)
    assert.deepEqual(JSON.parse(reply.text), {
      rev: 1,
      revEpoch: 1,
      nodesExt: [
        {
          services: { mgmt: stage.store.port, kv: stage.store.dataPort },
          thisNode: true,
          hostname: '127.0.0.1',
        },
      ],
    })
    stage.store.publish()
    await stage.proxy.ready
  })

  test('acknowledges the features that it has, and no others', async () => {
    const client = await open()
    const asked = [0x03, 0x04, 0x06, 0x07, 0x08, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x10, 0x11, 0x12]
    assert.deepEqual(await hello(client, asked), [0x03, 0x07, 0x08, 0x0c, 0x0d, 0x10, 0x11])
    assert.deepEqual(await hello(client, []), [])
  })

  test('logs in by all its mechanisms, and lets nobody into a bucket without its password', async () => {
    const client = await open(Feature.SelectBucket)
    const listed = await client.ask(Opcode.SaslMechanisms)
    assert.equal(listed.text, 'SCRAM-SHA512 SCRAM-SHA256 SCRAM-SHA1 PLAIN')
    const early = await client.ask(Opcode.SelectBucket, { key: 'shop' })
    assert.equal(early.status, BinaryStatus.NoAccess)
    const none = await client.ask(Opcode.SelectBucket, { key: 'none' })
    assert.equal(none.status, BinaryStatus.NoAccess)
    const wrong = await client.ask(Opcode.SaslAuth, { key: 'PLAIN', value: '\0shop\0no' })
    assert.equal(wrong.status, BinaryStatus.AuthError)
    const right = await client.ask(Opcode.SaslAuth, { key: 'PLAIN', value: '\0shop\0pw' })
    assert.equal(right.status, BinaryStatus.Success)
    const unselected = await client.ask(Opcode.Get, { key: keyHere() })
    assert.equal(unselected.status, BinaryStatus.NoBucket)
    const selected = await client.ask(Opcode.SelectBucket, { key: 'shop' })
    assert.equal(selected.status, BinaryStatus.Success)
    assert.equal(named(await client.ask(Opcode.GetClusterConfig)), 'shop')
    const left = await client.ask(Opcode.SelectBucket, { key: '@no bucket@' })
    assert.equal(left.status, BinaryStatus.Success)
    assert.equal(named(await client.ask(Opcode.GetClusterConfig)), undefined)
  })

  test('the admin logs in and chooses any bucket; without one there is none', async () => {
    const client = await open(Feature.SelectBucket)
    const wrong = { key: 'PLAIN', value: '\0Administrator\0no' }
    assert.equal((await client.ask(Opcode.SaslAuth, wrong)).status, BinaryStatus.AuthError)
    const right = { key: 'PLAIN', value: `\0Administrator\0${ADMIN_PASSWORD}` }
    assert.equal((await client.ask(Opcode.SaslAuth, right)).status, BinaryStatus.Success)
    assert.equal((await client.ask(Opcode.Get, { key: keyHere() })).status, BinaryStatus.NoBucket)
    const config = await client.ask(Opcode.GetClusterConfig)
    assert.equal(config.status, BinaryStatus.Success)
    assert.doesNotMatch(config.text, /storedKey|salt/)
    for (const key of ['shop', 'default']) {
      const selected = await client.ask(Opcode.SelectBucket, { key })
      assert.equal(selected.status, BinaryStatus.Success)
      assert.equal(named(await client.ask(Opcode.GetClusterConfig)), key)
    }
    const none = await client.ask(Opcode.SelectBucket, { key: 'none' })
    assert.equal(none.status, BinaryStatus.NoAccess)
  })

  test('at the memcached port the admin is nobody', async () => {
    const client = await VBucketClient.connect(stage.proxy.addresses[0] ?? '')
    const login = { key: 'PLAIN', value: `\0Administrator\0${ADMIN_PASSWORD}` }
    assert.equal((await client.ask(Opcode.SaslAuth, login)).status, BinaryStatus.AuthError)
    client.close()
  })

  test('a client of old chooses its bucket by its login, or has the open one', async () => {
    const client = await open()
    assert.equal(named(await client.ask(Opcode.GetClusterConfig)), 'default')
    await client.ask(Opcode.SaslAuth, { key: 'PLAIN', value: '\0shop\0pw' })
    assert.equal(named(await client.ask(Opcode.GetClusterConfig)), 'shop')
  })

  test('gives a config that a client can follow, and nothing of what is the proxies own', async () => {
    const client = await open()
    const reply = await client.ask(Opcode.GetClusterConfig)
    const config = parseBucketConfig(reply.text)
    assert.equal(config.rev, 1)
    assert.equal(config.revEpoch, 1)
    assert.equal(config.serverList[0], stage.address)
    assert.deepEqual(config.vBucketMap[0], [0, 1])
    assert.equal(config.holdfast, null)
    assert.doesNotMatch(reply.text, /holdfast|pa55word|saslPassword/)
    const { nodesExt } = JSON.parse(reply.text) as { nodesExt: object[] }
    assert.deepEqual(nodesExt, [
      {
        services: { mgmt: stage.store.port, kv: stage.store.dataPort },
        thisNode: true,
        hostname: '127.0.0.1',
      },
      { services: { mgmt: 8092, kv: 11220 }, hostname: '127.0.0.1' },
    ])
    const known = await client.ask(Opcode.GetClusterConfig, {
      extras: '00000000000000010000000000000001',
    })
    assert.equal(known.text, '')
  })

  test('stores, reads, counts and deletes by vBucket', async () => {
    const client = await open()
    const key = keyHere()
    const stored = await client.ask(Opcode.Set, { key, value: 'v', extras: '0000000700000000' })
    assert.equal(stored.status, BinaryStatus.Success)
    const read = await client.ask(Opcode.Get, { key })
    assert.equal(read.text, 'v')
    assert.equal(read.extras.readUInt32BE(0), 7)
    assert.equal(read.cas, stored.cas)
    const other = await client.ask(Opcode.Replace, { key, extras: NO_EXTRAS, cas: read.cas + 1n })
    assert.equal(other.status, BinaryStatus.KeyExists)
    assert.equal((await client.ask(Opcode.Touch, { key, extras: '0000003c' })).status, 0)
    const meta = await client.ask(Opcode.GetMeta, { key, extras: '02' })
    assert.equal(meta.extras.length, 21)
    const leftSeconds = meta.extras.readUInt32BE(8) - Date.now() / 1000
    assert.ok(leftSeconds > 30 && leftSeconds < 62, `${leftSeconds} s`)
    const counter = await client.ask(Opcode.Incr, {
      key: keyHere('counter'),
      extras: `${'0000000000000002'}${'0000000000000005'}00000000`,
    })
    assert.equal(counter.value.readBigUInt64BE(), 5n)
    assert.equal((await client.ask(Opcode.Delete, { key })).status, 0)
    const gone = await client.ask(Opcode.GetMeta, { key })
    assert.equal(gone.status, BinaryStatus.KeyNotFound)
  })

  test('refuses a vBucket of another node with the map, and a key of another vBucket', async () => {
    const client = await open()
    const away = await client.ask(Opcode.Get, { key: keyAway() })
    assert.equal(away.status, BinaryStatus.NotMyVBucket)
    assert.equal(named(away), 'default')
    const durable = await client.ask(Opcode.Set, {
      key: keyAway(),
      frames: DURABLE,
      extras: NO_EXTRAS,
    })
    assert.equal(durable.status, BinaryStatus.NotMyVBucket)
    const beyond = await client.ask(Opcode.Get, { key: 'k', vBucket: 1024 })
    assert.equal(beyond.status, BinaryStatus.NotMyVBucket)
    const key = keyHere()
    const vBucket = (vbucketOf(Buffer.from(key)) + 1) % 512
    const confused = await client.ask(Opcode.Get, { key, vBucket })
    assert.equal(confused.status, BinaryStatus.InvalidArguments)
    const replica = await client.ask(Opcode.GetReplica, { key: keyAway() })
    assert.equal(replica.status, BinaryStatus.KeyNotFound)
    assert.equal((await client.ask(Opcode.GetReplica, { key })).status, BinaryStatus.NotMyVBucket)
  })

  test('OBSERVE says what is there, and never that it is on disk', async () => {
    const client = await open()
    const [key, missing] = [keyHere('observed'), keyHere('unobserved')]
    const { cas } = await client.ask(Opcode.Set, { key, extras: NO_EXTRAS, value: 'x' })
    const value = Buffer.concat([observed(key), observed(missing)])
    const reply = await client.ask(Opcode.Observe, { value })
    assert.equal(reply.status, BinaryStatus.Success)
    const end = 4 + key.length
    assert.equal(reply.value.toString('utf8', 4, end), key)
    assert.equal(reply.value[end], 0)
    assert.equal(reply.value.readBigUInt64BE(end + 1), cas)
    assert.equal(reply.value[end + 9 + 4 + missing.length], 0x80)
    const cut = await client.ask(Opcode.Observe, { value: value.subarray(0, 5) })
    assert.equal(cut.status, BinaryStatus.InvalidArguments)
    const away = await client.ask(Opcode.Observe, { value: observed(keyAway()) })
    assert.equal(away.status, BinaryStatus.NotMyVBucket)
  })

  test('refuses TAP and DCP, unknown opcodes and data types, and goes on', async () => {
    const client = await open()
    assert.equal((await client.ask(0x40, { value: 'tap' })).status, BinaryStatus.NotSupported)
    assert.equal((await client.ask(0x50, { key: 'dcp' })).status, BinaryStatus.NotSupported)
    assert.equal((await client.ask(0xd0, { key: 'sub' })).status, BinaryStatus.UnknownCommand)
    assert.equal((await client.ask(0x91, { value: 'seqno' })).status, BinaryStatus.UnknownCommand)
    const snappy = { key: keyHere(), dataType: 2, extras: NO_EXTRAS }
    assert.equal((await client.ask(Opcode.Set, snappy)).status, BinaryStatus.InvalidArguments)
    assert.equal((await client.ask(Opcode.Set, { ...snappy, dataType: 1 })).status, 0)
    const map: unknown = JSON.parse(
      (await client.ask(Opcode.GetErrorMap, { value: '\0\x01' })).text,
    )
    assert.ok(typeof map === 'object' && map !== null && 'errors' in map)
  })

  test('closes with an error what is no request', async () => {
    const client = await open()
    client.send(Buffer.alloc(24, 0x55))
    assert.equal((await client.take()).status, BinaryStatus.InvalidArguments)
    await client.ended()
    const liar = await open()
    const header = Buffer.alloc(24)
    header.set([0x80, 0x00, 0x00, 0x05])
    liar.send(header)
    assert.equal((await liar.take()).status, BinaryStatus.UnknownCommand)
    await liar.ended()
  })

  test('stats tell the state of the vBuckets that are here', async () => {
    const client = await open()
    const stats = new Map<string, string>()
    client.send(Buffer.alloc(0))
    let reply = await client.ask(Opcode.Stat, { key: 'vbucket', vBucket: 0 })
    for (; reply.key !== ''; reply = await client.take()) stats.set(reply.key, reply.text)
    assert.equal(stats.size, 1024)
    assert.equal(stats.get('vb_0'), 'active')
    assert.equal(stats.get('vb_1023'), 'replica')
  })

  test('tells of a new map whom it may, and refuses by it', async () => {
    const told = await open(Feature.Duplex, Feature.MapNotification)
    const briefly = await open(Feature.Duplex, Feature.BriefNotification)
    const silent = await open(Feature.MapNotification)
    for (const client of [told, briefly, silent]) await client.ask(Opcode.GetClusterConfig)
    const key = keyHere('moved')
    assert.equal((await told.ask(Opcode.Set, { key, extras: NO_EXTRAS })).status, 0)
    stage.store.publish({ rev: 9, hereBelow: 0 })
    const news = await told.hear()
    assert.equal(news.opcode, 0x01)
    assert.equal(news.key, 'default')
    assert.equal(news.extras.readBigInt64BE(8), 9n)
    assert.deepEqual(parseBucketConfig(news.text).vBucketMap[0], [1, 0])
    assert.equal((await briefly.hear()).text, '')
    assert.equal((await told.ask(Opcode.Get, { key })).status, BinaryStatus.NotMyVBucket)
    stage.store.publish({ rev: 10, hereBelow: 0 })
    stage.store.publish({ rev: 11, hereBelow: 512 })
    assert.equal((await told.hear()).extras.readBigInt64BE(8), 11n)
    assert.equal(silent.told.length, 0)
    const metrics = await (await fetch(`http://${stage.proxy.httpAddress}/metrics`)).text()
    assert.match(metrics, /not_my_vbucket_total\S* [1-9]/)
    assert.match(metrics, /map_notifications_total\S* [1-9]/)
  })
})

function observed(key: string): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(vbucketOf(Buffer.from(key)), 0)
  head.writeUInt16BE(key.length, 2)
  return Buffer.concat([head, Buffer.from(key)])
}

function named(reply: { text: string }): unknown {
  const config: unknown = JSON.parse(reply.text)
  return typeof config === 'object' && config !== null && 'name' in config ? config.name : undefined
}
