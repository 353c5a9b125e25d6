/**
 * From the document to the wanted placement of a bucket, and how far the bucket is from it. Pure:
 * who can hold data now is said by the caller, who knows which members are away.
 */
import { type ShardPlacement, wantedPlacement } from '@holdfast/topology'
import {
  type Bucket,
  type ClusterDocument,
  groupsOf,
  type Shard,
} from '../document/cluster-document.ts'

/**
 * Where the copies of a bucket should be, given the members that can hold data now. Those that are
 * about to stop lead nothing.
 */
export function wantedOf(
  document: ClusterDocument,
  bucket: Bucket,
  usable: readonly number[],
  stopping: readonly number[] = [],
): ShardPlacement[] {
  const failingOver = document.members.filter((m) => m.failingOver).map((m) => m.id)
  return wantedPlacement({
    nodes: usable,
    shards: bucket.shards.map((shard) => ({
      primary: shard.primary,
      replicas: [
        ...shard.replicas,
        ...shard.instances
          .map((i) => i.member)
          .filter((m) => m !== shard.primary && !shard.replicas.includes(m)),
      ],
    })),
    replicaCount: bucket.replicaCount,
    groups: groupsOf(document),
    level: document.rebalancing || !document.rebalance.stopped,
    withoutPrimaries: new Set([...failingOver, ...stopping]),
  })
}

/** Copies and roles that have yet to come to or to go from each member. */
export function movesLeft(
  shards: readonly Shard[],
  wanted: readonly ShardPlacement[],
): Map<number, number> {
  const left = new Map<number, number>()
  const count = (member: number): void => {
    left.set(member, (left.get(member) ?? 0) + 1)
  }
  for (const [index, shard] of shards.entries()) {
    const want = wanted[index]
    if (!want) continue
    const trusted = new Set([shard.primary, ...shard.replicas])
    const copies = want.primary === null ? want.replicas : [want.primary, ...want.replicas]
    for (const member of copies) if (!trusted.has(member)) count(member)
    for (const { member } of shard.instances) if (!copies.includes(member)) count(member)
    if (want.primary !== null && (want.primary !== shard.primary || !shard.created)) {
      count(want.primary)
      if (shard.primary !== null && shard.primary !== want.primary) count(shard.primary)
    }
  }
  return left
}

/** The moves of all buckets together, by member. */
export function allMovesLeft(
  document: ClusterDocument,
  usable: readonly number[],
): Map<number, number> {
  const sum = new Map<number, number>()
  for (const bucket of document.buckets) {
    for (const [member, moves] of movesLeft(bucket.shards, wantedOf(document, bucket, usable))) {
      sum.set(member, (sum.get(member) ?? 0) + moves)
    }
  }
  return sum
}

/** Progress of the running rebalance for each member with data, 0 to 1. */
export function progressByMember(
  document: ClusterDocument,
  usable: readonly number[],
): Map<number, number> {
  const left = allMovesLeft(document, usable)
  const { movesAtStart } = document.rebalance
  const nodes = document.members.filter((m) => !m.arbiter)
  return new Map(
    nodes.map(({ id }): [number, number] => {
      const now = left.get(id) ?? 0
      // A death on the way brings moves that nobody foresaw.
      const all = Math.max(movesAtStart[String(id)] ?? 0, now)
      return [id, all === 0 ? 1 : 1 - now / all]
    }),
  )
}
