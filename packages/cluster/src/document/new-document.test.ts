import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BUCKET_WISH, documentOf, memberAddress } from '../test-support/fixtures.ts'
import { clusterDocumentSchema, memberById } from './cluster-document.ts'
import { addBucket, newDocument } from './new-document.ts'

test('a new cluster has one active member, no admin and secrets of its own', () => {
  const [a, b] = [newDocument(memberAddress(1)), newDocument(memberAddress(1))]
  assert.deepEqual(
    a.members.map((m) => [m.id, m.membership]),
    [[1, 'active']],
  )
  assert.equal(a.admin, null)
  assert.notEqual(a.secret, b.secret)
  assert.ok(a.secret.length >= 32)
  assert.notEqual(a.uuid, b.uuid)
  assert.deepEqual(clusterDocumentSchema.parse(a), a)
})

test('a bucket gets its shards, each copy on another node, each engine on a port of its own', () => {
  const document = documentOf(3)
  addBucket(document, { ...BUCKET_WISH, shardCount: 8 })
  const [bucket] = document.buckets
  assert.ok(bucket)
  const engines = bucket.shards.flatMap((s) => s.instances.map((i) => `${i.member}:${i.port}`))
  assert.equal(engines.length, 16)
  assert.equal(new Set(engines).size, 16)
  for (const shard of bucket.shards) {
    assert.equal(new Set(shard.instances.map((i) => i.member)).size, 2)
    assert.ok(shard.instances.some((i) => i.member === shard.primary))
    assert.deepEqual([shard.created, shard.replicas], [false, []])
  }
})

test('arbiters, members that were only added, failed or drained get no data', () => {
  const document = documentOf(5)
  const change = { 2: 'inactiveAdded', 3: 'inactiveFailed' } as const
  for (const [id, membership] of Object.entries(change)) {
    const member = memberById(document, Number(id))
    if (member) member.membership = membership
  }
  const [arbiter, drained] = [memberById(document, 4), memberById(document, 5)]
  if (arbiter) arbiter.arbiter = true
  if (drained) drained.ejecting = true
  addBucket(document, BUCKET_WISH)
  const members = document.buckets.flatMap((b) =>
    b.shards.flatMap((s) => s.instances.map((i) => i.member)),
  )
  assert.deepEqual([...new Set(members)], [1])
})

test('a shard does not begin on a member that is away', () => {
  const document = documentOf(3)
  addBucket(document, BUCKET_WISH, (member) => member !== 3)
  const members = document.buckets.flatMap((b) => b.shards.flatMap((s) => s.instances))
  assert.deepEqual([...new Set(members.map((i) => i.member))].sort(), [1, 2])
})

test('writes wait for replicas only where there are to be some', () => {
  const durability = (wish: Partial<typeof BUCKET_WISH>): string | undefined => {
    const document = documentOf(2)
    addBucket(document, { ...BUCKET_WISH, ...wish })
    return document.buckets[0]?.durability
  }
  assert.equal(durability({}), 'replicated')
  assert.equal(durability({ replicaCount: 0 }), 'none')
  assert.equal(durability({ type: 'memcached', replicaCount: 0 }), 'none')
})

test('a node without a free engine port is named', () => {
  const document = documentOf(1)
  const [member] = document.members
  if (member) member.enginePorts = [12_000, 12_001]
  assert.throws(() => addBucket(document, BUCKET_WISH), /no free engine port on member 1/)
})

test('passwords differ from bucket to bucket', () => {
  const document = documentOf(1)
  addBucket(document, BUCKET_WISH)
  addBucket(document, { ...BUCKET_WISH, name: 'other' })
  const secrets = document.buckets.flatMap((b) => [b.engineAdminPassword, b.engineDataPassword])
  assert.equal(new Set(secrets).size, 4)
})
