/**
 * What a bucket uses, added up from its engines' reports, and the summaries that the original shows
 * beside the form of a bucket. Pure.
 */
import type { Bucket, ClusterDocument } from '../document/cluster-document.ts'
import type { EngineTrouble, EngineUsage, MemberStatus } from '../membership/messages.ts'
import { MEGABYTE, quotaMembers } from './quota.ts'

/** What members last reported. */
export type StatusOf = (member: number) => MemberStatus | null

/** What members last reported: engines, and the disk that their files are on. */
export interface Reports {
  status: StatusOf
  disk(member: number): { totalBytes: number; freeBytes: number } | null
}

export interface BucketUsage {
  /** Of primaries only. */
  items: number
  /** Of all copies. */
  itemBytes: number
  /** Of the engine that holds most. */
  engineItemBytesMax: number
  diskBytes: number
  opsPerSec: number
  hits: number
  misses: number
  /** Engines that something keeps from their work, by kind. */
  troubles: Partial<Record<EngineTrouble, number>>
}

export function bucketUsage(
  document: ClusterDocument,
  bucket: Bucket,
  statusOf: StatusOf,
): BucketUsage {
  const sum: BucketUsage = {
    items: 0,
    itemBytes: 0,
    engineItemBytesMax: 0,
    diskBytes: 0,
    opsPerSec: 0,
    hits: 0,
    misses: 0,
    troubles: {},
  }
  for (const member of document.members) {
    for (const engine of statusOf(member.id)?.engines ?? []) {
      if (engine.bucket !== bucket.uuid || engine.shard < 0) continue
      if (engine.trouble) sum.troubles[engine.trouble] = (sum.troubles[engine.trouble] ?? 0) + 1
      const isPrimary = bucket.shards[engine.shard]?.primary === member.id
      if (isPrimary) sum.items += engine.items
      if (engine.usage) addUsage(sum, engine.usage, isPrimary)
    }
  }
  return sum
}

function addUsage(sum: BucketUsage, usage: EngineUsage, isPrimary: boolean): void {
  sum.itemBytes += usage.itemBytes
  sum.engineItemBytesMax = Math.max(sum.engineItemBytesMax, usage.itemBytes)
  sum.diskBytes += usage.diskBytes
  if (!isPrimary) return
  sum.opsPerSec += usage.opsPerSec
  sum.hits += usage.hits
  sum.misses += usage.misses
}

/** `basicStats` of a bucket object, names and order as in the original. */
export function basicStats(
  document: ClusterDocument,
  bucket: Bucket,
  usage: BucketUsage,
): Record<string, number> {
  const quotaBytes = bucket.ramMegabytes * MEGABYTE * Math.max(quotaMembers(document).length, 1)
  const looked = usage.hits + usage.misses
  const hitRatio = looked === 0 ? 0 : hundredths((usage.hits / looked) * 100)
  return {
    quotaPercentUsed: hundredths((usage.itemBytes / quotaBytes) * 100),
    opsPerSec: usage.opsPerSec,
    ...(bucket.type === 'membase' ? { diskFetches: 0 } : {}),
    hitRatio,
    itemCount: usage.items,
    diskUsed: usage.diskBytes,
    memUsed: usage.itemBytes,
  }
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100
}

/** Memory and disk as the form of a bucket shows them; bytes of the whole cluster. */
export interface BucketSummaries {
  ramSummary: {
    total: number
    otherBuckets: number
    nodesCount: number
    perNodeMegs: number
    thisAlloc: number
    thisUsed: number
    free: number
  }
  hddSummary: {
    total: number
    otherData: number
    otherBuckets: number
    thisUsed: number
    free: number
  }
}

/** `name` is the bucket in question, whether it exists yet or not; `megabytes` its quota per node. */
export function bucketSummaries(
  document: ClusterDocument,
  wished: { name: string; megabytes: number },
  reports: Reports,
): BucketSummaries {
  const members = quotaMembers(document)
  const nodes = members.length
  const own = document.buckets.find((b) => b.name === wished.name)
  const others = document.buckets.filter((b) => b !== own)
  const used = own ? bucketUsage(document, own, reports.status) : null
  const otherBuckets = others.reduce((sum, b) => sum + b.ramMegabytes * MEGABYTE * nodes, 0)
  const total = document.memoryQuotaMegabytes * MEGABYTE * nodes
  const thisAlloc = wished.megabytes * MEGABYTE * nodes
  const disks = members.flatMap((m) => reports.disk(m.id) ?? [])
  const disk = disks.reduce((sum, d) => sum + d.totalBytes, 0)
  const diskFree = disks.reduce((sum, d) => sum + d.freeBytes, 0)
  const otherDisk = others.reduce(
    (sum, b) => sum + bucketUsage(document, b, reports.status).diskBytes,
    0,
  )
  const thisDisk = used?.diskBytes ?? 0
  return {
    ramSummary: {
      total,
      otherBuckets,
      nodesCount: nodes,
      perNodeMegs: wished.megabytes,
      thisAlloc,
      thisUsed: used?.itemBytes ?? 0,
      free: total - otherBuckets - thisAlloc,
    },
    hddSummary: {
      total: disk,
      otherData: Math.max(disk - diskFree - otherDisk - thisDisk, 0),
      otherBuckets: otherDisk,
      thisUsed: thisDisk,
      free: diskFree,
    },
  }
}
