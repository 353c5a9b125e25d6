/**
 * Whether a bucket is as it should be, so that nothing will be due until somebody says something
 * else. Pure. It is strict: what it does not call settled is only looked at more often.
 */
import type { ShardPlacement } from '@holdfast/topology'
import { type BucketPicture, isInSync, type ShardPicture } from './picture.ts'

/** Every copy is where it is wanted, serves in its role and has all that its primary has. */
export function isSettled(picture: BucketPicture, wanted: readonly ShardPlacement[]): boolean {
  return (
    picture.shards.every((shard) => isInPlace(shard, wanted[shard.index])) &&
    picture.arbiters.every((engine) => engine.reach === 'up')
  )
}

function isInPlace(shard: ShardPicture, wanted: ShardPlacement | undefined): boolean {
  const primary = shard.engines.find(({ member }) => member === shard.primary)
  if (!shard.created || primary === undefined || wanted?.primary !== shard.primary) return false
  const isWhole =
    shard.engines.length === 1 + wanted.replicas.length &&
    shard.replicas.length === wanted.replicas.length &&
    wanted.replicas.every((member) => shard.replicas.includes(member))
  return (
    isWhole &&
    shard.engines.every((engine) => {
      const { reach, role, stopping, cannotWrite } = engine
      const isFit = reach === 'up' && !stopping && !cannotWrite
      return isFit && (engine === primary ? role === 'primary' : isInSync(engine, primary))
    })
  )
}
