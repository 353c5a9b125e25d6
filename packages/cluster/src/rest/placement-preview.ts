/**
 * What a rebalance or a failover would do, before it does it: made with the placement that the
 * reconcile loop follows, from the document and what the engines report. Pure.
 */
import type { ShardPlacement } from '@holdfast/topology'
import {
  type Bucket,
  type ClusterDocument,
  isHolding,
  type Member,
  otpNodeOf,
  type Shard,
} from '../document/cluster-document.ts'
import type { BucketPicture } from '../reconcile/picture.ts'
import { wantedOf } from '../reconcile/wanted.ts'
import { rangeOf, type VBucketCounts, vBucketsOf } from './topology-view.ts'

/** One copy or role that comes or goes. */
export interface PreviewedMove {
  bucket: string
  shard: number
  vBuckets: readonly [from: number, to: number]
  action: 'addCopy' | 'removeCopy' | 'promote'
  otpNode: string
  /** Of the copy; a role weighs nothing. */
  bytes: number
  items: number
}

export interface RebalancePreview {
  moves: PreviewedMove[]
  bytesToMove: number
  copiesToMake: number
  vBucketsByNode: Record<string, { before: VBucketCounts; after: VBucketCounts }>
}

export interface FailoverPreview {
  vBuckets: VBucketCounts
  shardsWithoutCopy: { bucket: string; shard: number; items: number }[]
  itemsLost: number
  message: string
}

/** `draft` is the document as the rebalance would begin with it. */
export function previewRebalance(
  draft: ClusterDocument,
  pictures: readonly BucketPicture[],
  isLive: (member: number) => boolean,
): RebalancePreview {
  const usable = draft.members.filter((m) => isHolding(m) && isLive(m.id)).map((m) => m.id)
  const after: Bucket[] = []
  const moves = draft.buckets.flatMap((bucket) => {
    const wanted = wantedOf(draft, bucket, usable)
    after.push(asWanted(bucket, wanted))
    const picture = pictures.find((one) => one.bucket.uuid === bucket.uuid)
    return bucket.shards.flatMap((shard, index) => {
      const want = wanted[index]
      if (!want) return []
      return movesOf(shard, want).map(([action, id]): PreviewedMove => {
        const size = sizeOf(picture, index, action === 'removeCopy' ? id : shard.primary)
        return {
          bucket: bucket.name,
          shard: index,
          vBuckets: rangeOf(bucket, index),
          action,
          otpNode: nameOf(draft.members, id),
          bytes: action === 'promote' ? 0 : size.bytes,
          items: size.items,
        }
      })
    })
  })
  const added = moves.filter(({ action }) => action === 'addCopy')
  return {
    moves,
    bytesToMove: added.reduce((sum, { bytes }) => sum + bytes, 0),
    copiesToMake: added.length,
    vBucketsByNode: Object.fromEntries(
      draft.members
        .filter((m) => !m.arbiter)
        .map((m) => [
          otpNodeOf(m),
          { before: vBucketsOf(draft.buckets, m.id), after: vBucketsOf(after, m.id) },
        ]),
    ),
  }
}

/** What failing the member over at once would do. */
export function previewFailover(
  document: ClusterDocument,
  pictures: readonly BucketPicture[],
  target: Member,
): FailoverPreview {
  const vBuckets = vBucketsOf(document.buckets, target.id)
  const heirs = new Set(
    document.members.filter((m) => m.membership === 'active' && m !== target).map((m) => m.id),
  )
  const shardsWithoutCopy = document.buckets.flatMap((bucket) => {
    const picture = pictures.find((one) => one.bucket.uuid === bucket.uuid)
    return bucket.shards.flatMap((shard, index) => {
      if (!shard.created || shard.primary !== target.id) return []
      if (shard.replicas.some((member) => heirs.has(member))) return []
      const { items } = sizeOf(picture, index, target.id)
      return [{ bucket: bucket.name, shard: index, items }]
    })
  })
  const itemsLost = shardsWithoutCopy.reduce((sum, { items }) => sum + items, 0)
  const lost = { shards: shardsWithoutCopy.length, items: itemsLost }
  return { vBuckets, shardsWithoutCopy, itemsLost, message: messageOf(target, vBuckets, lost) }
}

function messageOf(
  target: Member,
  { active }: VBucketCounts,
  lost: { shards: number; items: number },
): string {
  const name = otpNodeOf(target)
  if (active === 0) return `${name} leads no vBucket: nothing has to take over.`
  if (lost.shards === 0) {
    return `Other servers take over the ${active} vBuckets that ${name} leads. Nothing is lost.`
  }
  const shards = lost.shards === 1 ? '1 shard has its' : `${lost.shards} shards have their`
  return `${shards} only copy on ${name}: ${lost.items} items cannot be reached until it is taken back, and are lost when it is removed.`
}

/** Copies that come, the role, and then copies that go, as the reconcile loop does it. */
function movesOf(
  shard: Shard,
  { primary, replicas }: ShardPlacement,
): [PreviewedMove['action'], number][] {
  const wanted = primary === null ? replicas : [primary, ...replicas]
  const trusted = new Set([shard.primary, ...shard.replicas])
  const come = wanted.filter((id) => !trusted.has(id))
  const go = shard.instances.filter(({ member }) => !wanted.includes(member))
  const isMoved = primary !== null && primary !== shard.primary
  return [
    ...come.map((id): [PreviewedMove['action'], number] => ['addCopy', id]),
    ...(isMoved ? [['promote', primary] satisfies [PreviewedMove['action'], number]] : []),
    ...go.map(({ member }): [PreviewedMove['action'], number] => ['removeCopy', member]),
  ]
}

function asWanted(bucket: Bucket, wanted: readonly ShardPlacement[]): Bucket {
  const shards = bucket.shards.map((shard, index) => {
    const { primary, replicas } = wanted[index] ?? shard
    return { ...shard, primary, replicas, created: true }
  })
  return { ...bucket, shards }
}

function sizeOf(
  picture: BucketPicture | undefined,
  shard: number,
  member: number | null,
): { bytes: number; items: number } {
  const engine = picture?.shards[shard]?.engines.find((one) => one.member === member)
  return { bytes: engine?.memoryBytes ?? 0, items: engine?.items ?? 0 }
}

function nameOf(members: readonly Member[], id: number): string {
  const member = members.find((one) => one.id === id)
  return member ? otpNodeOf(member) : ''
}
