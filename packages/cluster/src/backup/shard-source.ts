/**
 * Where a shard's items are read for a backup: from a replica, so that the primary has its time for
 * clients, and of the replicas from this node's own if it has one; from the primary when there is
 * no replica, or when none catches up. A replica is read once it has everything that the primary
 * had when the reading began.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Bucket, ClusterDocument } from '../document/cluster-document.ts'
import { EngineError } from '../engines/engine-control.ts'
import { EngineItems } from './engine-items.ts'

/** A replica that has not caught up by then is passed over. */
const CATCH_UP_MS_MAX = 2000
const POLL_MS = 10

export interface ShardCopy {
  member: number
  role: 'primary' | 'replica'
  host: string
  port: number
}

/** The copies of a shard in the order in which to read them: replicas first, own ones before. Pure. */
export function copiesToRead(
  document: ClusterDocument,
  bucket: Bucket,
  shardIndex: number,
  prefers: { self: number; isLive(member: number): boolean },
): ShardCopy[] {
  const shard = bucket.shards[shardIndex]
  if (shard === undefined) return []
  const copyAt = (member: number, role: ShardCopy['role']): ShardCopy[] => {
    const host = document.members.find((m) => m.id === member)?.host
    const port = shard.instances.find((i) => i.member === member)?.port
    if (host === undefined || port === undefined || !prefers.isLive(member)) return []
    return [{ member, role, host, port }]
  }
  const replicas = shard.replicas.flatMap((member) => copyAt(member, 'replica'))
  return [
    ...replicas.filter((copy) => copy.member === prefers.self),
    ...replicas.filter((copy) => copy.member !== prefers.self),
    ...(shard.primary === null ? [] : copyAt(shard.primary, 'primary')),
  ]
}

/** Opens the first copy that can be read. Throws {@link EngineError} when none can. */
export async function openShard(
  bucket: Bucket,
  copies: readonly ShardCopy[],
): Promise<{ copy: ShardCopy; items: EngineItems }> {
  const goal = await primaryOffset(bucket, copies)
  const failures: string[] = []
  for (const copy of copies) {
    const items = new EngineItems({ ...copy, password: bucket.engineAdminPassword })
    try {
      await items.connect()
      if (copy.role === 'primary' || (goal !== null && (await reaches(items, goal)))) {
        return { copy, items }
      }
      failures.push(`the replica at ${copy.host}:${copy.port} does not catch up`)
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    }
    items.close()
  }
  throw new EngineError(`no copy can be read: ${failures.join('; ') || 'none is known'}`)
}

/** How far the primary is; null when it does not say. */
async function primaryOffset(bucket: Bucket, copies: readonly ShardCopy[]): Promise<number | null> {
  const primary = copies.find((copy) => copy.role === 'primary')
  if (primary === undefined) return null
  const items = new EngineItems({ ...primary, password: bucket.engineAdminPassword })
  try {
    await items.connect()
    return await items.offset()
  } catch {
    return null
  } finally {
    items.close()
  }
}

async function reaches(items: EngineItems, goal: number): Promise<boolean> {
  const deadline = performance.now() + CATCH_UP_MS_MAX
  while ((await items.offset()) < goal) {
    if (performance.now() > deadline) return false
    await delay(POLL_MS)
  }
  return true
}
