import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { documentOf, documentWithBucket } from '../test-support/fixtures.ts'
import {
  clusterDocumentSchema,
  compareVersions,
  freeEnginePort,
  isMajority,
  memberById,
  otpNodeOf,
  voters,
  wantedReplicas,
} from './cluster-document.ts'

const versions = fc.record({ term: fc.nat(5), rev: fc.nat(5) })

test('a later term wins over any revision of an earlier one', () => {
  assert.ok(compareVersions({ term: 2, rev: 1 }, { term: 1, rev: 99 }) > 0)
  assert.ok(compareVersions({ term: 2, rev: 1 }, { term: 2, rev: 2 }) < 0)
  assert.equal(compareVersions({ term: 2, rev: 2 }, { term: 2, rev: 2 }), 0)
})

test('versions are in one order', () => {
  fc.assert(
    fc.property(versions, versions, versions, (a, b, c) => {
      assert.equal(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a)), 0)
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) {
        assert.ok(compareVersions(a, c) <= 0)
      }
    }),
  )
})

test('two majorities always share a member', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(50), fc.nat(50), (of, a, b) => {
      if (isMajority(a, of) && isMajority(b, of)) assert.ok(a + b > of)
    }),
  )
  assert.equal(isMajority(1, 2), false)
})

test('a document survives its way through JSON and schema', () => {
  const document = documentWithBucket(3)
  assert.deepEqual(clusterDocumentSchema.parse(JSON.parse(JSON.stringify(document))), document)
})

test('what is no document is refused', () => {
  const document = documentWithBucket(2)
  assert.throws(() => clusterDocumentSchema.parse({ ...document, term: 'x' }))
  assert.throws(() => clusterDocumentSchema.parse({ ...document, members: undefined }))
  assert.throws(() => clusterDocumentSchema.parse({ ...document, rev: 1.5 }))
})

test('only active members vote, arbiters among them', () => {
  const document = documentOf(4)
  const [, second, third, fourth] = document.members
  if (second) second.membership = 'inactiveFailed'
  if (third) third.membership = 'inactiveAdded'
  if (fourth) fourth.arbiter = true
  const ids = voters(document).map((m) => m.id)
  assert.deepEqual(ids, [1, 4])
})

test('a node is named as in Membase; the port tells nodes on one machine apart', () => {
  assert.equal(otpNodeOf({ host: '10.0.0.1', restPort: 8091 }), 'ns_1@10.0.0.1')
  assert.equal(otpNodeOf({ host: '10.0.0.1', restPort: 9000 }), 'n_9000@10.0.0.1')
})

test('no more replicas are wanted than there are other active data nodes', () => {
  const document = documentWithBucket(3, { replicaCount: 2 })
  const [bucket] = document.buckets
  assert.ok(bucket)
  assert.equal(wantedReplicas(document, bucket), 2)
  const third = memberById(document, 3)
  if (third) third.arbiter = true
  assert.equal(wantedReplicas(document, bucket), 1)
  const second = memberById(document, 2)
  if (second) second.membership = 'inactiveFailed'
  assert.equal(wantedReplicas(document, bucket), 0)
})

test('an engine port is given once; null when all are taken', () => {
  const document = documentWithBucket(1, { replicaCount: 0, shardCount: 3 })
  const [member] = document.members
  const [bucket] = document.buckets
  assert.ok(member && bucket)
  assert.equal(freeEnginePort(document, member), 12_003)
  bucket.arbiterInstances.push({ member: member.id, port: 12_003 })
  assert.equal(freeEnginePort(document, member), 12_004)
  bucket.shards[1]?.instances.pop()
  assert.equal(freeEnginePort(document, member), 12_001)
  member.enginePorts = [12_000, 12_000]
  assert.equal(freeEnginePort(document, member), null)
})
