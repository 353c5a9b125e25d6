/**
 * Which requests for an item a vBucket port takes: those for a vBucket whose active copy (for
 * replica reads: a replica) is on this node by the published map, with a key of that vBucket, a
 * data type that is stored, and a durability that the shard has at the moment. Pure.
 */
import { BinaryStatus, type MemcachedRequest, Op } from '@holdfast/protocol'
import { type BucketConfig, vbucketOf } from '@holdfast/topology'
import type { PublishedBucket } from './published-config.ts'

/** The data type of what is JSON, which is stored like anything else. */
const DATA_TYPE_JSON = 1

/** Operations whose durability can be asked for. */
const DURABLE: ReadonlySet<Op> = new Set<Op>([
  ...[Op.Set, Op.Add, Op.Replace, Op.Cas, Op.Append, Op.Prepend],
  ...[Op.Incr, Op.Decr, Op.Delete],
])

/** The status that a request for one item is refused with; success when it is to be carried out. */
export function judgeRequest(request: MemcachedRequest, bucket: PublishedBucket): number {
  const { config } = bucket
  if (config.nodeLocator === 'vbucket') {
    const { vBucket, op, buf, keyStarts, keyEnds } = request
    if (!isHere(bucket, vBucket, op === Op.GetReplica)) return BinaryStatus.NotMyVBucket
    const of = vbucketOf(buf, keyStarts[0], keyEnds[0], config.vBucketMap.length)
    if (of !== vBucket) return BinaryStatus.InvalidArguments
  }
  if ((request.dataType & ~DATA_TYPE_JSON) !== 0) return BinaryStatus.InvalidArguments
  const isLock = request.op === Op.GetLocked || request.op === Op.Unlock
  if (isLock && config.holdfast === null) return BinaryStatus.NotSupported
  return request.durabilityLevel === 0 ? BinaryStatus.Success : judgeDurability(request, config)
}

/** Whether this node has the active copy of a vBucket, or with `replica` another one. */
export function isHere(bucket: PublishedBucket, vBucket: number, replica = false): boolean {
  const { config, self } = bucket
  if (config.nodeLocator !== 'vbucket') return true
  const row = config.vBucketMap[vBucket]
  if (row === undefined || self < 0) return false
  return replica ? row.indexOf(self, 1) > 0 : row[0] === self
}

/** Replicas that make a majority of all copies, with the active one. */
export function replicasOfMajority({ numReplicas }: BucketConfig): number {
  return (numReplicas + 1) >>> 1
}

/** Of the levels only a majority in memory can be proved: engines do not tell what is on disk. */
function judgeDurability(request: MemcachedRequest, config: BucketConfig): number {
  if (!DURABLE.has(request.op)) return BinaryStatus.InvalidArguments
  const { holdfast } = config
  if (request.durabilityLevel > 1 || holdfast === null) return BinaryStatus.DurabilityImpossible
  const wanted = replicasOfMajority(config)
  if (wanted === 0) return BinaryStatus.Success
  const { vBucket } = request
  const shard = holdfast.shards.find(({ vBuckets: [from, to] }) => {
    return vBucket >= from && vBucket <= to
  })
  const isPossible = holdfast.durability === 'replicated' && (shard?.replicas.length ?? 0) >= wanted
  return isPossible ? BinaryStatus.Success : BinaryStatus.DurabilityImpossible
}
