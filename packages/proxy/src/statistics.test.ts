import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  Operation,
  Outcome,
  TIMEOUT_LINE,
  UPSTREAM_ORDER_SHARDS,
  type Upstream,
} from '@holdfast/client'
import { latencyStep, Op } from '@holdfast/protocol'
import { Statistics } from './statistics.ts'
import {
  commandsOf,
  latencyStepsOf,
  type ProxySnapshot,
  repliesOf,
  sumSnapshots,
  valueBytesOf,
} from './stats-snapshot.ts'

const upstream: Upstream = {
  readsOutstanding: new Int32Array(UPSTREAM_ORDER_SHARDS),
  writesOutstanding: new Int32Array(UPSTREAM_ORDER_SHARDS),
  slotSettled: () => {},
}

function operation(kind: Op, outcome: Outcome, line = ''): Operation {
  const made = new Operation(upstream, 0)
  made.kind = kind
  made.decide(outcome, line)
  return made
}

/** A get that found `bytes` bytes, a quiet set of `bytes` bytes, and a timeout. */
function busy(bytes: number): Statistics {
  const statistics = new Statistics()
  const hit = operation(Op.Get, Outcome.Hit)
  hit.resultEnd = bytes
  const set = operation(Op.Set, Outcome.Stored)
  set.noreply = true
  set.valueStart = 10
  set.valueEnd = 10 + bytes
  statistics.countReply(hit, 0.0001)
  statistics.countReply(set, 0.002)
  statistics.countReply(operation(Op.Get, Outcome.Failed, TIMEOUT_LINE), 5)
  statistics.countLocal(Op.Version)
  statistics.loginFailures++
  return statistics
}

test('replies are counted by command, outcome, manner, bytes and time', () => {
  const snapshot = busy(7).snapshot()
  assert.equal(repliesOf(snapshot, Op.Get, Outcome.Hit), 1)
  assert.equal(repliesOf(snapshot, Op.Get, Outcome.Hit, 'quiet'), 0)
  assert.equal(repliesOf(snapshot, Op.Set, Outcome.Stored, 'quiet'), 1)
  assert.equal(commandsOf(snapshot, Op.Get), 2)
  assert.equal(commandsOf(snapshot, Op.Version), 1)
  assert.equal(valueBytesOf(snapshot, 'valueBytesOut', Op.Get), 7)
  assert.equal(valueBytesOf(snapshot, 'valueBytesIn', Op.Set), 7)
  assert.equal(snapshot.counts.timeouts, 1)
  assert.equal(latencyStepsOf(snapshot, 'read')[latencyStep(100)], 1)
  assert.equal(latencyStepsOf(snapshot, 'store')[latencyStep(2000)], 1)
})

test('reset sets everything back but what is open', () => {
  const statistics = busy(7)
  statistics.currentConnections = 3
  statistics.reset()
  const { counts, ...tables } = statistics.snapshot()
  assert.deepEqual(
    Object.entries(counts).filter(([, count]) => count !== 0),
    [['currentConnections', 3]],
  )
  const { startedAtMs, ...lists } = tables
  assert.ok(startedAtMs > 0)
  for (const list of Object.values(lists)) assert.ok(list.every((count) => count === 0))
})

function proxyOf(statistics: Statistics, state: 'connected' | 'away'): ProxySnapshot {
  const server = { address: 'h:1', held: 1, outstanding: 2, connects: 3, failures: 4 }
  const only = { ...server, address: state, state: 'idle' } as const
  return {
    version: '1',
    pid: 1,
    startedAtMs: 1000,
    workers: 1,
    draining: false,
    cpuUserSeconds: 1,
    cpuSystemSeconds: 2,
    slow: { seen: 3, suppressed: 1 },
    unbound: new Statistics().snapshot(),
    buckets: [
      {
        name: 'default',
        statistics: statistics.snapshot(),
        source: { configRev: 4, configsReceived: 1, configsRefused: 0 },
        backend: {
          kind: 'memcached',
          usable: state === 'connected',
          outstanding: 5,
          servers: [{ ...server, state }, only],
          counters: { retries: 1, [state]: 1 },
        },
      },
    ],
    clients: [
      { address: '10.0.0.1', connections: 2 },
      { address: state, connections: 1 },
    ],
    followed: [
      {
        source: 'default',
        url: 'http://n1:8091/',
        buckets: [{ name: 'default', rev: state === 'away' ? 3 : 4, countedAs: ['default'] }],
      },
    ],
  }
}

test('snapshots of workers cross a process boundary and add up', () => {
  const snapshots = [proxyOf(busy(1), 'connected'), proxyOf(busy(2), 'away')]
  const sum = sumSnapshots(JSON.parse(JSON.stringify(snapshots)) as ProxySnapshot[])
  assert.equal(sum.workers, 2)
  assert.deepEqual(sum.slow, { seen: 6, suppressed: 2 })
  const [bucket] = sum.buckets
  assert.ok(bucket)
  assert.equal(sum.buckets.length, 1)
  assert.equal(valueBytesOf(bucket.statistics, 'valueBytesOut', Op.Get), 3)
  assert.equal(commandsOf(bucket.statistics, Op.Get), 4)
  assert.equal(bucket.statistics.counts.loginFailures, 2)
  assert.equal(bucket.backend.usable, false, 'every worker has to be able')
  assert.deepEqual(
    sum.clients.map(({ address, connections }) => `${address} ${connections}`),
    ['10.0.0.1 4', 'away 1', 'connected 1'],
  )
  const oldest = { name: 'default', rev: 3, countedAs: ['default'] }
  assert.deepEqual(sum.followed, [{ source: 'default', url: 'http://n1:8091/', buckets: [oldest] }])
  assert.deepEqual(bucket.backend.counters, { retries: 2, connected: 1, away: 1 })
  assert.deepEqual(
    bucket.backend.servers.map(({ address, state, held }) => [address, state, held]),
    [
      ['h:1', 'away', 2],
      ['connected', 'idle', 1],
      ['away', 'idle', 1],
    ],
  )
})
