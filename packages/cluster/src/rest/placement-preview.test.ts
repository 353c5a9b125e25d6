import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ClusterDocument, type Member, otpNodeOf } from '../document/cluster-document.ts'
import { newMember } from '../document/new-document.ts'
import { type EngineStatus, UNKNOWN_STATUS } from '../membership/messages.ts'
import { startRebalance } from '../reconcile/member-changes.ts'
import { type BucketPicture, picturesOf } from '../reconcile/picture.ts'
import { documentWithBucket, memberAddress } from '../test-support/fixtures.ts'
import { previewFailover, previewRebalance } from './placement-preview.ts'

const ITEMS = 100
const BYTES = 1000

/** Every copy holds the same. */
function picturesFor(document: ClusterDocument): BucketPicture[] {
  const status = (bucket: string, shard: number): EngineStatus => ({
    ...UNKNOWN_STATUS,
    ...{ bucket, shard, port: 1, state: 'running', items: ITEMS, memoryBytes: BYTES },
  })
  return picturesOf(document, {
    isLive: () => true,
    isGone: () => false,
    isRefused: () => false,
    isStopping: () => false,
    status: (_member, bucket, shard) => status(bucket, shard),
    look: () => null,
  })
}

function preview(document: ClusterDocument, ejected: readonly number[] = []) {
  const draft = structuredClone(document)
  startRebalance(draft, new Set(ejected))
  return previewRebalance(draft, picturesFor(document), () => true)
}

function withAdded(document: ClusterDocument, id: number): ClusterDocument {
  const added: Member = newMember(id, `uuid-${id}`, memberAddress(id))
  document.members.push({ ...added, membership: 'inactiveAdded' })
  return document
}

const nameOf = (id: number): string => otpNodeOf(memberAddress(id))

test('a rebalance of what is level moves nothing', () => {
  const { moves, bytesToMove, copiesToMake } = preview(documentWithBucket(3))
  assert.deepEqual(
    { moves, bytesToMove, copiesToMake },
    {
      ...{ moves: [], bytesToMove: 0, copiesToMake: 0 },
    },
  )
})

test('an added server gets its share: what comes, what goes, and how much that is', () => {
  const { moves, bytesToMove, copiesToMake, vBucketsByNode } = preview(
    withAdded(documentWithBucket(3), 4),
  )
  const added = moves.filter(({ action }) => action === 'addCopy')
  assert.equal(added.length, 2, '8 copies on 4 servers')
  assert.deepEqual(new Set(added.map(({ otpNode }) => otpNode)), new Set([nameOf(4)]))
  assert.equal(copiesToMake, 2)
  assert.equal(bytesToMove, 2 * BYTES)
  assert.equal(moves.filter(({ action }) => action === 'removeCopy').length, 2)
  assert.deepEqual(vBucketsByNode[nameOf(4)]?.before, { active: 0, replica: 0 })
  const after = vBucketsByNode[nameOf(4)]?.after
  assert.equal((after?.active ?? 0) + (after?.replica ?? 0), 512)
  for (const move of added) {
    assert.deepEqual(move.vBuckets, [move.shard * 256, move.shard * 256 + 255])
    assert.equal(move.items, ITEMS)
  }
})

test('a server that leaves gives everything away', () => {
  const document = documentWithBucket(3)
  const { vBucketsByNode, moves } = preview(document, [2])
  assert.deepEqual(vBucketsByNode[nameOf(2)]?.after, { active: 0, replica: 0 })
  const held = document.buckets[0]?.shards.filter((s) => s.instances.some((i) => i.member === 2))
  const gone = moves.filter((m) => m.action === 'removeCopy' && m.otpNode === nameOf(2))
  assert.equal(gone.length, held?.length)
  const active = Object.values(vBucketsByNode).reduce((sum, { after }) => sum + after.active, 0)
  assert.equal(active, 1024)
})

test('failing over a server whose copies are elsewhere loses nothing', () => {
  const document = documentWithBucket(2)
  const [, target] = document.members
  assert.ok(target)
  assert.deepEqual(previewFailover(document, picturesFor(document), target), {
    vBuckets: { active: 512, replica: 512 },
    shardsWithoutCopy: [],
    itemsLost: 0,
    message: 'Other servers take over the 512 vBuckets that ns_1@host-2 leads. Nothing is lost.',
  })
})

test('failing over a server with the only copy of something says how much is lost', () => {
  const document = documentWithBucket(2)
  const [, target] = document.members
  assert.ok(target)
  const led = document.buckets[0]?.shards.filter(({ primary }) => primary === 2) ?? []
  for (const shard of led) shard.replicas = []
  const { shardsWithoutCopy, itemsLost, message } = previewFailover(
    document,
    picturesFor(document),
    target,
  )
  assert.equal(shardsWithoutCopy.length, 2)
  assert.equal(itemsLost, 2 * ITEMS)
  assert.match(message, /^2 shards have their only copy on ns_1@host-2: 200 items/)
})

test('copies on servers that were failed over themselves do not save anything', () => {
  const document = documentWithBucket(2)
  const [first, target] = document.members
  assert.ok(first && target)
  first.membership = 'inactiveFailed'
  const { shardsWithoutCopy } = previewFailover(document, picturesFor(document), target)
  assert.equal(shardsWithoutCopy.length, 2)
})
