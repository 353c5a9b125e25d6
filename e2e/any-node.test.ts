import assert from 'node:assert/strict'
import { test } from 'node:test'
import Memcached from 'memcached'
import { missing, onStage, type Stage } from './harness/stage.ts'
import { TextClient } from './harness/text-client.ts'
import { until } from './harness/until.ts'

const KEYS = 20
const GATEWAYS_MS = 40_000

test('what is set through the gateway of one node is read through those of the others', {
  skip: missing('engine'),
}, async (t) => {
  await onStage(t, { nodes: 3 }, async (stage) => {
    // A node that joins starts its gateway again, with the secret of the cluster that it joined.
    await until('every gateway serves', GATEWAYS_MS, async () => {
      const answers = await Promise.all(stage.store.nodes.map(({ ports }) => serves(ports.gateway)))
      return !answers.includes(false)
    })
    await t.test('by a plain text client', async () => await playTextClient(stage))
    await t.test('by the npm package memcached', async () => await playLibrary(stage))
  })
})

async function playTextClient({ store }: Stage): Promise<void> {
  const [a, ...others] = await Promise.all(
    store.nodes.map(({ ports }) => TextClient.open(ports.gateway)),
  )
  assert.ok(a !== undefined)
  for (let index = 0; index < KEYS; index++) {
    assert.equal(await a.set(`plain-${index}`, `value ${index}`), 'STORED')
  }
  for (const other of others) {
    for (let index = 0; index < KEYS; index++) {
      assert.equal(await other.get(`plain-${index}`), `value ${index}`)
    }
    assert.equal(await other.get('plain-none'), undefined)
  }
  for (const client of [a, ...others]) client.close()
}

async function playLibrary({ store }: Stage): Promise<void> {
  const clients = store.nodes.map(({ ports }) => new Memcached(`127.0.0.1:${ports.gateway}`))
  const [a, ...others] = clients
  assert.ok(a !== undefined)
  const value = { user: 'ann', cart: [1, 2, 3] }
  assert.equal(await answerOf((done) => a.set('library', value, 60, done)), true)
  assert.equal(await answerOf((done) => a.set('library-number', 41, 60, done)), true)
  for (const other of others) {
    assert.deepEqual(await answerOf((done) => other.get('library', done)), value)
  }
  const [b] = others
  assert.equal(await answerOf((done) => b?.incr('library-number', 1, done)), 42)
  assert.equal(await answerOf((done) => a.get('library-number', done)), 42)
  for (const client of clients) client.end()
}

/** Whether the gateway takes connections and answers from its bucket. */
async function serves(port: number): Promise<boolean> {
  try {
    const client = await TextClient.open(port)
    const answer = await client.get('serves')
    client.close()
    return answer === undefined
  } catch {
    return false
  }
}

/** The answer of one call in the callback style of the library. */
async function answerOf(call: (done: (error: unknown, answer: unknown) => void) => void) {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  call((error, answer) => (error ? reject(error) : resolve(answer)))
  return await promise
}
