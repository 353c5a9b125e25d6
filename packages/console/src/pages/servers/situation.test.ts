import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topology } from '../../mock/answers/pool.ts'
import { MockCluster } from '../../mock/simulation.ts'
import type { AutoFailover } from '../../rest/types.ts'
import { rebalanceForm } from './marks.ts'
import { rowsOf } from './server-row.ts'
import { situationsOf } from './situation.ts'

const AUTOMATIC: AutoFailover = { enabled: true, timeout: 0.5, count: 0, maxCount: 1 }

function cluster(nodes: number): MockCluster {
  const hostnames = Array.from({ length: nodes }, (_, index) => `10.0.0.${index + 1}:8091`)
  return new MockCluster({ hostnames })
}

function last(of: MockCluster) {
  const node = of.state.nodes.at(-1)
  assert.ok(node)
  return node
}

test('a healthy cluster has no situation', () => {
  const facts = { topology: topology(cluster(3)), autoFailover: AUTOMATIC, alerts: [] }
  assert.deepEqual(situationsOf(facts), [])
})

test('one of two servers dead: why nothing happens by itself, and remove as the first step', () => {
  const pair = cluster(2)
  const dead = last(pair)
  pair.kill(dead)
  const [first] = situationsOf({ topology: topology(pair), autoFailover: AUTOMATIC, alerts: [] })
  assert.equal(first?.tone, 'bad')
  assert.equal(first?.title, '10.0.0.2:8091 does not answer')
  assert.match(first?.lines.join(' ') ?? '', /1 of 2 servers are no majority/)
  assert.match(first?.lines.join(' ') ?? '', /remove it, then rebalance/)
  assert.deepEqual(
    first?.steps.map(({ kind }) => kind),
    ['remove', 'failOver'],
  )
})

test('items that only the dead server has are counted', () => {
  const pair = cluster(2)
  const [bucket] = pair.state.buckets
  assert.ok(bucket)
  const dead = last(pair)
  for (const shard of bucket.shards) {
    shard.copies = shard.copies.filter((copy) => copy.node === shard.primary)
  }
  pair.kill(dead)
  const [first] = situationsOf({ topology: topology(pair), autoFailover: AUTOMATIC, alerts: [] })
  assert.match(first?.lines[0] ?? '', /[\d,]+ items in \d+ shards have no other copy/)
})

test('with a majority the page says when the failover comes, or why the cluster refused it', () => {
  const three = cluster(3)
  const dead = last(three)
  three.kill(dead)
  const facts = { topology: topology(three), autoFailover: AUTOMATIC }
  const [waiting] = situationsOf({ ...facts, alerts: [] })
  assert.match(waiting?.lines[1] ?? '', /failed over by itself after 0.5 s/)
  const text = `Could not fail over node "${dead.otpNode}": as many as allowed have happened.`
  const [refused] = situationsOf({
    ...facts,
    alerts: [{ key: 'auto_failover_maximum_reached', text }],
  })
  assert.equal(refused?.lines[1], text)
})

test('a failed-over server leaves with the next rebalance, a down one without being re-added', () => {
  const three = cluster(3)
  const dead = last(three)
  three.kill(dead)
  three.failOver(dead, true)
  const spent = { ...AUTOMATIC, count: 1 }
  const down = situationsOf({ topology: topology(three), autoFailover: spent, alerts: [] })
  assert.deepEqual(
    down.flatMap(({ steps }) => steps.map(({ kind }) => kind)),
    ['rebalance', 'resetCount'],
  )
  three.heal(dead)
  const [back] = situationsOf({ topology: topology(three), autoFailover: spent, alerts: [] })
  assert.equal(back?.steps[0]?.kind, 'reAdd')
  const rows = rowsOf(topology(three), null, new Set())
  assert.equal(rebalanceForm(rows).ejectedNodes, dead.otpNode)
  assert.equal(rebalanceForm(rows).knownNodes.split(',').length, 3)
})

test('a mark counts for a server that is up, and not for one that died after it', () => {
  const three = cluster(3)
  const leaving = last(three)
  const marks = new Set([leaving.otpNode])
  const before = rowsOf(topology(three), null, marks).at(-1)
  assert.deepEqual([before?.next, before?.marked], ['leaves', true])
  three.kill(leaving)
  const after = rowsOf(topology(three), null, marks).at(-1)
  assert.deepEqual([after?.next, after?.marked], [null, false])
})
