import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayStart } from './start-policy.ts'

const PRIMARY = { duty: 'primary', synced: true, created: true, granted: false } as const

test('a primary that held data waits for the leader to allow its start', () => {
  assert.equal(mayStart(PRIMARY), false)
  assert.equal(mayStart({ ...PRIMARY, granted: true }), true)
})

test('a primary of a shard that was never created starts', () => {
  assert.equal(mayStart({ ...PRIMARY, created: false }), true)
})

test('replicas and arbiters start', () => {
  assert.equal(mayStart({ ...PRIMARY, duty: 'replica' }), true)
  assert.equal(mayStart({ ...PRIMARY, duty: 'arbiter' }), true)
})

test('nothing starts by an old document, not even with a grant', () => {
  for (const duty of ['primary', 'replica', 'arbiter'] as const) {
    for (const created of [true, false]) {
      assert.equal(mayStart({ duty, synced: false, created, granted: true }), false)
    }
  }
})
