import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ShardPlacement, wantedPlacement } from '@holdfast/topology'
import type { ClusterDocument } from '../document/cluster-document.ts'
import { memberById } from '../document/cluster-document.ts'
import { documentWithBucket } from '../test-support/fixtures.ts'
import type { BucketPicture } from './picture.ts'
import { picturesOf } from './picture.ts'
import { placementProgress, planMembers } from './plan-members.ts'

function picturesFor(document: ClusterDocument): BucketPicture[] {
  return picturesOf(document, {
    isLive: () => true,
    isGone: () => false,
    isRefused: () => false,
    isStopping: () => false,
    status: () => null,
    look: () => null,
  })
}

function wantedOf(document: ClusterDocument): (picture: BucketPicture) => ShardPlacement[] {
  const nodes = document.members.filter((m) => m.membership === 'active' && !m.ejecting)
  return (picture) =>
    wantedPlacement({
      nodes: nodes.filter((m) => !m.arbiter).map((m) => m.id),
      shards: picture.shards,
      replicaCount: picture.bucket.replicaCount,
    })
}

/** Plans and applies until nothing is left; the reasons, in order. */
function changesOf(document: ClusterDocument): string[] {
  const reasons: string[] = []
  for (let turn = 0; turn < 10; turn++) {
    const changes = planMembers(document, picturesFor(document), wantedOf(document))
    assert.ok(changes.length <= 1)
    for (const { why, change } of changes) {
      change(document)
      reasons.push(why)
    }
  }
  return reasons
}

test('nothing to do', () => {
  assert.deepEqual(changesOf(documentWithBucket(3)), [])
})

test('an arbiter gets one voting engine for each bucket, on a port of its own', () => {
  const document = documentWithBucket(3)
  const third = memberById(document, 3)
  assert.ok(third)
  third.arbiter = true
  third.host = 'arbiter'
  third.enginePorts = [15_000, 15_009]
  for (const shard of document.buckets[0]?.shards ?? []) {
    shard.instances = shard.instances.filter((i) => i.member !== 3)
  }
  assert.deepEqual(changesOf(document), ['voting engine of default on ns_1@arbiter'])
  assert.deepEqual(document.buckets[0]?.arbiterInstances, [{ member: 3, port: 15_000 }])
})

test('an arbiter that was failed over or is leaving gets none', () => {
  for (const change of [{ membership: 'inactiveFailed' as const }, { ejecting: true }]) {
    const document = documentWithBucket(2)
    const [, second] = document.members
    assert.ok(second)
    Object.assign(second, { arbiter: true }, change)
    assert.equal(document.buckets[0]?.arbiterInstances.length, 0)
    changesOf(document)
    assert.deepEqual(document.buckets[0]?.arbiterInstances, [])
  }
})

test('a draining member stays while it holds a copy', () => {
  const document = documentWithBucket(3)
  const third = memberById(document, 3)
  if (third) third.ejecting = true
  assert.deepEqual(changesOf(document), [])
  assert.ok(memberById(document, 3))
})

test('a draining member leaves when it holds none, its voting engine with it', () => {
  const document = documentWithBucket(3)
  const third = memberById(document, 3)
  const [bucket] = document.buckets
  assert.ok(third && bucket)
  third.ejecting = true
  for (const shard of bucket.shards) {
    shard.instances = shard.instances.filter((i) => i.member !== 3)
  }
  bucket.arbiterInstances.push({ member: 3, port: 12_050 })
  assert.deepEqual(changesOf(document), ['ns_1@host-3 leaves'])
  assert.equal(memberById(document, 3), undefined)
  assert.deepEqual(bucket.arbiterInstances, [])
})

test('a rebalance ends when every copy and role is in its place', () => {
  const document = documentWithBucket(3)
  document.rebalancing = true
  assert.deepEqual(changesOf(document), ['rebalance finished'])
  assert.equal(document.rebalancing, false)
})

test('a rebalance goes on while a copy is missing or somebody is leaving', () => {
  const missing = documentWithBucket(3)
  missing.rebalancing = true
  const [shard] = missing.buckets[0]?.shards ?? []
  shard?.replicas.splice(0)
  assert.deepEqual(changesOf(missing), [])
  const leaving = documentWithBucket(3)
  leaving.rebalancing = true
  const third = memberById(leaving, 3)
  if (third) third.ejecting = true
  assert.deepEqual(changesOf(leaving), [])
})

test('progress is the share of copies and roles that are in place', () => {
  const document = documentWithBucket(2)
  const wanted = (p: BucketPicture): ShardPlacement[] => wantedOf(document)(p)
  const progress = (): number => {
    const [picture] = picturesFor(document)
    return picture ? placementProgress(picture, wanted(picture)) : Number.NaN
  }
  assert.equal(progress(), 1)
  for (const shard of document.buckets[0]?.shards.slice(0, 2) ?? []) shard.replicas = []
  assert.equal(progress(), 6 / 8)
})
