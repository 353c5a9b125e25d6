import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { after, before, describe, test } from 'node:test'
import { startEngines, type TestEngines, until } from '@holdfast/client/testing'
import { BinaryStatus, Opcode } from '@holdfast/protocol'
import { type HoldfastExtension, parseBucketConfig, vbucketOf } from '@holdfast/topology'
import { pino } from 'pino'
import { checkConfig } from '../config-schema.ts'
import { type RunningProxy, startConfiguredProxy } from '../proxy.ts'
import { VBucketClient, type VBucketFields } from '../testing/vbucket-client.ts'
import { Feature } from './features.ts'

const NO_EXTRAS = '0000000000000000'
const DURABLE = '1101'
const PERSISTED = '1102'

interface Placed {
  /** The active copies of all vBuckets below are here, the others on the other node. */
  hereBelow?: number
  rev?: number
  degraded?: boolean
}

/** A store of two nodes, as the first of them streams its buckets to its gateway. */
class Store {
  readonly #engines: TestEngines
  readonly #server: http.Server
  readonly #streams: Set<http.ServerResponse> = new Set()
  #text = ''
  dataPort = 0

  constructor(engines: TestEngines) {
    this.#engines = engines
    this.#server = http.createServer((_request, response) => {
      this.#streams.add(response)
      if (this.#text !== '') response.write(`${this.#text}\n\n\n\n`)
    })
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  publish({ hereBelow = 512, rev = 1, degraded = false }: Placed = {}): void {
    const { config } = this.#engines
    const shards = config.shards.map((shard) => (degraded ? { ...shard, replicas: [] } : shard))
    const buckets = [
      this.#bucket({ name: 'default' }, hereBelow, { ...config, shards, rev }),
      this.#bucket({ name: 'shop', saslPassword: 'pw' }, hereBelow, { ...config, shards, rev }),
    ]
    this.#text = JSON.stringify({ buckets })
    for (const stream of this.#streams) stream.write(`${this.#text}\n\n\n\n`)
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  #bucket(named: object, hereBelow: number, holdfast: HoldfastExtension): object {
    const node = { status: 'healthy', clusterMembership: 'active' }
    const here = { hostname: `127.0.0.1:${this.port}`, thisNode: true }
    return {
      bucketType: 'membase',
      saslPassword: '',
      uuid: 'one',
      nodes: [
        { ...node, ...here, ports: { proxy: 11211, direct: this.dataPort } },
        { ...node, hostname: '127.0.0.1:8092', ports: { proxy: 11211, direct: 11220 } },
      ],
      nodeLocator: 'vbucket',
      vBucketServerMap: {
        hashAlgorithm: 'CRC',
        numReplicas: 1,
        serverList: [`127.0.0.1:${this.dataPort}`, '127.0.0.1:11220'],
        vBucketMap: Array.from({ length: 1024 }, (_, v) => (v < hereBelow ? [0, 1] : [1, 0])),
      },
      holdfast,
      ...named,
    }
  }
}

describe('a vBucket port', () => {
  let engines: TestEngines
  let store: Store
  let proxy: RunningProxy
  let address: string
  const clients: VBucketClient[] = []

  before(async () => {
    engines = await startEngines(2, 1)
    store = new Store(engines)
    await store.start()
    const url = `http://127.0.0.1:${store.port}/pools/default/saslBucketsStreaming`
    const checked = checkConfig({
      listeners: [{ port: 0 }, { kind: 'data', port: 0 }],
      gateways: [{ urls: [url], username: 'admin', password: 'secret' }],
      http: { port: 0 },
      limits: { operationTimeoutMs: 2000 },
    })
    assert.ok(checked.config, JSON.stringify(checked.issues))
    proxy = await startConfiguredProxy(checked.config, pino({ level: 'silent' }))
    address = proxy.addresses[1] ?? ''
    store.dataPort = Number(address.split(':')[1])
  })

  after(async () => {
    for (const client of clients) client.close()
    await proxy?.stop()
    await store?.stop()
    await engines?.stop()
  })

  async function open(...features: number[]): Promise<VBucketClient> {
    const client = await VBucketClient.connect(address)
    clients.push(client)
    if (features.length > 0) await hello(client, features)
    return client
  }

  async function hello(client: VBucketClient, features: number[]): Promise<number[]> {
    const value = Buffer.alloc(features.length * 2)
    for (const [i, feature] of features.entries()) value.writeUInt16BE(feature, i * 2)
    const reply = await client.ask(Opcode.Hello, { key: 'test', value })
    assert.equal(reply.status, BinaryStatus.Success)
    return Array.from({ length: reply.value.length / 2 }, (_, i) => reply.value.readUInt16BE(i * 2))
  }

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
          services: { mgmt: store.port, kv: store.dataPort },
          thisNode: true,
          hostname: '127.0.0.1',
        },
      ],
    })
    store.publish()
    await proxy.ready
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
    assert.equal(config.serverList[0], address)
    assert.deepEqual(config.vBucketMap[0], [0, 1])
    assert.equal(config.holdfast, null)
    assert.doesNotMatch(reply.text, /holdfast|pa55word|saslPassword/)
    const { nodesExt } = JSON.parse(reply.text) as { nodesExt: object[] }
    assert.deepEqual(nodesExt, [
      { services: { mgmt: store.port, kv: store.dataPort }, thisNode: true, hostname: '127.0.0.1' },
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

  test('a write of a majority is stored on the replica, what cannot be proved is refused', async () => {
    const client = await open(Feature.AlternativeRequest, Feature.SyncReplication)
    const key = keyHere('durable')
    const ask = async (frames: string, fields: VBucketFields = {}, opcode: number = Opcode.Set) => {
      const extras = opcode === Opcode.Set ? { extras: NO_EXTRAS } : {}
      return (await client.ask(opcode, { key, frames, ...extras, ...fields })).status
    }
    assert.equal(await ask(DURABLE, { value: 'd' }), BinaryStatus.Success)
    assert.equal(await ask('13012328', { value: 'd' }), BinaryStatus.Success)
    assert.equal(await ask(PERSISTED), BinaryStatus.DurabilityImpossible)
    assert.equal(await ask('1103'), BinaryStatus.DurabilityImpossible)
    assert.equal(await ask('1104'), BinaryStatus.DurabilityInvalidLevel)
    assert.equal(await ask('50'), BinaryStatus.UnknownFrame)
    assert.equal(await ask('1301'), BinaryStatus.InvalidArguments)
    assert.equal(await ask(DURABLE, {}, Opcode.Get), BinaryStatus.InvalidArguments)
    assert.equal(await ask('', {}, Opcode.Get), BinaryStatus.Success)
    store.publish({ rev: 2, degraded: true })
    await until('the shard is degraded', async () => {
      return (await ask(DURABLE)) === BinaryStatus.DurabilityImpossible
    })
    assert.equal((await client.ask(Opcode.Set, { key, extras: NO_EXTRAS })).status, 0)
    store.publish({ rev: 3 })
    await until('it is whole again', async () => (await ask(DURABLE)) === BinaryStatus.Success)
  })

  test('a durable write whose replica is lost meanwhile is ambiguous, not done', async () => {
    const client = await open(Feature.AlternativeRequest, Feature.SyncReplication)
    const key = keyHere('ambiguous')
    const replica = engines.shards[0]?.[1]
    assert.ok(replica)
    await client.ask(Opcode.Get, { key })
    replica.process.kill('SIGSTOP')
    try {
      const asked = client.ask(Opcode.Set, { key, frames: DURABLE, extras: NO_EXTRAS, value: 'x' })
      await until('the write waits for its replica', async () => {
        const response = await fetch(`http://${proxy.httpAddress}/metrics`)
        return /short_waits\S* [1-9]/.test(await response.text())
      })
      store.publish({ rev: 4, degraded: true })
      assert.equal((await asked).status, BinaryStatus.SyncWriteAmbiguous)
    } finally {
      replica.process.kill('SIGCONT')
    }
    store.publish({ rev: 5 })
  })

  test('a locked item yields to nobody but who has its lock', async () => {
    const [one, other] = [await open(Feature.ExtendedErrors), await open(Feature.ExtendedErrors)]
    const old = await open()
    const key = keyHere('locked')
    const first = await one.ask(Opcode.Set, { key, extras: NO_EXTRAS, value: '1' })
    const locked = await one.ask(Opcode.GetLocked, { key, extras: '0000001e' })
    assert.equal(locked.status, BinaryStatus.Success)
    assert.equal(locked.text, '1')
    assert.notEqual(locked.cas, first.cas)
    const refused = async (opcode: number, fields: VBucketFields = {}): Promise<void> => {
      const reply = await other.ask(opcode, { key, ...fields })
      assert.equal(reply.status, BinaryStatus.Locked, `opcode ${opcode}`)
    }
    await refused(Opcode.GetLocked)
    await refused(Opcode.Set, { extras: NO_EXTRAS, value: '2' })
    await refused(Opcode.Set, { extras: NO_EXTRAS, value: '2', cas: first.cas })
    await refused(Opcode.Add, { extras: NO_EXTRAS })
    await refused(Opcode.Replace, { extras: NO_EXTRAS })
    await refused(Opcode.Append, { value: 'x' })
    await refused(Opcode.Delete)
    await refused(Opcode.Delete, { cas: first.cas })
    await refused(Opcode.Touch, { extras: '00000001' })
    await refused(Opcode.Gat, { extras: '00000001' })
    await refused(Opcode.Incr, { extras: '0'.repeat(40) })
    await refused(Opcode.Unlock, { cas: first.cas })
    const told = await old.ask(Opcode.Set, { key, extras: NO_EXTRAS })
    assert.equal(told.status, BinaryStatus.TemporaryFailure)
    const seen = await other.ask(Opcode.Get, { key })
    assert.equal(seen.text, '1')
    assert.equal(seen.cas, first.cas)
    assert.equal((await one.ask(Opcode.Unlock, { key, cas: locked.cas })).status, 0)
    const twice = await one.ask(Opcode.Unlock, { key, cas: locked.cas })
    assert.equal(twice.status, BinaryStatus.NotLocked)
    const again = await other.ask(Opcode.GetLocked, { key })
    const written = { key, extras: NO_EXTRAS, value: '3', cas: again.cas }
    assert.equal((await other.ask(Opcode.Replace, written)).status, BinaryStatus.Success)
    assert.equal((await one.ask(Opcode.Set, { key, extras: NO_EXTRAS })).status, 0)
    const missing = await one.ask(Opcode.GetLocked, { key: keyHere('missing') })
    assert.equal(missing.status, BinaryStatus.KeyNotFound)
  })

  test('a lock ends by itself', async () => {
    const client = await open(Feature.ExtendedErrors)
    const key = keyHere('short')
    await client.ask(Opcode.Set, { key, extras: NO_EXTRAS })
    await client.ask(Opcode.GetLocked, { key, extras: '00000001' })
    const write = async (): Promise<number> => {
      return (await client.ask(Opcode.Set, { key, extras: NO_EXTRAS })).status
    }
    assert.equal(await write(), BinaryStatus.Locked)
    await until('the lock is over', async () => (await write()) === BinaryStatus.Success)
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
    store.publish({ rev: 9, hereBelow: 0 })
    const news = await told.hear()
    assert.equal(news.opcode, 0x01)
    assert.equal(news.key, 'default')
    assert.equal(news.extras.readBigInt64BE(8), 9n)
    assert.deepEqual(parseBucketConfig(news.text).vBucketMap[0], [1, 0])
    assert.equal((await briefly.hear()).text, '')
    assert.equal((await told.ask(Opcode.Get, { key })).status, BinaryStatus.NotMyVBucket)
    store.publish({ rev: 10, hereBelow: 0 })
    store.publish({ rev: 11, hereBelow: 512 })
    assert.equal((await told.hear()).extras.readBigInt64BE(8), 11n)
    assert.equal(silent.told.length, 0)
    const metrics = await (await fetch(`http://${proxy.httpAddress}/metrics`)).text()
    assert.match(metrics, /not_my_vbucket_total\S* [1-9]/)
    assert.match(metrics, /map_notifications_total\S* [1-9]/)
  })
})

/** A key whose vBucket is below 512. */
function keyHere(prefix = 'key'): string {
  return keyWhere(prefix, (vBucket) => vBucket < 512)
}

function keyAway(): string {
  return keyWhere('away', (vBucket) => vBucket >= 512)
}

function keyWhere(prefix: string, fits: (vBucket: number) => boolean): string {
  for (let i = 0; ; i++) {
    if (fits(vbucketOf(Buffer.from(`${prefix}${i}`)))) return `${prefix}${i}`
  }
}

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
