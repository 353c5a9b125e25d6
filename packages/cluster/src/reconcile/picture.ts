/**
 * The actual state of a bucket as the leader knows it: for every engine of the document, whether it
 * can be reached and what it says of itself. Pure: built from the document and from reports.
 */
import type { Bucket, ClusterDocument, Instance, Member } from '../document/cluster-document.ts'
import type { EngineStatus } from '../membership/messages.ts'

/** What the leader knows of an engine's life. */
export type Reach =
  /** Answers. */
  | 'up'
  /** Its process is there and reads its files. */
  | 'starting'
  /** Its own manager says so, or a majority misses the member and the engine does not answer. */
  | 'down'
  /** No judgement yet: wait. */
  | 'unknown'

export interface EnginePicture {
  member: number
  host: string
  port: number
  address: string
  /** The member's manager is heard. */
  managed: boolean
  /** The member was failed over, or is not yet back from that: it is not to be used. */
  failed: boolean
  /** The member is to leave the cluster. */
  leaving: boolean
  reach: Reach
  /** The member is about to stop: it is to lead nothing, and no write is to wait for it. */
  stopping: boolean
  /** Down by its own manager's word because it does not answer; its process has not ended. */
  silent: boolean
  /** It serves, but refuses writes: it cannot bring them to its disk. */
  cannotWrite: boolean
  engineId: string
  role: 'primary' | 'replica'
  primaryId: string
  linkUp: boolean
  slots: [number, number][]
  known: { id: string; address: string; failed: boolean }[]
  configEpoch: number
  memoryBytes: number
  items: number
}

export interface ShardPicture {
  index: number
  primary: number | null
  replicas: number[]
  created: boolean
  engines: EnginePicture[]
}

export interface BucketPicture {
  bucket: Bucket
  shards: ShardPicture[]
  arbiters: EnginePicture[]
}

/** The leader's own look at an engine whose manager is not heard. */
export type RemoteLook =
  | { kind: 'answers'; status: EngineStatus }
  | { kind: 'refused' }
  | { kind: 'silent' }

export interface Reports {
  isLive(member: number): boolean
  /** A majority misses it. */
  isGone(member: number): boolean
  /** Its manager's process is gone. */
  isRefused(member: number): boolean
  /** It says that it is about to stop. */
  isStopping(member: number): boolean
  status(member: number, bucketUuid: string, shard: number): EngineStatus | null
  look(member: number, port: number): RemoteLook | null
}

export function picturesOf(document: ClusterDocument, reports: Reports): BucketPicture[] {
  return document.buckets.map((bucket) => ({
    bucket,
    shards: bucket.shards.map((shard, index) => ({
      index,
      primary: shard.primary,
      replicas: shard.replicas,
      created: shard.created,
      engines: shard.instances.flatMap((i) => engineOf(document, bucket, index, i, reports)),
    })),
    arbiters: bucket.arbiterInstances.flatMap((i) => engineOf(document, bucket, -1, i, reports)),
  }))
}

function engineOf(
  document: ClusterDocument,
  bucket: Bucket,
  shard: number,
  instance: Instance,
  reports: Reports,
): EnginePicture[] {
  const member = document.members.find((m) => m.id === instance.member)
  if (!member) return []
  return [judge(member, bucket, shard, instance, reports)]
}

function judge(
  member: Member,
  bucket: Bucket,
  shard: number,
  instance: Instance,
  reports: Reports,
): EnginePicture {
  const managed = reports.isLive(member.id)
  const reported = reports.status(member.id, bucket.uuid, shard)
  const look = managed ? null : reports.look(member.id, instance.port)
  const status = look?.kind === 'answers' ? look.status : reported
  let reach: Reach = 'unknown'
  if (member.membership !== 'active') reach = 'down'
  else if (managed) reach = reported ? reachOf(reported) : 'starting'
  else if (look?.kind === 'answers') reach = 'up'
  else if (look?.kind === 'refused' && reports.isRefused(member.id)) reach = 'down'
  else if (reports.isGone(member.id) && look !== null) reach = 'down'
  return {
    member: member.id,
    host: member.host,
    port: instance.port,
    address: `${member.host}:${instance.port}`,
    managed,
    failed: member.membership !== 'active',
    leaving: member.ejecting,
    reach,
    stopping: managed && reports.isStopping(member.id),
    silent: managed && status?.state === 'silent',
    cannotWrite: managed && status?.trouble === 'diskFull',
    engineId: status?.engineId ?? '',
    role: status?.role ?? 'replica',
    primaryId: status?.primaryId ?? '',
    linkUp: status?.linkUp ?? false,
    slots: status?.slots ?? [],
    known: status?.known ?? [],
    configEpoch: status?.configEpoch ?? 0,
    memoryBytes: status?.memoryBytes ?? 0,
    items: status?.items ?? 0,
  }
}

function reachOf(status: EngineStatus): Reach {
  switch (status.state) {
    case 'running':
      return 'up'
    case 'unknown':
      return 'unknown'
    case 'starting':
    case 'loading':
      return 'starting'
    case 'stopped':
    case 'silent':
      return 'down'
  }
}

/** The engine that takes the shard's writes by its own word: the newest claim wins. */
export function actingPrimary(shard: ShardPicture): EnginePicture | null {
  let best: EnginePicture | null = null
  for (const engine of shard.engines) {
    if (engine.reach !== 'up' || engine.role !== 'primary' || engine.slots.length === 0) continue
    if (best === null || engine.configEpoch > best.configEpoch) best = engine
  }
  return best
}

export function engineAt(shard: ShardPicture, member: number | null): EnginePicture | undefined {
  return shard.engines.find((e) => e.member === member)
}

/** A replica that follows `primary` and has a live link to it. */
export function isInSync(engine: EnginePicture, primary: EnginePicture): boolean {
  return (
    engine.reach === 'up' &&
    engine.role === 'replica' &&
    engine.linkUp &&
    engine.primaryId === primary.engineId
  )
}

/**
 * An engine that was made primary a moment ago has said so, or has died: it served when it was
 * chosen, so word of its death is newer.
 */
export function hasSettled(engine: EnginePicture | undefined): boolean {
  if (engine?.reach === 'down') return true
  return engine?.role === 'primary' && engine.slots.length > 0
}

/** Most of the bucket's voting engines (primaries with slots) are up: elections can be won. */
export function hasEngineMajority(picture: BucketPicture): boolean {
  let voting = 0
  let up = 0
  for (const shard of picture.shards) {
    voting++
    if (engineAt(shard, shard.primary)?.reach === 'up') up++
  }
  for (const arbiter of picture.arbiters) {
    voting++
    if (arbiter.reach === 'up') up++
  }
  return up * 2 > voting
}
