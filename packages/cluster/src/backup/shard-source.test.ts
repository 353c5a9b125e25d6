import assert from 'node:assert/strict'
import { test } from 'node:test'
import { documentWithBucket } from '../test-support/fixtures.ts'
import { copiesToRead } from './shard-source.ts'

const document = documentWithBucket(3, { replicaCount: 2 })
const [bucket] = document.buckets
assert.ok(bucket)
const [shard] = bucket.shards
assert.ok(shard && shard.primary !== null)
const { primary, replicas } = shard

test('replicas are read before the primary, the own one first', () => {
  const [first, second] = replicas
  assert.ok(first !== undefined && second !== undefined)
  const copies = copiesToRead(document, bucket, 0, { self: second, isLive: () => true })
  assert.deepEqual(
    copies.map(({ member, role }) => [member, role]),
    [
      [second, 'replica'],
      [first, 'replica'],
      [primary, 'primary'],
    ],
  )
})

test('a copy on a member that is not heard is not read', () => {
  const copies = copiesToRead(document, bucket, 0, {
    self: primary,
    isLive: (member) => member === primary,
  })
  assert.deepEqual(
    copies.map(({ member, role }) => [member, role]),
    [[primary, 'primary']],
  )
})

test('a shard that is not there has no copies', () => {
  assert.deepEqual(copiesToRead(document, bucket, 99, { self: 1, isLive: () => true }), [])
})
