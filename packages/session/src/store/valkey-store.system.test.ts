// Sessions in somebody's own Valkey or Redis, without a proxy: the original's `redis://` form.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { startValkeyCluster, until, ValkeyServer } from '@holdfast/client/testing'
import { parseSessionOptions } from '../options.ts'
import { SessionStore } from './session-store.ts'

const TTL_SECONDS = 100
const VALUE = Buffer.from('value')

const closing: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function openStore(memcachedNodes: string): SessionStore {
  const store = new SessionStore(parseSessionOptions({ memcachedNodes, secret: 's' }))
  closing.push(() => store.close())
  return store
}

async function startServer(settings: Record<string, string> = {}): Promise<ValkeyServer> {
  const server = await ValkeyServer.start(settings)
  closing.push(() => server.stop())
  return server
}

async function checkOperations(store: SessionStore): Promise<void> {
  assert.equal(await store.load('a'), undefined)
  assert.equal((await store.add('a', VALUE, TTL_SECONDS)).outcome, 'STORED')
  assert.equal((await store.add('a', VALUE, TTL_SECONDS)).outcome, 'EXISTS')
  const read = await store.loadAndRenew('a', TTL_SECONDS)
  const cas = read?.cas ?? ''
  assert.equal(read?.value.toString(), 'value')
  assert.equal((await store.cas('a', VALUE, TTL_SECONDS, cas)).outcome, 'STORED')
  assert.equal((await store.cas('a', VALUE, TTL_SECONDS, cas)).outcome, 'EXISTS')
  assert.equal(await store.touch('a', TTL_SECONDS), true)
  assert.equal(await store.delete('a'), true)
  assert.equal((await store.cas('a', VALUE, TTL_SECONDS, cas)).outcome, 'NOT_FOUND')
}

test('a single server keeps sessions, with their time to live', async () => {
  const server = await startServer()
  const store = openStore(`redis://${server.address}`)
  await checkOperations(store)
  await store.set('a', VALUE, TTL_SECONDS)
  const ttl = Number(await server.session.call('TTL', 'a'))
  assert.ok(ttl > TTL_SECONDS - 10 && ttl <= TTL_SECONDS)
  assert.deepEqual([store.withNodeIds, store.chooseNodeId()], [false, undefined])
})

test('the password of the URL opens it and is shown nowhere', async () => {
  const server = await startServer({ requirepass: 'se%cret' })
  const store = openStore(`redis://:se%25cret@${server.address}`)
  await until('the server listens', async () => (await store.health())[0]?.ok === true)
  await checkOperations(store)
  assert.deepEqual(await store.health(), [{ id: undefined, address: server.address, ok: true }])
  const wrong = openStore(`redis://:guessed-wrongly@${server.address}`)
  await assert.rejects(wrong.load('a'), (error) => {
    assert.ok(error instanceof Error && error.cause instanceof Error)
    assert.doesNotMatch(`${error.stack}${error.cause.stack}`, /guessed-wrongly/)
    return true
  })
})

test('a cluster of them keeps each session where its slot is', async () => {
  const cluster = await startValkeyCluster(3)
  closing.push(() => Promise.all(cluster.map((server) => server.stop())))
  const store = openStore(`redis://${cluster.map(({ address }) => address).join()}`)
  await checkOperations(store)
  const ids = Array.from({ length: 60 }, (_, i) => `session${i}`)
  await Promise.all(ids.map((id) => store.set(id, Buffer.from(id), TTL_SECONDS)))
  for (const id of ids) assert.equal((await store.load(id))?.value.toString(), id)
})

test('a killed server is away, and found again', async () => {
  const server = await startServer()
  const store = openStore(`redis://${server.address}`)
  await store.set('a', VALUE, TTL_SECONDS)
  await server.kill()
  await assert.rejects(store.load('a'), { code: 'HOLDFAST_STORE_UNAVAILABLE' })
  assert.equal(store.gauges()[0]?.up, false)
  await server.restart()
  await until('the server is back', () => store.gauges()[0]?.up === true)
  await checkOperations(store)
})
