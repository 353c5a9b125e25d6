import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topology } from '../../mock/answers/pool.ts'
import { MockCluster } from '../../mock/simulation.ts'
import { nextAction } from './next-action.ts'

const hostnames = ['a:8091', 'b:8091', 'c:8091']

function cluster(nodes: number): { mock: MockCluster; pass: (seconds: number) => void } {
  let nowMs = 1_000_000_000_000
  const mock = new MockCluster({ hostnames: hostnames.slice(0, nodes) }, () => nowMs)
  const pass = (seconds: number): void => {
    for (let n = 0; n < seconds * 2; n++) {
      nowMs += 500
      mock.tick()
    }
  }
  return { mock, pass }
}

const labelOf = (mock: MockCluster) => nextAction(topology(mock))?.label

test('a healthy cluster asks for nothing', () => {
  const { mock } = cluster(3)
  assert.equal(nextAction(topology(mock)), null)
})

test('the story of two nodes: fail over, remove, add', () => {
  const { mock, pass } = cluster(2)
  const [, second] = mock.state.nodes
  assert.ok(second)
  mock.kill(second)
  pass(30)
  assert.equal(topology(mock).health.word, 'unavailable')
  assert.equal(labelOf(mock), 'Fail over b:8091')
  mock.failOver(second, false)
  assert.equal(labelOf(mock), 'Remove or replace b:8091')
  mock.startRebalance([])
  pass(10)
  assert.equal(labelOf(mock), 'Add a server')
})

test('a node that comes back after its failover is to be re-added, then to be rebalanced', () => {
  const { mock, pass } = cluster(3)
  const third = mock.state.nodes[2]
  assert.ok(third)
  mock.kill(third)
  pass(10)
  assert.equal(third.membership, 'inactiveFailed')
  assert.equal(topology(mock).health.word, 'healthy')
  mock.heal(third)
  assert.equal(labelOf(mock), 'Re-add c:8091')
  third.membership = 'inactiveAdded'
  assert.equal(labelOf(mock), 'Rebalance')
  mock.startRebalance([])
  assert.equal(labelOf(mock), 'Watch the rebalance')
  pass(60)
  assert.equal(labelOf(mock), undefined)
})
