import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stats } from '../../rest/types.ts'
import { BUCKET_CHARTS, seriesOf, tableOf } from './chart-list.ts'

const stats: Stats = {
  op: {
    samples: { timestamp: [1000, 2000], ops: [5, 6], cmd_get: [3, 4], hit_ratio: [97.44, 100] },
    samplesCount: 60,
    isPersistent: true,
    lastTStamp: 2000,
    interval: 1000,
  },
  hot_keys: [],
}

test('a chart shows the statistics that are told and leaves out the others', () => {
  const [operations, hits, gets] = BUCKET_CHARTS
  assert.ok(operations && hits && gets)
  const names = seriesOf(operations, stats).map(({ name }) => name)
  assert.deepEqual(names, ['all', 'gets'])
  assert.deepEqual(seriesOf(gets, stats), [])
})

test('the table says what the charts show, newest first', () => {
  const table = tableOf(BUCKET_CHARTS, stats)
  assert.deepEqual(table.columns, ['Operations, all', 'Operations, gets', 'Hit rate'])
  assert.deepEqual(table.rows, [
    { timeMs: 2000, cells: ['6', '4', '100 %'] },
    { timeMs: 1000, cells: ['5', '3', '97.4 %'] },
  ])
})
