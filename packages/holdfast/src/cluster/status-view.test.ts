import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ClusterPicture, judge, statusLines } from './status-view.ts'

const node = {
  hostname: 'a:8091',
  role: 'data' as const,
  group: 'Group 1',
  health: 'healthy',
  membership: 'active',
  leads: true,
  items: 5,
  version: '1',
}
const bucket = {
  name: 'default',
  type: 'membase',
  items: 5,
  memoryBytes: 3 * 1024 * 1024,
  quotaBytes: 100 * 1024 * 1024,
  copiesWanted: 2,
  vBuckets: 1024,
  unserved: 0,
  degraded: 0,
}
const healthy: ClusterPicture = {
  address: 'a:8091',
  nodes: [node, { ...node, hostname: 'b:8091', leads: false, items: 0 }],
  buckets: [bucket],
  shards: { total: 8, writable: 8, whole: 8 },
  hasLeader: true,
  rebalance: { running: false, fraction: 0, detail: '', errorMessage: '' },
  rebalanceNeeded: false,
  autoFailover: { enabled: true, timeout: 0.4, count: 0 },
  alerts: [],
  events: [{ tstamp: 0, type: 'warning', text: 'c:8091 failed over' }],
}

test('the picture of a healthy cluster', () => {
  const lines = statusLines(healthy, (_colour, text) => text, 61_000)
  assert.equal(
    lines.join('\n'),
    `cluster healthy as a:8091 sees it

node    role          group    health   state   items
a:8091  data, leader  Group 1  healthy  active  5
b:8091  data          Group 1  healthy  active  0

bucket   type     items  memory       copies  state
default  membase  5      3 of 100 MB  2       whole

shards         8 of 8 with every copy
rebalance      none
auto-failover  on, after 0.4 s, 0 made
1 min 1 s ago c:8091 failed over`,
  )
})

test('fewer copies or a node away is degraded', () => {
  assert.equal(judge(healthy).verdict, 'healthy')
  for (const picture of [
    { ...healthy, buckets: [{ ...bucket, degraded: 128 }] },
    { ...healthy, nodes: [{ ...node, health: 'unhealthy' }] },
    { ...healthy, nodes: [{ ...node, membership: 'inactiveFailed' }] },
    { ...healthy, shards: { total: 8, writable: 8, whole: 7 } },
  ]) {
    const { verdict, reasons } = judge(picture)
    assert.equal(verdict, 'degraded')
    assert.equal(reasons.length, 1)
  }
})

test('no leader, or data that nobody serves, is unavailable', () => {
  for (const picture of [
    { ...healthy, hasLeader: false },
    { ...healthy, buckets: [{ ...bucket, unserved: 128 }] },
    { ...healthy, shards: { total: 8, writable: 7, whole: 7 } },
  ]) {
    assert.equal(judge(picture).verdict, 'unavailable')
  }
})

test('a node that is added and waits for a rebalance is nothing wrong', () => {
  const waiting = { ...node, membership: 'inactiveAdded', health: 'warmup' }
  const picture = { ...healthy, nodes: [node, waiting], rebalanceNeeded: true }
  assert.equal(judge(picture).verdict, 'healthy')
})
