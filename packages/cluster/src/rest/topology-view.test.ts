import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ClusterDocument, otpNodeOf } from '../document/cluster-document.ts'
import { type EngineStatus, type MemberStatus, UNKNOWN_STATUS } from '../membership/messages.ts'
import { picturesOf } from '../reconcile/picture.ts'
import { documentOf, documentWithBucket } from '../test-support/fixtures.ts'
import { type ClusterHealth, clusterHealth } from './cluster-health.ts'
import { topologyView } from './topology-view.ts'
import type { ViewSource } from './views.ts'

const ITEMS = 100

interface World {
  /** Members that are not heard; their engines are dead. */
  away?: readonly number[]
  leader?: number | null
  /** Changes what an engine says of itself. */
  change?: (member: number, shard: number, status: EngineStatus) => Partial<EngineStatus>
}

/** Every engine of the document runs as the document has it. */
function sourceOf(document: ClusterDocument, { away = [], change }: World = {}): ViewSource {
  const idOf = (member: number | null, shard: number): string => `${member}-${shard}`
  const engineOf = (member: number, bucketUuid: string, shard: number): EngineStatus | null => {
    const bucket = document.buckets.find(({ uuid }) => uuid === bucketUuid)
    const { primary, replicas = [], instances = [] } = bucket?.shards[shard] ?? {}
    const port = instances.find((i) => i.member === member)?.port
    if (!bucket || port === undefined) return null
    const isPrimary = primary === member
    const status: EngineStatus = {
      ...UNKNOWN_STATUS,
      ...{ bucket: bucket.uuid, shard, port, state: 'running', engineId: idOf(member, shard) },
      ...{ role: isPrimary ? 'primary' : 'replica', linkUp: !isPrimary, items: ITEMS },
      ...{ primaryId: isPrimary ? '' : idOf(primary ?? null, shard), memoryBytes: 1000 },
      slots: isPrimary ? [[shard * 16, shard * 16]] : [],
      usage: {
        ...{ itemBytes: 900, itemBytesMax: 0, diskBytes: 0, opsPerSec: 0 },
        ...{ hits: 0, misses: 0, evicted: 0, expired: 0 },
        ...(isPrimary ? { replicas: lagging(document, bucket.uuid, shard, replicas) } : {}),
      },
    }
    return { ...status, ...change?.(member, shard, status) }
  }
  const statusOf = (member: number): MemberStatus => ({
    ...{ seq: 1, uptimeSeconds: 1, memoryTotalBytes: 1, memoryFreeBytes: 1, stopping: false },
    engines: document.buckets.flatMap((bucket) =>
      bucket.shards.flatMap((_, shard) => engineOf(member, bucket.uuid, shard) ?? []),
    ),
  })
  const isLive = (member: number): boolean => !away.includes(member)
  return {
    document,
    self: 1,
    version: '1.2.3',
    isLive,
    status: statusOf,
    pictures: () =>
      picturesOf(document, {
        isLive,
        isGone: (member) => !isLive(member),
        isRefused: (member) => !isLive(member),
        isStopping: () => false,
        status: (member, bucketUuid, shard) => engineOf(member, bucketUuid, shard),
        look: () => ({ kind: 'refused' }),
      }),
  }
}

function lagging(document: ClusterDocument, uuid: string, shard: number, members: number[]) {
  const instances = document.buckets.find((b) => b.uuid === uuid)?.shards[shard]?.instances ?? []
  return instances
    .filter(({ member }) => members.includes(member))
    .map(({ member, port }) => ({ host: `host-${member}`, port, lagBytes: 10 * member }))
}

function healthOf(document: ClusterDocument, world: World = {}): ClusterHealth {
  const source = sourceOf(document, world)
  const isLive = (member: number): boolean => source.isLive(member)
  const leader = world.leader === undefined ? 1 : world.leader
  return clusterHealth({ document, pictures: source.pictures(), isLive, leader })
}

test('a whole cluster is healthy, without a reason', () => {
  assert.deepEqual(healthOf(documentWithBucket(3)), { word: 'healthy', reasons: [] })
})

test('without a bucket there is nothing to serve', () => {
  assert.deepEqual(healthOf(documentOf(2)), {
    word: 'noBuckets',
    reasons: ['There is no bucket.'],
  })
})

test('a dead server whose shards nobody leads yet makes them unavailable', () => {
  const document = documentWithBucket(2)
  const { word, reasons } = healthOf(document, { away: [2], leader: null })
  assert.equal(word, 'unavailable')
  assert.equal(reasons[0], 'Bucket "default": 2 of 4 shards have no primary that serves.')
  assert.ok(reasons.includes('Not answering: host-2:8091.'), reasons.join())
  assert.ok(reasons.some((reason) => /^No majority/.test(reason)))
})

