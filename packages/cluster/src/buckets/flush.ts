/**
 * Empties a bucket: every shard's primary, and the replicas that a write would wait for. Done means
 * done on all of them; a shard that cannot be reached fails the whole, before anything is removed
 * where that can be known.
 */
import type { Bucket, ClusterDocument } from '../document/cluster-document.ts'
import { memberById } from '../document/cluster-document.ts'
import { EngineControl } from '../engines/engine-control.ts'

/** Replicas must have followed within this. */
const REPLICATED_TIMEOUT_MS = 300

/** Raised when not every shard is known to be empty. */
export class FlushError extends Error {
  readonly code = 'HOLDFAST_FLUSH'
}

export async function flushBucket(document: ClusterDocument, bucket: Bucket): Promise<void> {
  const controls = bucket.shards.map((shard, index) => {
    const member = shard.primary === null ? undefined : memberById(document, shard.primary)
    const port = shard.instances.find((i) => i.member === shard.primary)?.port
    if (!member || port === undefined || !shard.created) {
      throw new FlushError(`shard ${index} of ${bucket.name} has no primary`)
    }
    return new EngineControl({ host: member.host, port, password: bucket.engineAdminPassword })
  })
  try {
    await Promise.all(controls.map((control) => requirePrimary(control)))
    await Promise.all(
      controls.map((control, index) => flushShard(control, bucket, bucket.shards[index]?.replicas)),
    )
  } finally {
    for (const control of controls) control.close()
  }
}

async function requirePrimary(control: EngineControl): Promise<void> {
  const role = await control.call('ROLE')
  if (Array.isArray(role) && String(role[0]) === 'master') return
  throw new FlushError(`${control.host}:${control.port} is no primary`)
}

async function flushShard(
  control: EngineControl,
  bucket: Bucket,
  replicas: readonly number[] = [],
): Promise<void> {
  await control.call('FLUSHALL', 'ASYNC')
  if (bucket.durability !== 'replicated' || replicas.length === 0) return
  const reached = Number(await control.call('WAIT', replicas.length, REPLICATED_TIMEOUT_MS))
  if (reached >= replicas.length) return
  throw new FlushError(`${control.host}:${control.port}: ${reached} of ${replicas.length} replicas`)
}
