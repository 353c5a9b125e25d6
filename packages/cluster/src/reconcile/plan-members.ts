/**
 * Changes to members and engine lists that do not belong to one shard: an arbiter's voting engine,
 * a member that has been drained or has handed its primaries over, a rebalance that is finished,
 * a failover quota that is free again. Pure.
 */
import type { ShardPlacement } from '@holdfast/topology'
import {
  type ClusterDocument,
  freeEnginePort,
  NO_REBALANCE,
  otpNodeOf,
  wantedReplicas,
} from '../document/cluster-document.ts'
import type { BucketPicture } from './picture.ts'

export interface MemberChange {
  why: string
  change: (draft: ClusterDocument) => void
}

/** At most one change a turn: the next turn sees the result. */
export function planMembers(
  document: ClusterDocument,
  pictures: readonly BucketPicture[],
  wantedOf: (picture: BucketPicture) => ShardPlacement[],
): MemberChange[] {
  const change =
    planArbiters(document) ??
    planRelieved(document) ??
    planLeavers(document) ??
    planEnd(document, pictures, wantedOf) ??
    planQuota(document)
  return change ? [change] : []
}

function planArbiters(document: ClusterDocument): MemberChange | null {
  for (const bucket of document.buckets) {
    for (const member of document.members) {
      const has = bucket.arbiterInstances.some((i) => i.member === member.id)
      if (!member.arbiter || member.membership !== 'active' || member.ejecting || has) continue
      return {
        why: `voting engine of ${bucket.name} on ${otpNodeOf(member)}`,
        change: (draft) => {
          const port = freeEnginePort(draft, member)
          if (port === null) throw new Error(`no free engine port on ${otpNodeOf(member)}`)
          draft.buckets
            .find((b) => b.uuid === bucket.uuid)
            ?.arbiterInstances.push({ member: member.id, port })
        },
      }
    }
  }
  return null
}

/** A graceful failover ends when the member leads nothing any more. */
function planRelieved(document: ClusterDocument): MemberChange | null {
  const relieved = document.members.find((m) => m.failingOver && leadsNothing(document, m.id))
  if (!relieved) return null
  return {
    why: `${otpNodeOf(relieved)} has handed over all that it led and is failed over`,
    change: (draft) => {
      const member = draft.members.find((m) => m.id === relieved.id)
      if (!member?.failingOver) return
      member.failingOver = false
      member.membership = 'inactiveFailed'
    },
  }
}

function leadsNothing(document: ClusterDocument, id: number): boolean {
  return document.buckets.every((bucket) => bucket.shards.every((shard) => shard.primary !== id))
}

export function holdsNothing(document: ClusterDocument, id: number): boolean {
  return document.buckets.every((bucket) =>
    bucket.shards.every((shard) => shard.instances.every((i) => i.member !== id)),
  )
}

/** A member that is leaving goes when it holds no copy any more. */
function planLeavers(document: ClusterDocument): MemberChange | null {
  const leaver = document.members.find((m) => m.ejecting && holdsNothing(document, m.id))
  if (!leaver) return null
  return {
    why: `${otpNodeOf(leaver)} leaves`,
    change: (draft) => {
      draft.members = draft.members.filter((m) => m.id !== leaver.id)
      for (const bucket of draft.buckets) {
        bucket.arbiterInstances = bucket.arbiterInstances.filter((i) => i.member !== leaver.id)
      }
    },
  }
}

/** A rebalance ends when everything is where it should be and nobody is leaving. */
function planEnd(
  document: ClusterDocument,
  pictures: readonly BucketPicture[],
  wantedOf: (picture: BucketPicture) => ShardPlacement[],
): MemberChange | null {
  if (!document.rebalancing || document.members.some((m) => m.ejecting)) return null
  if (pictures.some((picture) => placementProgress(picture, wantedOf(picture)) < 1)) return null
  return {
    why: 'rebalance finished',
    change: (draft) => {
      draft.rebalancing = false
      draft.rebalance = { ...NO_REBALANCE }
    },
  }
}

/** Members count as failed over until every shard has all its copies again. */
function planQuota(document: ClusterDocument): MemberChange | null {
  if (document.autoFailover.failedOver.length === 0 || !isWhole(document)) return null
  return {
    why: 'all copies are whole again, automatic failover is ready for the next one',
    change: (draft) => {
      draft.autoFailover.failedOver = []
    },
  }
}

function isWhole(document: ClusterDocument): boolean {
  return document.buckets.every((bucket) => {
    const wanted = wantedReplicas(document, bucket)
    return bucket.shards.every((shard) => shard.created && shard.replicas.length >= wanted)
  })
}

/** Share of a bucket's wanted copies and roles that are in place, 0 to 1. */
export function placementProgress(
  picture: BucketPicture,
  wanted: readonly ShardPlacement[],
): number {
  let total = 0
  let done = 0
  for (const shard of picture.shards) {
    const want = wanted[shard.index]
    if (!want) continue
    total += 1 + want.replicas.length
    if (want.primary === shard.primary && shard.created) done++
    done += want.replicas.filter((m) => shard.replicas.includes(m)).length
  }
  return total === 0 ? 1 : done / total
}
