/** Where the copies of a bucket should be: evenly, and no two on one node. Pure. */
import type { MockBucket } from './model.ts'

export interface WantedShard {
  primary: number | null
  /** All nodes with a copy, the primary first. */
  nodes: number[]
}

export function wantedPlacement(bucket: MockBucket, nodes: readonly number[]): WantedShard[] {
  const copies = Math.min(1 + bucket.replicaCount, nodes.length)
  return bucket.shards.map((_, shard) => {
    const stride =
      1 + (Math.floor(shard / Math.max(nodes.length, 1)) % Math.max(nodes.length - 1, 1))
    const chosen: number[] = []
    for (let k = 0; chosen.length < copies && k < nodes.length * 2; k++) {
      const id = nodes[(shard + k * stride) % nodes.length]
      if (id !== undefined && !chosen.includes(id)) chosen.push(id)
      else {
        const free = nodes.find((one) => !chosen.includes(one))
        if (free !== undefined) chosen.push(free)
      }
    }
    return { primary: chosen[0] ?? null, nodes: chosen }
  })
}
