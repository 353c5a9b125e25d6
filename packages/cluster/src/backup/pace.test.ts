import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pace } from './pace.ts'

test('portions are kept to the rate together', () => {
  let nowMs = 0
  const pace = new Pace(1000, () => nowMs)
  assert.equal(pace.waitAfter(100), 100)
  assert.equal(pace.waitAfter(100), 200)
  nowMs = 150
  assert.equal(pace.waitAfter(100), 150)
})

test('time that nobody used is not made up for', () => {
  let nowMs = 0
  const pace = new Pace(1000, () => nowMs)
  nowMs = 60_000
  assert.equal(pace.waitAfter(500), 500)
})
