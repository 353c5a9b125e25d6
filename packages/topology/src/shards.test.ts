import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shardOfVbucket, shardRanges } from './shards.ts'
import { VBUCKETS } from './vbucket.ts'

test('shards cover every vBucket once, in order and as equally as can be', () => {
  for (let count = 1; count <= VBUCKETS; count++) {
    let next = 0
    const ranges = shardRanges(count)
    assert.equal(ranges.length, count)
    for (const [from, to] of ranges) {
      assert.equal(from, next)
      const size = to - from + 1
      assert.ok(size === Math.floor(VBUCKETS / count) || size === Math.ceil(VBUCKETS / count))
      next = to + 1
    }
    assert.equal(next, VBUCKETS)
  }
})

test('a vBucket is found in the shard whose range holds it', () => {
  for (const count of [1, 2, 3, 7, 8, 16, 100, 1000, 1023, 1024]) {
    shardRanges(count).forEach(([from, to], shard) => {
      for (let v = from; v <= to; v++) assert.equal(shardOfVbucket(v, count), shard)
    })
  }
})

test('a shard count outside 1..1024 is refused', () => {
  for (const count of [0, -1, 1025, 1.5]) assert.throws(() => shardRanges(count), RangeError)
})
