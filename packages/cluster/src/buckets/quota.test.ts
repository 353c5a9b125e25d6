import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { memberById } from '../document/cluster-document.ts'
import { documentWithBucket } from '../test-support/fixtures.ts'
import {
  engineMemory,
  initialMemoryQuota,
  MEGABYTE,
  memoryQuotaRange,
  quotaTooLarge,
  usableMemory,
} from './quota.ts'

function memoryOf(nodes: number, shardCount: number, replicaCount: number) {
  const document = documentWithBucket(nodes, { shardCount, replicaCount })
  const [bucket] = document.buckets
  assert.ok(bucket)
  return { document, bucket, memory: engineMemory(document, bucket) }
}

test('a quota is bounded by all memory but 1 GB, or 80 %, whichever is more', () => {
  assert.deepEqual(memoryQuotaRange(16_384 * MEGABYTE), {
    megabytesMin: 256,
    megabytesMax: 15_360,
    why: 'memory size minus 1024 MB',
  })
  assert.deepEqual(memoryQuotaRange(2000 * MEGABYTE), {
    megabytesMin: 256,
    megabytesMax: 1600,
    why: '80% of memory size',
  })
})

test('the quota at first is within its bounds on every machine', () => {
  fc.assert(
    fc.property(fc.integer({ min: 128, max: 4_000_000 }), (megabytes) => {
      const { megabytesMin, megabytesMax } = memoryQuotaRange(megabytes * MEGABYTE)
      const quota = initialMemoryQuota(megabytes * MEGABYTE)
      assert.ok(quota >= megabytesMin && quota <= megabytesMax, `${quota} of ${megabytes}`)
    }),
  )
})

test('the memory of a container counts when it is less than that of the machine', () => {
  assert.equal(usableMemory(100, 40), 40)
  assert.equal(usableMemory(100, 0), 100)
  assert.equal(usableMemory(100, 2 ** 60), 100)
})

test('a node never gives the engines of a bucket more than its quota', () => {
  const small = fc.integer({ min: 1, max: 12 })
  fc.assert(
    fc.property(small, fc.integer({ min: 1, max: 64 }), fc.nat(3), (nodes, shards, replicas) => {
      const { bucket, memory } = memoryOf(nodes, shards, replicas)
      const held = new Map<number, number>()
      for (const { member } of bucket.shards.flatMap((s) => s.instances)) {
        held.set(member, (held.get(member) ?? 0) + memory.itemBytes)
      }
      for (const bytes of held.values()) assert.ok(bytes <= bucket.ramMegabytes * MEGABYTE)
    }),
  )
})

test('what an engine needs for itself lies on top of its share', () => {
  const { memory } = memoryOf(3, 8, 1)
  assert.equal(memory.itemBytes, Math.floor((100 * MEGABYTE) / 6))
  assert.ok(memory.totalBytes > memory.itemBytes + memory.backlogBytes)
})

test('no share shrinks because a member has failed; it does when the member is removed', () => {
  const { document, bucket, memory } = memoryOf(3, 8, 1)
  const member = memberById(document, 3)
  assert.ok(member)
  member.membership = 'inactiveFailed'
  assert.equal(engineMemory(document, bucket).itemBytes, memory.itemBytes)
  document.members.pop()
  assert.ok(engineMemory(document, bucket).itemBytes < memory.itemBytes)
})

test('a node joins with a quota that it has the memory for, or nearly', () => {
  const megabytes = memoryQuotaRange(4096 * MEGABYTE).megabytesMax
  assert.equal(quotaTooLarge(megabytes, 4096 * MEGABYTE), null)
  assert.equal(quotaTooLarge(megabytes + 50, 4096 * MEGABYTE), null)
  assert.match(
    quotaTooLarge(megabytes + 51, 4096 * MEGABYTE) ?? '',
    /sufficient memory .* Total quota is 3327MB, maximum allowed quota for the node is 3276MB\.$/,
  )
})
