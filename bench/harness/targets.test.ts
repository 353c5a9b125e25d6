import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gridTables } from './grid-tables.ts'
import { sampleCell, sampleSeries } from './sample-results.ts'
import { judgeTargets } from './targets.ts'

test('a target is judged by its worst cell', () => {
  const peer = sampleSeries('nutcracker', [{ proxyCpuUsPerOp: 10 }])
  const verdicts = judgeTargets([
    {
      cell: sampleCell({ connections: 50 }),
      series: [peer, sampleSeries('holdfast', [{ proxyCpuUsPerOp: 9, p99Us: 150 }])],
    },
    {
      cell: sampleCell({ connections: 500 }),
      series: [peer, sampleSeries('holdfast', [{ proxyCpuUsPerOp: 11, p99Us: 100 }])],
    },
    {
      cell: sampleCell({ connections: 1 }),
      series: [peer, sampleSeries('holdfast', [{ proxyCpuUsPerOp: 99, p99Us: 999 }])],
    },
  ])
  assert.deepEqual(
    verdicts.map(({ worst, worstCell, met }) => ({ worst, worstCell, met })),
    [
      { worst: '1.10x', worstCell: 'memcached/500c/d1/100B/saturation', met: false },
      { worst: '0.75x', worstCell: 'memcached/50c/d1/100B/saturation', met: true },
    ],
  )
})

test('a failed run or a rate not kept misses the target', () => {
  const verdicts = judgeTargets([
    {
      cell: sampleCell(),
      series: [sampleSeries('nutcracker', [{}]), sampleSeries('holdfast', [null])],
    },
    {
      cell: sampleCell({ opsPerSecond: 20_000 }),
      series: [
        sampleSeries('nutcracker', [{}]),
        sampleSeries('holdfast', [{ operations: 20_000, p99Us: 100 }]),
      ],
    },
  ])
  assert.equal(verdicts.length, 3)
  assert.ok(verdicts.every(({ met }) => !met))
})

test('the tables name the load, the candidate, and what a reader must know', () => {
  const text = gridTables([
    {
      cell: sampleCell({ opsPerSecond: 20_000 }),
      series: [
        sampleSeries('nutcracker', [{ proxyCpuUsPerOp: 20 }]),
        sampleSeries('holdfast', [{ proxyCpuUsPerOp: 5, misses: 3 }]),
        sampleSeries('direct', [{ proxyCpuUsPerOp: 0, operations: 20_000 }]),
      ],
    },
  ]).join('\n')
  assert.match(text, /## Backend memcached, at 20000 ops\/s/)
  assert.match(text, /\| 50c d1 100B \| holdfast +\| +5\.00 \| +5\.00 \| +0\.25x \|.* 3 misses \|/)
  assert.match(text, /\| direct +\| +— \|.* could not keep the rate \|/)
})
