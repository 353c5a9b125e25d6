// Sessions in a bucket that is read directly: its config from the store, its engines without a
// proxy between, and one of them killed while requests go on.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  engineBucketJson,
  startEngines,
  type TestEngines,
  until,
  VBucketConfigStream,
} from '@holdfast/client/testing'
import { parseSessionOptions } from '../options.ts'
import { SessionStore } from './session-store.ts'

const TTL_SECONDS = 100
const IDS = Array.from({ length: 30 }, (_, i) => `session${i}`)

let engines: TestEngines
let stream: VBucketConfigStream
let store: SessionStore

before(async () => {
  engines = await startEngines(3, 1)
  stream = await new VBucketConfigStream(engineBucketJson(engines.config)).start()
  store = new SessionStore(parseSessionOptions({ memcachedNodes: stream.url, secret: 's' }))
})

after(async () => {
  await store?.close()
  await stream?.stop()
  await engines?.stop()
})

test('ids carry no node id, and every id is known', () => {
  assert.equal(store.withNodeIds, false)
  assert.equal(store.chooseNodeId(), undefined)
  assert.equal(store.knows('anything-n1.app1'), true)
  assert.equal(store.relocated('anything-n1.app1'), undefined)
  assert.equal(store.keys.backupNodeOf('anything'), undefined)
})

test('no request fails and no write is lost while an engine is killed and replaced', async (t) => {
  const counts = new Map(IDS.map((id) => [id, 0]))
  await Promise.all(IDS.map((id) => store.set(id, Buffer.from('0'), TTL_SECONDS)))
  let done = false
  let rounds = 0
  let slowestMs = 0
  const count = async (id: string): Promise<void> => {
    const startMs = performance.now()
    const read = await store.loadAndRenew(id, TTL_SECONDS)
    assert.equal(read?.value.toString(), String(counts.get(id)))
    const next = Number(read?.value) + 1
    const written = await store.cas(id, Buffer.from(String(next)), TTL_SECONDS, read?.cas ?? '')
    assert.equal(written.outcome, 'STORED')
    counts.set(id, next)
    slowestMs = Math.max(slowestMs, performance.now() - startMs)
  }
  const load = (async () => {
    while (!done) {
      await Promise.all(IDS.map(count))
      rounds++
    }
  })()
  await until('a few rounds', () => rounds > 5)
  const [primary, replica] = engines.shards[0] ?? []
  assert.ok(primary && replica)
  primary.process.kill('SIGKILL')
  await engines.promote(replica)
  const config = structuredClone(engines.config)
  config.rev++
  config.shards[0] = {
    vBuckets: [0, 0],
    ...config.shards[0],
    primary: replica.address,
    replicas: [],
  }
  stream.publish(engineBucketJson(config))
  const roundsThen = rounds
  await until('rounds after the failover', () => rounds > roundsThen + 5)
  done = true
  await load
  t.diagnostic(`slowest read and write of a session over the failover: ${slowestMs.toFixed(0)} ms`)
  assert.equal(store.gauges()[0]?.up, true)
})

test('a prefix keeps the sessions of two applications in the bucket apart', async () => {
  const options = { memcachedNodes: stream.url, secret: 's', storageKeyPrefix: 'shop' }
  const other = new SessionStore(parseSessionOptions(options))
  await store.set('same', Buffer.from('one'), TTL_SECONDS)
  assert.equal(await other.load('same'), undefined)
  await other.close()
})
