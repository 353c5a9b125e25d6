import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Copy, TopologyBucket, TopologyNode } from '../../rest/types.ts'
import { copyWords, sharesOf, stateOf, troubleSentences } from './bucket-copies.ts'

function node(name: string, more: Partial<TopologyNode> = {}): TopologyNode {
  return {
    otpNode: name,
    hostname: `${name}:8091`,
    serverGroup: 'Group 1',
    arbiter: false,
    clusterMembership: 'active',
    status: 'healthy',
    isLeader: false,
    vBuckets: { active: 0, replica: 0 },
    engines: { running: 0, wanted: 0 },
    ...more,
  }
}

function copy(otpNode: string, role: Copy['role'], more: Partial<Copy> = {}): Copy {
  const usual = { inSync: true, state: 'running', items: 10, memoryBytes: 100, lagBytes: 0 }
  return { otpNode, role, ...usual, ...more }
}

function bucketOf(...copies: Copy[][]): TopologyBucket {
  return {
    name: 'shop',
    type: 'membase',
    replicaNumber: 1,
    wantedReplicas: 1,
    shards: copies.map((list, shard) => ({
      shard,
      vBuckets: [shard * 512, shard * 512 + 511],
      primary: list.find(({ role }) => role === 'primary')?.otpNode ?? null,
      copies: list,
    })),
  }
}

const whole = bucketOf(
  [copy('a', 'primary'), copy('b', 'replica')],
  [copy('b', 'primary'), copy('a', 'replica', { inSync: false, lagBytes: 7 })],
)

test('a bucket has a word for shards that nobody serves, then for copies that are missing', () => {
  const nodes = [node('a'), node('b')]
  assert.equal(stateOf(bucketOf([copy('a', 'primary'), copy('b', 'replica')]), nodes).tone, 'good')
  const thin = stateOf(whole, nodes)
  assert.equal(thin.tone, 'warning')
  assert.match(thin.reason ?? '', /^1 of 2 shards have fewer/)
  const dead = stateOf(whole, [node('a', { status: 'unhealthy' }), node('b')])
  assert.equal(dead.tone, 'bad')
  assert.match(dead.reason ?? '', /^1 of 2 shards have no primary/)
})

test('a server is shown with what it leads and what it copies, an arbiter not at all', () => {
  const nodes = [node('a'), node('b'), node('c', { arbiter: true })]
  const health = { word: 'healthy' as const, reasons: [] }
  const shares = sharesOf(whole, { rev: 1, leader: 'a', nodes, buckets: [whole], health })
  assert.deepEqual(
    shares.map((share) => [share.node.otpNode, share.vBuckets, share.behind, share.lagBytes]),
    [
      ['a', { active: 512, replica: 512 }, 1, 7],
      ['b', { active: 512, replica: 512 }, 0, 0],
    ],
  )
})

test('a copy on a server that is away is not called in sync', () => {
  assert.equal(copyWords(copy('a', 'replica'), node('a')).word, 'in sync')
  assert.equal(copyWords(copy('a', 'replica'), node('a', { status: 'unhealthy' })).tone, 'bad')
  assert.equal(copyWords(copy('a', 'replica', { inSync: false }), node('a')).word, 'syncing')
})

test('troubles of engines are sentences', () => {
  assert.deepEqual(troubleSentences({ diskFull: 2 }), ['2 engines: the disk is full.'])
  assert.deepEqual(troubleSentences(), [])
})
