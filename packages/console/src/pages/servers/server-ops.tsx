/**
 * Operations per second of each server: the last sample of every bucket's statistic, node by node,
 * as the REST has it. Watches one path per bucket, so only as many buckets as a stream has room
 * for.
 */
import { type Signal, signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { useWatch } from '../../rest/live.ts'

/** Beside the other paths of the page. */
export const OPS_BUCKETS_MAX = 8

interface NodeStats {
  nodeStats: Record<string, number[]>
}

const byBucket: Signal<Readonly<Record<string, NodeStats>>> = signal({})

export function opsPath(bucket: string): string {
  return `/pools/default/buckets/${encodeURIComponent(bucket)}/stats/ops?zoom=minute`
}

/** Shows nothing; keeps the figures of one bucket while it is there. */
export function BucketOps({ bucket }: { bucket: string }): JSX.Element | null {
  const { body } = useWatch<NodeStats>(opsPath(bucket)).value
  useEffect(() => {
    if (body) byBucket.value = { ...byBucket.peek(), [bucket]: body }
  }, [body, bucket])
  useEffect(
    () => () => {
      const { [bucket]: _, ...others } = byBucket.peek()
      byBucket.value = others
    },
    [bucket],
  )
  return null
}

/** Of all buckets together; null where nothing was told. */
export function opsOf(hostname: string): number | null {
  const told = Object.values(byBucket.value).flatMap(({ nodeStats }) => {
    const last = nodeStats[hostname]?.at(-1)
    return last === undefined ? [] : [last]
  })
  return told.length === 0 ? null : told.reduce((sum, one) => sum + one, 0)
}
