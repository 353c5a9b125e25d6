// Behind any policy a client sees one store: random pipelines are answered as a plain store
// answers them, while a pool is dead, empty, or has yet to be brought over.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Backend } from '@holdfast/client'
import fc from 'fast-check'
import { TestPools } from './testing/test-pools.ts'

const KEYS = ['a', 'b', 'user:1']
const RUNS = 25

const key = fc.constantFrom(...KEYS)
const number = fc.integer({ min: 0, max: 99 }).map(String)

function stored(verb: string): fc.Arbitrary<string> {
  return fc.tuple(key, number, fc.constantFrom('', ' noreply')).map(([name, value, noreply]) => {
    return `${verb} ${name} ${value} 0 ${value.length}${noreply}\r\n${value}\r\n`
  })
}

const request = fc.oneof(
  key.map((name) => `get ${name}\r\n`),
  fc.constant(`get ${KEYS.join(' ')}\r\n`),
  ...['set', 'add', 'replace', 'append', 'prepend'].map(stored),
  fc.tuple(fc.constantFrom('incr', 'decr'), key, number).map((words) => `${words.join(' ')}\r\n`),
  key.map((name) => `delete ${name}\r\n`),
  key.map((name) => `touch ${name} 0\r\n`),
  key.map((name) => `gat 0 ${name}\r\n`),
  key.map((name) => `mg ${name} v f k\r\n`),
  fc.tuple(key, number).map(([name, value]) => `ms ${name} ${value.length} F3\r\n${value}\r\n`),
  key.map((name) => `md ${name} q\r\n`),
  key.map((name) => `ma ${name} N0 J5 v\r\n`),
)

const pipeline = fc.array(request, { minLength: 1, maxLength: 40 })

/** Answers of the policy to random pipelines are those of pool c, a plain store, alone. */
async function sameAsOneStore(
  prepare: (pools: TestPools) => Promise<Backend>,
  before: readonly string[] = [],
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(pipeline, async (requests) => {
      const pools = await TestPools.open()
      try {
        await pools.ask('c', before.join(''))
        const route = await prepare(pools)
        const text = requests.join('')
        const [answered, expected] = await Promise.all([
          pools.client(route).ask(text),
          pools.ask('c', text),
        ])
        assert.equal(answered, expected)
      } finally {
        await pools.close()
      }
    }),
    { numRuns: RUNS },
  )
}

const ITEMS = ['set a 1 0 2\r\n10\r\n', 'set user:1 2 0 1\r\n7\r\n']

test('write-all, with a dead pool', async () => {
  await sameAsOneStore(async (pools) => {
    await pools.kill('a')
    return pools.route({ type: 'write-all', pools: ['a', 'b'] })
  })
})

test('write-all, with all pools alive', async () => {
  await sameAsOneStore(async (pools) => pools.route({ type: 'write-all', pools: ['a', 'b'] }))
})

test('failover from a dead pool', async () => {
  await sameAsOneStore(async (pools) => {
    await pools.kill('a')
    return pools.route({ type: 'failover', pools: ['a', 'b'] })
  })
})

test('warm-up, with items in the warm pool only', async () => {
  await sameAsOneStore(async (pools) => {
    await pools.ask('b', ITEMS.join(''))
    return pools.route({ type: 'warm-up', cold: 'a', warm: 'b' })
  }, ITEMS)
})

test('shadow, prefix and key prefix', async () => {
  await sameAsOneStore(async (pools) => {
    return pools.route({ type: 'shadow', main: 'a', shadow: 'b', percent: 50 })
  })
  await sameAsOneStore(async (pools) => {
    return pools.route({ type: 'prefix', prefixes: { 'user:': 'b' }, default: 'a' })
  })
  await sameAsOneStore(async (pools) => {
    return pools.route({ type: 'key-prefix', pool: 'a', add: 'p:' })
  })
})
