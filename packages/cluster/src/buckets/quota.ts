/**
 * The arithmetic of memory quotas. Pure.
 *
 * A bucket's quota is per node, as in the original. A node runs one engine for each copy of a shard
 * that it holds, so the quota is cut into equal parts: a node's quota by the most copies that a
 * node holds when they are spread evenly. What an engine needs beside items (its own tables,
 * connections, the backlog from which a replica that was away catches up) lies on top and is no
 * part of the quota.
 *
 * A member that has failed still counts: its copies live on the others, and a quota that shrank in
 * that moment would refuse writes just when a node has died. It shrinks when the member is removed.
 */
import type { Bucket, ClusterDocument, Member } from '../document/cluster-document.ts'

export const MEGABYTE: number = 1024 * 1024

/** Least memory that a node gives to buckets, in MB. */
export const MEMORY_QUOTA_MEGABYTES_MIN = 256
/** What the original leaves to the system on machines that have much. */
/** As the original: machines that are sold as equal differ by a little. */
const JOIN_TOLERANCE_MEGABYTES = 50
const SYSTEM_MEGABYTES = 1024
const QUOTA_PERCENT_MAX = 80
const QUOTA_PERCENT_AT_FIRST = 60

/** Tables, library and connections of an engine without items. */
const ENGINE_OWN_BYTES = 4 * MEGABYTE
const BACKLOG_BYTES_MIN = MEGABYTE
const BACKLOG_BYTES_MAX = 32 * MEGABYTE
/** Part of an engine's share that its backlog may be large. */
const BACKLOG_DIVISOR = 4

/** Bounds of a node's memory quota, and why the upper one is what it is. */
export interface QuotaRange {
  megabytesMin: number
  megabytesMax: number
  why: string
}

/** As the original: all but 1 GB, or 80 %, whichever is more. */
export function memoryQuotaRange(memoryTotalBytes: number): QuotaRange {
  const total = Math.floor(memoryTotalBytes / MEGABYTE)
  const allButSystem = total - SYSTEM_MEGABYTES
  const percent = Math.floor((total * QUOTA_PERCENT_MAX) / 100)
  const isPercent = percent >= allButSystem
  return {
    megabytesMin: MEMORY_QUOTA_MEGABYTES_MIN,
    megabytesMax: Math.max(percent, allButSystem, MEMORY_QUOTA_MEGABYTES_MIN),
    why: isPercent
      ? `${QUOTA_PERCENT_MAX}% of memory size`
      : `memory size minus ${SYSTEM_MEGABYTES} MB`,
  }
}

/** Why a node cannot join a cluster with this quota; null when it has the memory, or nearly. */
export function quotaTooLarge(quotaMegabytes: number, memoryTotalBytes: number): string | null {
  const { megabytesMax } = memoryQuotaRange(memoryTotalBytes)
  if (quotaMegabytes <= megabytesMax + JOIN_TOLERANCE_MEGABYTES) return null
  return (
    'This server does not have sufficient memory to support requested memory quota. ' +
    `Total quota is ${quotaMegabytes}MB, maximum allowed quota for the node is ${megabytesMax}MB.`
  )
}

/** Quota of a node that nobody has set one for, in MB. */
export function initialMemoryQuota(memoryTotalBytes: number): number {
  const part = Math.floor((memoryTotalBytes / MEGABYTE) * (QUOTA_PERCENT_AT_FIRST / 100))
  return Math.max(part, MEMORY_QUOTA_MEGABYTES_MIN)
}

/** Memory of this machine, or of the container that this process is in. */
export function usableMemory(totalBytes: number, constrainedBytes: number): number {
  return constrainedBytes > 0 && constrainedBytes < totalBytes ? constrainedBytes : totalBytes
}

/** Members that a bucket's quota is counted on. */
export function quotaMembers(document: ClusterDocument): Member[] {
  return document.members.filter((m) => m.membership !== 'inactiveAdded' && !m.arbiter)
}

/** What one engine of a bucket may take. */
export interface EngineMemory {
  /** Its part of the quota: keys, values and what is kept for each. */
  itemBytes: number
  /** Changes that are kept for replicas which were away. */
  backlogBytes: number
  /** The engine's `maxmemory`. */
  totalBytes: number
}

export function engineMemory(document: ClusterDocument, bucket: Bucket): EngineMemory {
  const nodes = Math.max(quotaMembers(document).length, 1)
  const copies = bucket.shards.length * (Math.min(bucket.replicaCount, nodes - 1) + 1)
  const perNode = Math.max(Math.ceil(copies / nodes), 1)
  const itemBytes = Math.floor((bucket.ramMegabytes * MEGABYTE) / perNode)
  const backlogBytes = Math.min(
    Math.max(Math.floor(itemBytes / BACKLOG_DIVISOR), BACKLOG_BYTES_MIN),
    BACKLOG_BYTES_MAX,
  )
  return { itemBytes, backlogBytes, totalBytes: itemBytes + backlogBytes + ENGINE_OWN_BYTES }
}
