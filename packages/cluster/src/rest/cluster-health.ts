/**
 * The cluster's health in one word, with the reasons as sentences: what an operator reads first.
 * Pure: made of the document and of the pictures of its engines.
 */
import { type ClusterDocument, hostnameOf, type Member } from '../document/cluster-document.ts'
import { type BucketPicture, engineAt, isInSync, type ShardPicture } from '../reconcile/picture.ts'

/**
 * healthy: every copy that is wished for is there. rebalancing: copies are on the move, all is
 * served. degraded: all is served, with fewer copies than wished for. unavailable: some shard has
 * no primary that serves. noBuckets: there is nothing to serve.
 */
export type HealthWord = 'healthy' | 'rebalancing' | 'degraded' | 'unavailable' | 'noBuckets'

export interface ClusterHealth {
  word: HealthWord
  reasons: string[]
}

/** What health is judged by. */
export interface HealthSource {
  document: ClusterDocument
  pictures: readonly BucketPicture[]
  isLive(member: number): boolean
  leader: number | null
}

export function clusterHealth(source: HealthSource): ClusterHealth {
  const { document } = source
  const unserved = bucketReasons(source, isUnserved, 'no primary that serves')
  const thin = bucketReasons(source, isThin, 'fewer copies than wished for')
  const away = awayReasons(source)
  const reasons = [...unserved, ...away, ...rebalanceReasons(document), ...thin]
  if (unserved.length > 0) return { word: 'unavailable', reasons }
  if (document.buckets.length === 0) {
    return { word: 'noBuckets', reasons: ['There is no bucket.', ...reasons] }
  }
  if (document.rebalancing) return { word: 'rebalancing', reasons }
  return { word: reasons.length > 0 ? 'degraded' : 'healthy', reasons }
}

/** The primary by the document takes writes, or is said to by the leader that looks after it. */
function isServed(shard: ShardPicture): boolean {
  const primary = engineAt(shard, shard.primary)
  return shard.created && primary?.reach === 'up' && primary.role === 'primary'
}

function isUnserved(_bucket: BucketPicture, shard: ShardPicture): boolean {
  return !isServed(shard)
}

function isThin({ bucket }: BucketPicture, shard: ShardPicture): boolean {
  const primary = engineAt(shard, shard.primary)
  if (!primary) return false
  const copies = shard.replicas.flatMap((member) => engineAt(shard, member) ?? [])
  return copies.filter((engine) => isInSync(engine, primary)).length < bucket.replicaCount
}

function bucketReasons(
  { pictures }: HealthSource,
  is: (bucket: BucketPicture, shard: ShardPicture) => boolean,
  what: string,
): string[] {
  return pictures.flatMap((picture) => {
    const count = picture.shards.filter((shard) => is(picture, shard)).length
    if (count === 0) return []
    const verb = count === 1 ? 'has' : 'have'
    return [
      `Bucket "${picture.bucket.name}": ${count} of ${picture.shards.length} shards ${verb} ${what}.`,
    ]
  })
}

function awayReasons({ document, isLive, leader }: HealthSource): string[] {
  const named = (is: (member: Member) => boolean): string =>
    document.members
      .filter(is)
      .map((member) => hostnameOf(member))
      .join(', ')
  const silent = named((m) => m.membership === 'active' && !isLive(m.id))
  const failed = named((m) => m.membership === 'inactiveFailed')
  return [
    ...(silent === '' ? [] : [`Not answering: ${silent}.`]),
    ...(failed === '' ? [] : [`Failed over: ${failed}.`]),
    ...(leader === null && silent !== ''
      ? ['No majority of the servers is reachable: nothing fails over by itself.']
      : []),
  ]
}

function rebalanceReasons({ rebalancing, rebalance }: ClusterDocument): string[] {
  if (!rebalancing) return []
  return [rebalance.trouble ?? 'Copies are on their way to where they shall be.']
}
