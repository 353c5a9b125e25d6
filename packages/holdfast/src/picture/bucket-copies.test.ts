import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countCopies, hasFullCopies } from './bucket-copies.ts'

function bucket(...vBucketMap: number[][]) {
  return { vBucketServerMap: { serverList: ['a:1', 'b:1', 'c:1'], vBucketMap } }
}

test('a vBucket with an active copy and a replica on live servers is replicated', () => {
  const copies = countCopies(bucket([0, 1], [1, 2]), new Set())
  assert.deepEqual(copies, { vBuckets: 2, active: 2, replicated: 2 })
  assert.equal(hasFullCopies(copies), true)
})

test('a missing copy and a copy on a dead server do not count', () => {
  const copies = countCopies(bucket([0, -1], [1, 2], [2, 0], [-1, 1]), new Set(['c:1']))
  assert.deepEqual(copies, { vBuckets: 4, active: 2, replicated: 0 })
  assert.equal(hasFullCopies(copies), false)
})

test('the active copy is not its own replica, and an empty map is not full', () => {
  assert.equal(countCopies(bucket([1, 1]), new Set()).replicated, 0)
  assert.equal(hasFullCopies(countCopies(bucket(), new Set())), false)
})
