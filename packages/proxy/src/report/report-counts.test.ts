import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Outcome } from '@holdfast/client'
import { LATENCY_STEPS, latencyStep, Op } from '@holdfast/protocol'
import type { FollowedSource } from '../followed-source.ts'
import { LATENCY_CLASSES } from '../latency-classes.ts'
import { Statistics } from '../statistics.ts'
import { OUTCOME_COUNT, type ProxySnapshot, type StatisticsSnapshot } from '../stats-snapshot.ts'
import { ReportCounts } from './report-counts.ts'

const FOLLOWED: FollowedSource = {
  source: 'store',
  url: 'http://n1:8091/pools/default/bucketsStreaming/sessions',
  buckets: [{ name: 'sessions', rev: 9, countedAs: ['default'] }],
}
const IDENTITY = { id: 'x', hostname: 'app1', pid: 1, version: '1' }

/** So many gets of 1 ms, and so many failed sets of 20 ms. */
function statisticsOf(gets: number, failedSets: number): StatisticsSnapshot {
  const snapshot = new Statistics().snapshot()
  const replies = [...snapshot.replies]
  const latencySteps = [...snapshot.latencySteps]
  replies[Op.Get * OUTCOME_COUNT + Outcome.Hit] = gets
  replies[Op.Set * OUTCOME_COUNT + Outcome.Failed] = failedSets
  latencySteps[LATENCY_CLASSES.indexOf('read') * LATENCY_STEPS + latencyStep(1000)] = gets
  latencySteps[LATENCY_CLASSES.indexOf('store') * LATENCY_STEPS + latencyStep(20_000)] = failedSets
  const counts = { ...snapshot.counts, currentConnections: 2 }
  return { ...snapshot, replies, latencySteps, counts }
}

function snapshotOf(pid: number, gets: number, failedSets = 0): ProxySnapshot {
  return {
    ...{ version: '1', pid, startedAtMs: 0, workers: 1, draining: false },
    ...{ cpuUserSeconds: 0, cpuSystemSeconds: 0, slow: { seen: 0, suppressed: 0 } },
    unbound: statisticsOf(0, 0),
    buckets: [
      {
        name: 'default',
        statistics: statisticsOf(gets, failedSets),
        source: { configRev: 9, configsReceived: 1, configsRefused: 0 },
        backend: { kind: 'cluster', usable: true, outstanding: 0, servers: [], counters: {} },
      },
    ],
    clients: [{ address: '10.0.0.1', connections: 2 }],
    followed: [FOLLOWED],
  }
}

test('a report has what was counted since the one before, under the name at the store', () => {
  const counts = new ReportCounts(IDENTITY, 1000)
  counts.due([snapshotOf(1, 10, 1)], 3000)
  const [due, ...others] = counts.due([snapshotOf(1, 14, 3)], 5000)
  assert.deepEqual(others, [])
  assert.deepEqual(due?.followed, FOLLOWED)
  assert.deepEqual(due?.report, {
    ...IDENTITY,
    uptimeSeconds: 4,
    intervalMs: 2000,
    clients: [{ address: '10.0.0.1', connections: 2 }],
    source: 'store',
    buckets: [
      {
        ...{ name: 'sessions', rev: 9, connections: 2, operations: 6, errors: 2, errorsTotal: 3 },
        gets: [[latencyStep(1000), 4]],
        sets: [[latencyStep(20_000), 2]],
      },
    ],
  })
})

test('workers are one proxy; one that misses a turn makes no peak', () => {
  const counts = new ReportCounts(IDENTITY, 0)
  const operations = (snapshots: ProxySnapshot[], nowMs: number): number | undefined =>
    counts.due(snapshots, nowMs)[0]?.report.buckets[0]?.operations
  assert.equal(operations([snapshotOf(1, 1000), snapshotOf(2, 2000)], 2000), 3000)
  assert.equal(operations([snapshotOf(1, 1001)], 4000), 1)
  assert.equal(operations([snapshotOf(1, 1002), snapshotOf(2, 2003)], 6000), 4)
})

test('counters that were set back count as nothing once', () => {
  const counts = new ReportCounts(IDENTITY, 0)
  const operations = (gets: number, nowMs: number): number | undefined =>
    counts.due([snapshotOf(1, gets)], nowMs)[0]?.report.buckets[0]?.operations
  assert.equal(operations(500, 2000), 500)
  assert.equal(operations(3, 4000), 0)
  assert.equal(operations(5, 6000), 2)
})

test('without an open stream of a Holdfast store there is nothing to report', () => {
  const counts = new ReportCounts(IDENTITY, 0)
  assert.deepEqual(counts.due([{ ...snapshotOf(1, 5), followed: [] }], 2000), [])
})
