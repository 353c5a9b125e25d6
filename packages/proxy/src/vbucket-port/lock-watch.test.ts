import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LOCK_SECONDS_MAX, LockWatch, lockSeconds } from './lock-watch.ts'

test('a lock lasts as long as asked, and 15 s when that is nothing or too long', () => {
  assert.deepEqual([0, 1, 30, 31, 0xffff_ffff].map(lockSeconds), [15, 1, 30, 15, 15])
})

test('locks are looked for as long as any may last, and a while longer', () => {
  const watch = new LockWatch(1000)
  assert.ok(watch.mayHold(1000 + LOCK_SECONDS_MAX * 1000))
  assert.ok(!watch.mayHold(1000 + 61_000))
  watch.extend(100_000)
  assert.ok(watch.mayHold(100_000 + LOCK_SECONDS_MAX * 1000 + 1))
  assert.ok(!watch.mayHold(161_000))
})
