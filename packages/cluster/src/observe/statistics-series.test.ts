import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeSeries, nodeStatsAnswer, statsAnswer, windowOf } from './statistics-series.ts'
import type { Series } from './statistics-store.ts'

const NOW_MS = 1_700_000_000_500

test('a zoom is an archive of the original; resampled it has sixty samples', () => {
  const stepsOf = (zoom: string, more = {}) => {
    const { stepMs, count } = windowOf({ zoom, ...more }, NOW_MS) ?? { stepMs: 0, count: 0 }
    return [stepMs, count]
  }
  assert.deepEqual(stepsOf('minute'), [1000, 60])
  assert.deepEqual(stepsOf('hour'), [4000, 900])
  assert.deepEqual(stepsOf('day'), [60_000, 1440])
  assert.deepEqual(stepsOf('hour', { resampleForUI: '1' }), [60_000, 60])
  assert.deepEqual(stepsOf('day', { resampleForUI: '1' }), [1_440_000, 60])
  assert.equal(windowOf({ zoom: 'century' }, NOW_MS), null)
})

test('what the caller has already is left out, but for the sample that it names', () => {
  const all = windowOf({}, NOW_MS)
  assert.equal(all?.fromMs, 1_700_000_000_000 - 59_000)
  assert.equal(windowOf({ haveTStamp: '1699999999000' }, NOW_MS)?.fromMs, 1_699_999_999_000)
  assert.equal(windowOf({ haveTStamp: '5' }, NOW_MS)?.fromMs, all?.fromMs)
})

const A: Series = {
  timestamps: [1, 2, 3],
  values: { cmd_get: [1, 2, 3], get_hits: [1, 1, 1], cpu_utilization_rate: [10, 10, 10] },
}
const B: Series = {
  timestamps: [2, 3, 4],
  values: { cmd_get: [10, 20, 30], get_hits: [5, 5, 5], cpu_utilization_rate: [30, 30, 30] },
}

test('nodes add up, shares are averaged, and what not every node has reached is left out', () => {
  const { timestamps, values } = mergeSeries([A, B])
  assert.deepEqual(timestamps, [1, 2, 3])
  assert.deepEqual(values.cmd_get, [1, 12, 23])
  assert.deepEqual(values.cpu_utilization_rate, [10, 20, 20])
  assert.deepEqual(values.hit_ratio, [100, 50, 26.087])
})

test('of times within which requests were answered the worst node counts', () => {
  const of = (ms: number): Series => ({ timestamps: [1], values: { get_p99_ms: [ms] } })
  assert.deepEqual(mergeSeries([of(2), of(30), of(0)]).values.get_p99_ms, [30])
})

test('a node that was not asked for a statistic has no part in it', () => {
  const arbiter: Series = { timestamps: [1, 2, 3], values: { proxy_connections: [7, 7, 7] } }
  const { values } = mergeSeries([A, arbiter])
  assert.deepEqual(values.cpu_utilization_rate, [10, 10, 10])
  assert.deepEqual(values.proxy_connections, [7, 7, 7])
})

test('a node without any samples hides nothing', () => {
  const { timestamps } = mergeSeries([A, { timestamps: [], values: { cmd_get: [] } }])
  assert.deepEqual(timestamps, [1, 2, 3])
  assert.deepEqual(mergeSeries([]).timestamps, [])
})

test('the answer has the members of the original', () => {
  const window = windowOf({}, NOW_MS)
  assert.ok(window)
  const { op, hot_keys } = statsAnswer(mergeSeries([A]), window, true)
  assert.deepEqual(hot_keys, [])
  assert.deepEqual(op.samples.timestamp, [1, 2, 3])
  const { samplesCount, isPersistent, lastTStamp, interval } = op
  assert.deepEqual(
    { samplesCount, isPersistent, lastTStamp, interval },
    { samplesCount: 60, isPersistent: true, lastTStamp: 3, interval: 1000 },
  )
})

test('one statistic is shown node by node, derived ones too', () => {
  const window = windowOf({}, NOW_MS)
  assert.ok(window)
  const byNode = new Map([
    ['a:1', A],
    ['b:1', B],
  ])
  const of = (stat: string) => nodeStatsAnswer(byNode, { stat, window, isPersistent: true })
  assert.deepEqual(of('cmd_get').nodeStats, { 'a:1': [1, 2, 3], 'b:1': [0, 10, 20] })
  assert.deepEqual(of('hit_ratio').nodeStats['b:1'], [0, 50, 25])
})
