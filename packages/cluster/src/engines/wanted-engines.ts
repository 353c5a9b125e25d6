/** Which engines the cluster document puts on a member, and with what settings. Pure. */
import { shardRanges, slotOfVbucket } from '@holdfast/topology'
import { engineMemory } from '../buckets/quota.ts'
import type { Bucket, ClusterDocument } from '../document/cluster-document.ts'
import type { LiveSettings } from './engine-config.ts'
import type { InstanceDuty } from './start-policy.ts'

const SLOTS_PER_VBUCKET = 16
/** An arbiter's engine holds nothing. */
const ARBITER_SETTINGS: LiveSettings = {
  memoryBytesMax: 0,
  backlogBytes: 1024 * 1024,
  eviction: 'refuse',
  persistence: 'none',
}

/** An engine that a member should run. */
export interface WantedEngine {
  key: string
  bucket: Bucket
  /** -1 is an arbiter's. */
  shard: number
  port: number
  duty: InstanceDuty
  created: boolean
  /** One of the copies that an acknowledged write is on. */
  trusted: boolean
  settings: LiveSettings
  /** Its part of the bucket's quota. */
  itemBytesMax: number
}

/** Name of an engine's folder. */
export function engineKey(bucketUuid: string, shard: number): string {
  return `${bucketUuid}-${shard < 0 ? 'arbiter' : shard}`
}

/** Failed over, or back and not in use yet: its engines rest, its files are kept for a re-add. */
export function isOutOfUse(document: ClusterDocument, self: number): boolean {
  const membership = document.members.find((m) => m.id === self)?.membership
  return membership === 'inactiveFailed' || membership === 'inactiveAdded'
}

/** None while the member is out of use. */
export function wantedEngines(document: ClusterDocument, self: number): WantedEngine[] {
  if (isOutOfUse(document, self)) return []
  const found: WantedEngine[] = []
  for (const bucket of document.buckets) {
    const { itemBytes, backlogBytes, totalBytes } = engineMemory(document, bucket)
    const { eviction, persistence } = bucket
    const settings = { memoryBytesMax: totalBytes, backlogBytes, eviction, persistence }
    for (const [index, shard] of bucket.shards.entries()) {
      const own = shard.instances.find((i) => i.member === self)
      if (!own) continue
      const duty = shard.primary === self ? 'primary' : 'replica'
      found.push({
        key: engineKey(bucket.uuid, index),
        bucket,
        shard: index,
        port: own.port,
        duty,
        created: shard.created,
        trusted: duty === 'primary' || shard.replicas.includes(self),
        settings,
        itemBytesMax: itemBytes,
      })
    }
    const arbiter = bucket.arbiterInstances.find((i) => i.member === self)
    if (arbiter) found.push(arbiterEngine(bucket, arbiter.port))
  }
  return found
}

function arbiterEngine(bucket: Bucket, port: number): WantedEngine {
  return {
    key: engineKey(bucket.uuid, -1),
    bucket,
    shard: -1,
    port,
    duty: 'arbiter',
    created: true,
    trusted: false,
    settings: ARBITER_SETTINGS,
    itemBytesMax: 0,
  }
}

/** Slots of a shard's vBuckets. */
export function slotsOf(bucket: Bucket, shard: number): [from: number, to: number] | null {
  const range = shardRanges(bucket.shards.length)[shard]
  if (!range) return null
  return [slotOfVbucket(range[0]), slotOfVbucket(range[1]) + SLOTS_PER_VBUCKET - 1]
}
