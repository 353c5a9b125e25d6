import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationText, makeProgress, restMs } from './progress.ts'

test('without a terminal a line is written at each full ten percent, with an estimate', () => {
  const lines: string[] = []
  let nowMs = 0
  const progress = makeProgress({
    label: 'rebalance',
    kind: 'lines',
    write: (line) => lines.push(line),
    nowMs: () => nowMs,
  })
  progress.update(0, '3 of 3 nodes')
  nowMs = 1000
  progress.update(0.05, '3 of 3 nodes')
  progress.update(0.25, '2 of 3 nodes')
  progress.stop()
  assert.deepEqual(lines, [
    'INFO: rebalance 0 %, 3 of 3 nodes',
    'INFO: rebalance 25 %, 2 of 3 nodes, about 3 s left',
  ])
})

test('nothing is written where standard output is for a program', () => {
  const lines: string[] = []
  const progress = makeProgress({ label: 'x', kind: 'none', write: (line) => lines.push(line) })
  progress.update(0.5, '')
  assert.deepEqual(lines, [])
})

test('no estimate is made of nothing', () => {
  assert.equal(restMs(0.5, 0.5, 10_000), null)
  assert.equal(restMs(0, 0.5, 100), null)
  assert.equal(restMs(0, 0.5, 10_000), 10_000)
})

test('durations are in the units that matter', () => {
  assert.equal(durationText(4100), '5 s')
  assert.equal(durationText(184_000), '3 min 4 s')
  assert.equal(durationText(3_720_000), '1 h 2 min')
})
