/**
 * The cluster as a picture shows it: nodes, buckets, shards and where each copy is, as it is at
 * this moment. A pure function of the document and of what the members report.
 */
import { shardRanges } from '@holdfast/topology'
import {
  type Bucket,
  type Member,
  memberById,
  otpNodeOf,
  wantedReplicas,
} from '../document/cluster-document.ts'
import type { EngineStatus } from '../membership/messages.ts'
import {
  type BucketPicture,
  type EnginePicture,
  engineAt,
  isInSync,
  type ShardPicture,
} from '../reconcile/picture.ts'
import { clusterHealth } from './cluster-health.ts'
import { healthOf, restAddressOf, revisionOf, type ViewSource } from './views.ts'

export interface VBucketCounts {
  active: number
  replica: number
}

/** The answer of `/pools/default/topology`. */
export function topologyView(source: ViewSource, leader: number | null): Record<string, unknown> {
  const { document } = source
  const pictures = source.pictures()
  const nameOf = (id: number | null): string | null => {
    const member = id === null ? undefined : memberById(document, id)
    return member ? otpNodeOf(member) : null
  }
  const isLive = (member: number): boolean => source.isLive(member)
  return {
    rev: revisionOf(document),
    leader: nameOf(leader),
    nodes: document.members.map((member) => ({
      otpNode: otpNodeOf(member),
      hostname: restAddressOf(source, member),
      serverGroup: member.group,
      arbiter: member.arbiter,
      clusterMembership: member.membership,
      status: healthOf(source, member),
      isLeader: member.id === leader,
      vBuckets: vBucketsOf(document.buckets, member.id),
      engines: enginesOf(pictures, member),
    })),
    buckets: pictures.map((picture) => ({
      name: picture.bucket.name,
      type: picture.bucket.type,
      replicaNumber: picture.bucket.replicaCount,
      wantedReplicas: wantedReplicas(document, picture.bucket),
      shards: picture.shards.map((shard) => ({
        shard: shard.index,
        vBuckets: rangeOf(picture.bucket, shard.index),
        primary: nameOf(shard.primary),
        copies: shard.engines.map((engine) => ({
          otpNode: nameOf(engine.member),
          ...copyView(source, picture, shard, engine),
        })),
      })),
    })),
    health: clusterHealth({ document, pictures, isLive, leader }),
  }
}

/** vBuckets that a member leads and those of which it has a replica in sync, by the document. */
export function vBucketsOf(buckets: readonly Bucket[], member: number): VBucketCounts {
  const counts = { active: 0, replica: 0 }
  for (const bucket of buckets) {
    for (const [index, shard] of bucket.shards.entries()) {
      const [from, to] = rangeOf(bucket, index)
      if (shard.primary === member && shard.created) counts.active += to - from + 1
      else if (shard.replicas.includes(member)) counts.replica += to - from + 1
    }
  }
  return counts
}

/** First and last vBucket of a shard. */
export function rangeOf(bucket: Bucket, shard: number): readonly [from: number, to: number] {
  return shardRanges(bucket.shards.length)[shard] ?? [0, -1]
}

function enginesOf(
  pictures: readonly BucketPicture[],
  { id, membership }: Member,
): { running: number; wanted: number } {
  if (membership !== 'active') return { running: 0, wanted: 0 }
  const own = pictures
    .flatMap(({ shards, arbiters }) => [...shards.flatMap((s) => s.engines), ...arbiters])
    .filter((engine) => engine.member === id)
  return { running: own.filter(({ reach }) => reach === 'up').length, wanted: own.length }
}

function copyView(
  source: ViewSource,
  { bucket }: BucketPicture,
  shard: ShardPicture,
  engine: EnginePicture,
): Record<string, unknown> {
  const primary = engineAt(shard, shard.primary)
  const isPrimary = engine.member === shard.primary
  const isListed = shard.replicas.includes(engine.member)
  const follows = primary !== undefined && isInSync(engine, primary)
  const lead = isPrimary ? undefined : statusIn(source, bucket, shard.index, shard.primary)
  return {
    role: isPrimary ? 'primary' : 'replica',
    inSync: isPrimary ? engine.reach === 'up' : isListed && follows,
    state: stateOf(engine, isPrimary || isListed),
    items: engine.items,
    memoryBytes: engine.memoryBytes,
    lagBytes: isPrimary ? 0 : lagOf(lead, engine),
  }
}

/** In words of an operator: `syncing` is a replica that does not count yet. */
function stateOf(engine: EnginePicture, counts: boolean): string {
  if (engine.failed) return 'resting'
  switch (engine.reach) {
    case 'up':
      return counts ? 'running' : 'syncing'
    case 'starting':
      return 'starting'
    case 'down':
      return engine.silent ? 'silent' : 'stopped'
    case 'unknown':
      return 'unknown'
  }
}

function statusIn(
  source: ViewSource,
  bucket: Bucket,
  shard: number,
  member: number | null,
): EngineStatus | undefined {
  const engines = member === null ? [] : (source.status(member)?.engines ?? [])
  return engines.find((e) => e.bucket === bucket.uuid && e.shard === shard)
}

/** How far a replica is behind, by its primary's last word; null when that does not know it. */
function lagOf(primary: EngineStatus | undefined, { host, port }: EnginePicture): number | null {
  const samePort = (primary?.usage?.replicas ?? []).filter((one) => one.port === port)
  const [only, ...more] = samePort
  const found = more.length === 0 ? only : samePort.find((one) => one.host === host)
  return found?.lagBytes ?? null
}
