import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countCopies, describeCopies, fewestCopies, hasFullCopies } from './bucket-copies.ts'

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

test('of several views the most cautious one counts', () => {
  const full = countCopies(bucket([0, 1]), new Set())
  const thin = countCopies(bucket([0, -1]), new Set())
  assert.equal(hasFullCopies(fewestCopies([full, thin])), false)
  assert.equal(hasFullCopies(fewestCopies([full, full])), true)
  assert.equal(hasFullCopies(fewestCopies([])), false)
})

test('shards with a copy that does not serve are described', () => {
  const well = { otpNode: 'n_1@a', role: 'primary', inSync: true, state: 'running' }
  const away = { otpNode: 'n_1@b', role: 'replica', inSync: false, state: 'silent' }
  const shards = [
    { shard: 0, copies: [well] },
    { shard: 1, copies: [well, away] },
  ]
  const health = { word: 'degraded', reasons: ['Not answering: b.'] }
  assert.deepEqual(describeCopies({ buckets: [{ name: 'default', shards }], health }), [
    'degraded: Not answering: b.',
    'shard 1 of default: primary on n_1@a is running and in sync, replica on n_1@b is silent',
  ])
})
