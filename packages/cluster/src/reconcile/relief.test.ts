import assert from 'node:assert/strict'
import { test } from 'node:test'
import { documentWithBucket } from '../test-support/fixtures.ts'
import { isRelieved, untilRelieved } from './relief.ts'

/** One shard, its primary first, among three nodes. */
function documentOf(primary: number | null, replicas: number[]) {
  const document = documentWithBucket(3, { shardCount: 1, replicaCount: 1 })
  const [shard] = document.buckets[0]?.shards ?? []
  assert.ok(shard)
  Object.assign(shard, { primary, replicas })
  return document
}

const all = (): boolean => true

test('a member is relieved when it leads nothing and no write waits for it', () => {
  assert.equal(isRelieved(documentOf(1, [2]), 1, all), false)
  assert.equal(isRelieved(documentOf(2, [1]), 1, all), false)
  assert.equal(isRelieved(documentOf(2, [3]), 1, all), true)
  assert.equal(isRelieved(documentOf(2, []), 1, all), true)
})

test('what nobody else could lead is not waited for', () => {
  assert.equal(isRelieved(documentOf(1, []), 1, all), true)
  assert.equal(
    isRelieved(documentOf(1, [2]), 1, () => false),
    true,
  )
  assert.equal(
    isRelieved(documentOf(1, [2, 3]), 1, (member) => member === 3),
    false,
  )
})

test('a member that is relieved meanwhile is waited for, one that nobody can relieve is not', async () => {
  const view = { self: 1, document: documentOf(1, [2]), stays: all, hasLeader: true }
  const relieved = untilRelieved(view)
  view.document = documentOf(2, [])
  assert.equal(await relieved, true)
  const alone = { self: 1, document: documentOf(1, [2]), stays: all, hasLeader: false }
  assert.equal(await untilRelieved(alone), false)
})