test('after the failover all is served, with fewer copies than wished for', () => {
  const document = documentWithBucket(2)
  for (const member of document.members) if (member.id === 2) member.membership = 'inactiveFailed'
  for (const shard of document.buckets.flatMap((bucket) => bucket.shards)) {
    shard.primary = 1
    shard.replicas = []
  }
  const { word, reasons } = healthOf(document, { away: [2] })
  assert.equal(word, 'degraded')
  assert.deepEqual(reasons, [
    'Failed over: host-2:8091.',
    'Bucket "default": 4 of 4 shards have fewer copies than wished for.',
  ])
})

test('a server alone cannot have the copies that its bucket wishes for', () => {
  assert.equal(healthOf(documentWithBucket(1)).word, 'degraded')
  assert.equal(healthOf(documentWithBucket(1, { replicaCount: 0 })).word, 'healthy')
})

test('a rebalance is named, and why it stands still', () => {
  const document = documentWithBucket(3)
  document.rebalancing = true
  assert.equal(healthOf(document).word, 'rebalancing')
  document.rebalance.trouble = 'Rebalance stands still.'
  assert.deepEqual(healthOf(document).reasons, ['Rebalance stands still.'])
})

test('a replica that has lost its primary does not count as a copy', () => {
  const document = documentWithBucket(2)
  const change: World['change'] = (_member, shard, { role }) =>
    shard === 0 && role === 'replica' ? { linkUp: false } : {}
  const { word, reasons } = healthOf(document, { change })
  assert.equal(word, 'degraded')
  assert.deepEqual(reasons, ['Bucket "default": 1 of 4 shards has fewer copies than wished for.'])
})

// biome-ignore lint/suspicious/noExplicitAny: a view is checked member by member
function viewOf(document: ClusterDocument, world: World = {}): any {
  return topologyView(sourceOf(document, world), 1)
}

test('nodes show what they lead and hold, and who is the leader', () => {
  const document = documentWithBucket(2)
  const { nodes, leader } = viewOf(document)
  assert.equal(leader, 'ns_1@host-1')
  assert.deepEqual(nodes[1], {
    ...{ otpNode: 'ns_1@host-2', hostname: 'host-2:8091', serverGroup: 'Group 1' },
    ...{ arbiter: false, clusterMembership: 'active', status: 'healthy', isLeader: false },
    ...{ vBuckets: { active: 512, replica: 512 }, engines: { running: 4, wanted: 4 } },
  })
})

test('every copy of every shard is there, with what it holds and how far it is behind', () => {
  const document = documentWithBucket(3)
  const [bucket] = viewOf(document).buckets
  assert.deepEqual([bucket.name, bucket.replicaNumber, bucket.wantedReplicas], ['default', 1, 1])
  for (const [index, shard] of document.buckets[0]?.shards.entries() ?? []) {
    const shown = bucket.shards[index]
    assert.deepEqual(shown.vBuckets, [index * 256, index * 256 + 255])
    const nameOf = (id: number | null | undefined): string =>
      otpNodeOf({ host: `host-${id}`, restPort: 8091 })
    assert.equal(shown.primary, nameOf(shard.primary))
    const [replica = 0] = shard.replicas
    const copy = { items: ITEMS, memoryBytes: 1000, inSync: true, state: 'running' }
    const byRole = (role: string) => shown.copies.find((c: { role: string }) => c.role === role)
    assert.deepEqual(byRole('primary'), {
      ...{ otpNode: nameOf(shard.primary), role: 'primary', lagBytes: 0, ...copy },
    })
    assert.deepEqual(byRole('replica'), {
      ...{ otpNode: nameOf(replica), role: 'replica', lagBytes: 10 * replica, ...copy },
    })
  }
})

test('copies of a dead server are stopped, those of one that was failed over rest', () => {
  const document = documentWithBucket(2)
  const statesOf = (view: ReturnType<typeof viewOf>) =>
    new Set(
      view.buckets[0].shards
        .flatMap((s: { copies: { otpNode: string; state: string }[] }) => s.copies)
        .filter((c: { otpNode: string }) => c.otpNode === 'ns_1@host-2')
        .map((c: { state: string }) => c.state),
    )
  assert.deepEqual(statesOf(viewOf(document, { away: [2] })), new Set(['stopped']))
  for (const member of document.members) if (member.id === 2) member.membership = 'inactiveFailed'
  const view = viewOf(document, { away: [2] })
  assert.deepEqual(statesOf(view), new Set(['resting']))
  assert.deepEqual(view.nodes[1].engines, { running: 0, wanted: 0 })
})

test('a copy that is being made is syncing', () => {
  const document = documentWithBucket(2)
  const [shard] = document.buckets[0]?.shards ?? []
  if (shard) shard.replicas = []
  const copies = viewOf(document).buckets[0].shards[0].copies
  const replica = copies.find((c: { role: string }) => c.role === 'replica')
  assert.equal(replica.state, 'syncing')
  assert.equal(replica.inSync, false)
})
