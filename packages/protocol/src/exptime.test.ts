import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ttlFromExptime } from './exptime.ts'

const NOW_MS = Date.UTC(2026, 0, 1) + 250

test('an expiry time is never, gone, relative or absolute as in memcached', () => {
  const nowSeconds = Math.floor(NOW_MS / 1000)
  const cases: [exptime: number, ttlMs: number][] = [
    [0, -1],
    [-1, 0],
    [-100_000, 0],
    [1, 1000],
    [2_592_000, 2_592_000_000],
    [2_592_001, 0],
    [nowSeconds - 1, 0],
    [nowSeconds, 0],
    [nowSeconds + 1, 750],
    [nowSeconds + 31_536_000, 31_536_000_000 - 250],
  ]
  for (const [exptime, ttlMs] of cases) assert.equal(ttlFromExptime(exptime, NOW_MS), ttlMs)
})

test('a clock with fractions gives a whole number', () => {
  const exptime = Math.floor(NOW_MS / 1000) + 10
  assert.ok(Number.isInteger(ttlFromExptime(exptime, NOW_MS + 0.7)))
})
