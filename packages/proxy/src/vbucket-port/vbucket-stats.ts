/**
 * `stats vbucket` and `stats vbucket-details` of a vBucket port: the state of each vBucket that has
 * a copy on this node, by the published map. Pure.
 */
import type { StatsAnswer } from '../stats-report.ts'
import type { PublishedBucket } from './published-config.ts'

/** The answer, or undefined when something else is asked for. */
export function vBucketStats(args: string, bucket: PublishedBucket): StatsAnswer | undefined {
  const [, group, one] = /^(vbucket|vbucket-details)(?: (\d+))?$/.exec(args) ?? []
  if (group === undefined) return undefined
  const stats: [string, string][] = []
  for (const [vBucket, row] of bucket.config.vBucketMap.entries()) {
    const place = row.indexOf(bucket.self)
    if (bucket.self < 0 || place < 0) continue
    if (one !== undefined && Number(one) !== vBucket) continue
    stats.push([`vb_${vBucket}`, place === 0 ? 'active' : 'replica'])
    if (group === 'vbucket') continue
    const { serverList } = bucket.config
    const servers = row.map((index) => serverList[index] ?? '')
    stats.push([`vb_${vBucket}:topology`, JSON.stringify([servers])])
  }
  return { kind: 'list', stats }
}
