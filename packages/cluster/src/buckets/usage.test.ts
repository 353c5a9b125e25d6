import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EngineStatus, MemberStatus } from '../membership/messages.ts'
import { UNKNOWN_STATUS } from '../membership/messages.ts'
import { documentWithBucket } from '../test-support/fixtures.ts'
import { MEGABYTE } from './quota.ts'
import { basicStats, bucketSummaries, bucketUsage } from './usage.ts'

const USAGE = { itemBytes: MEGABYTE, itemBytesMax: 0, diskBytes: 500, opsPerSec: 7 }
const COUNTS = { hits: 3, misses: 1, evicted: 0, expired: 0 }

/** Every engine of the bucket holds 10 items of 1 MB in all. */
function scene(nodes: number) {
  const document = documentWithBucket(nodes, { shardCount: 4 })
  const [bucket] = document.buckets
  assert.ok(bucket)
  const status = (member: number): MemberStatus => ({
    seq: 1,
    uptimeSeconds: 1,
    memoryTotalBytes: 1,
    memoryFreeBytes: 1,
    stopping: false,
    engines: bucket.shards.flatMap((shard, index): EngineStatus[] => {
      const port = shard.instances.find((i) => i.member === member)?.port
      if (port === undefined) return []
      const place = { bucket: bucket.uuid, shard: index, port, engineId: '' }
      const usage = { ...USAGE, ...COUNTS }
      return [{ ...UNKNOWN_STATUS, ...place, state: 'running', items: 10, usage }]
    }),
  })
  return { document, bucket, status }
}

test('items and operations are those of primaries, memory and disk those of all copies', () => {
  const { document, bucket, status } = scene(2)
  const usage = bucketUsage(document, bucket, status)
  assert.deepEqual(basicStats(document, bucket, usage), {
    quotaPercentUsed: 4,
    opsPerSec: 28,
    diskFetches: 0,
    hitRatio: 75,
    itemCount: 40,
    diskUsed: 4000,
    memUsed: 8 * MEGABYTE,
  })
})

test('engines in trouble are counted by kind', () => {
  const { document, bucket, status } = scene(2)
  const troubled = (member: number): MemberStatus => {
    const report = status(member)
    const [first] = report.engines
    if (first && member === 1) first.trouble = 'diskFull'
    return report
  }
  assert.deepEqual(bucketUsage(document, bucket, troubled).troubles, { diskFull: 1 })
})

test('members that have not reported yet count as empty', () => {
  const { document, bucket } = scene(2)
  assert.equal(bucketUsage(document, bucket, () => null).itemBytes, 0)
})

test('summaries: what is given, used and left, on the whole cluster', () => {
  const { document, bucket, status } = scene(2)
  document.memoryQuotaMegabytes = 300
  const disk = (): { totalBytes: number; freeBytes: number } => ({
    totalBytes: 10_000,
    freeBytes: 4000,
  })
  const wished = { name: bucket.name, megabytes: 120 }
  assert.deepEqual(bucketSummaries(document, wished, { status, disk }), {
    ramSummary: {
      total: 600 * MEGABYTE,
      otherBuckets: 0,
      nodesCount: 2,
      perNodeMegs: 120,
      thisAlloc: 240 * MEGABYTE,
      thisUsed: 8 * MEGABYTE,
      free: 360 * MEGABYTE,
    },
    hddSummary: { total: 20_000, otherData: 8000, otherBuckets: 0, thisUsed: 4000, free: 8000 },
  })
  const another = bucketSummaries(document, { name: 'new', megabytes: 100 }, { status, disk })
  assert.equal(another.ramSummary.otherBuckets, 200 * MEGABYTE)
  assert.equal(another.ramSummary.free, 200 * MEGABYTE)
})
