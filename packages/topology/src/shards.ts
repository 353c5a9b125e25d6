// How a bucket's shards divide its vBuckets: contiguous ranges as equal as they can be, fixed for
// the life of the bucket.

import { VBUCKETS } from './vbucket.ts'

/** Inclusive vBucket range `[from, to]` of each shard; throws a RangeError unless 1..1024 shards. */
export function shardRanges(count: number): [from: number, to: number][] {
  if (!Number.isInteger(count) || count < 1 || count > VBUCKETS) {
    throw new RangeError(`shard count ${count} is not in 1..${VBUCKETS}`)
  }
  return Array.from({ length: count }, (_, shard) => [
    firstVbucket(shard, count),
    firstVbucket(shard + 1, count) - 1,
  ])
}

/** The shard that owns vBucket `v`. */
export function shardOfVbucket(v: number, count: number): number {
  return Math.floor(((v + 1) * count - 1) / VBUCKETS)
}

function firstVbucket(shard: number, count: number): number {
  return Math.floor((VBUCKETS * shard) / count)
}
