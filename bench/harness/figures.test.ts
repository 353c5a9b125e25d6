import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOverloaded, type LoadResult, median, ratioTo, valuesOf } from './figures.ts'
import { sampleSeries } from './sample-results.ts'

const cpu = (result: LoadResult): number => result.proxyCpuUsPerOp

test('the median is the middle value, or the mean of the middle two', () => {
  assert.equal(median([9, 1, 5]), 5)
  assert.equal(median([4, 1, 2, 100]), 3)
  assert.ok(Number.isNaN(median([])))
})

test('a ratio compares within rounds, so that a slow round does not decide', () => {
  const peer = sampleSeries('peer', [
    { proxyCpuUsPerOp: 10 },
    { proxyCpuUsPerOp: 40 },
    { proxyCpuUsPerOp: 12 },
  ])
  const own = sampleSeries('own', [
    { proxyCpuUsPerOp: 5 },
    { proxyCpuUsPerOp: 20 },
    { proxyCpuUsPerOp: 9 },
  ])
  assert.equal(ratioTo(peer, own, cpu), 0.5)
})

test('failed rounds give no values and take no part in ratios', () => {
  const peer = sampleSeries('peer', [{ proxyCpuUsPerOp: 10 }, null])
  const own = sampleSeries('own', [null, { proxyCpuUsPerOp: 5 }])
  assert.deepEqual(valuesOf(own, cpu), [5])
  assert.ok(Number.isNaN(ratioTo(peer, own, cpu)))
})

test('an open loop that did less than its rate in most rounds is overloaded', () => {
  const kept = sampleSeries('kept', [{ operations: 39_900, seconds: 2 }])
  const behind = sampleSeries('behind', [{ operations: 30_000, seconds: 2 }, {}, { operations: 3 }])
  assert.equal(isOverloaded(kept, 20_000), false)
  assert.equal(isOverloaded(behind, 20_000), true)
})
