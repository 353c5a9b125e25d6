/** Small things that several tests of this package need. */
import type { ClusterDocument } from '../document/cluster-document.ts'
import {
  addBucket,
  type BucketWish,
  newDocument,
  newMember,
  type OwnAddress,
} from '../document/new-document.ts'
import type { PlanMemory } from '../reconcile/plan.ts'

/** Where member `id` lives: each on a host of its own. */
export function memberAddress(id: number): OwnAddress {
  return {
    host: `host-${id}`,
    restPort: 8091,
    gatewayPort: 11_211,
    dataPort: 11_210,
    enginePorts: [12_000, 12_099],
    arbiter: false,
  }
}

/** The document of a cluster of so many nodes, all active. */
export function documentOf(nodes: number): ClusterDocument {
  const document = newDocument(memberAddress(1))
  for (let id = 2; id <= nodes; id++) {
    document.members.push(newMember(id, `uuid-${id}`, memberAddress(id)))
  }
  document.nextMemberId = nodes + 1
  return document
}

export const BUCKET_WISH: BucketWish = {
  name: 'default',
  type: 'membase',
  ramMegabytes: 100,
  replicaCount: 1,
  login: null,
  shardCount: 4,
}

/** A document with one bucket whose shards all run, copies in sync. */
export function documentWithBucket(nodes: number, wish: Partial<BucketWish> = {}): ClusterDocument {
  const document = documentOf(nodes)
  addBucket(document, { ...BUCKET_WISH, ...wish })
  for (const shard of document.buckets.flatMap((bucket) => bucket.shards)) {
    shard.created = true
    shard.replicas = shard.instances.map((i) => i.member).filter((m) => m !== shard.primary)
  }
  return document
}

/** What a leader remembers of a bucket to which nothing has happened for a long time. */
export function calmMemory(): PlanMemory {
  return {
    outOfSyncMs: () => 0,
    sinceFailoverMs: () => Number.POSITIVE_INFINITY,
    fillingOn: () => 0,
    mayFailOver: () => true,
    handingOver: false,
    unsettled: false,
  }
}
