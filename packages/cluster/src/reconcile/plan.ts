/**
 * The store's reconcile loop, its deciding half: actual picture and wanted placement in, next steps
 * out. No clock, no socket; the acting half is step-runner.ts.
 *
 *        document (wanted) ──┐
 *                            ├──> plan ──> steps ──> engines, document
 *   reports (actual) ────────┘      ^                    │
 *            ^                      └──── next turn ─────┘
 *            └── heartbeats from managers, own looks at engines without one
 *
 * Order within a shard: a primary that takes writes comes before everything; then the in-sync set
 * is kept true (an acknowledged write waits for it); then missing copies; then roles; then
 * leftovers. At most one step per shard per turn. No step lowers the number of in-sync copies of a
 * shard below what is wanted, but when it is taking note of a death.
 */
import type { ShardPlacement } from '@holdfast/topology'
import {
  actingPrimary,
  type BucketPicture,
  type EnginePicture,
  engineAt,
  isInSync,
  type ShardPicture,
} from './picture.ts'

export type Step =
  /** Let the member start the engine that the document calls primary. */
  | { kind: 'grantStart'; shard: number; member: number }
  /** Make one of these replicas (the one with most data) the primary: the old one is dead. */
  | { kind: 'failover'; shard: number; candidates: number[]; from: number | null; silent: boolean }
  /** Hand the primary role over in agreement with the living primary. */
  | { kind: 'handover'; shard: number; to: number }
  | { kind: 'addSlots'; shard: number; member: number }
  | { kind: 'replicate'; shard: number; member: number; primary: number }
  /** The document takes note: who is primary, which replicas are in sync. */
  | { kind: 'note'; shard: number; primary: number; replicas: number[]; why: string }
  /** As note, once the primary itself has answered: a broken link may be its death. */
  | { kind: 'noteLoss'; shard: number; primary: number; replicas: number[]; why: string }
  | { kind: 'addInstance'; shard: number; member: number }
  | { kind: 'removeInstance'; shard: number; member: number }

/** What the leader remembers between turns; injected so that deciding needs no clock. */
export interface PlanMemory {
  /** How long a listed in-sync replica has looked out of sync; 0 when it looks well. */
  outOfSyncMs(shard: number, member: number): number
  /** Since the shard's last change of primary. */
  sinceFailoverMs(shard: number): number
  /** Engines of a bucket that are being filled on that member; one that is down is not. */
  fillingOn(member: number): number
  /** A member that is gone may be failed over without a person. */
  mayFailOver(member: number): boolean
  /** A handover of the bucket is under way or just over: one at a time. */
  handingOver: boolean
  /** A member has just gone away: roles are not moved about on top of that. */
  unsettled: boolean
}

/** A replica link may be down this long (a failover re-links) before the replica is taken out. */
export const OUT_OF_SYNC_GRACE_MS = 500
/** Voters refuse a second vote for one shard within twice the engine's node timeout. */
export const HANDOVER_INTERVAL_MS = 2200
/** Copies that may be filled on one member at a time: of small shards, the start takes longest. */
export const FILLING_PER_MEMBER_MAX = 4
/** The same when the shard is large: filling one takes a core, and clients are to feel little. */
export const FILLING_LARGE_PER_MEMBER_MAX = 1
/** Memory of an engine from which on a copy of it counts as large; an empty one has some 2 MB. */
export const LARGE_SHARD_BYTES: number = 8 * 1024 * 1024

export function planBucket(
  picture: BucketPicture,
  wanted: readonly ShardPlacement[],
  memory: PlanMemory,
): Step[] {
  const steps: Step[] = []
  const started = new Map<number, number>()
  let handovers = memory.handingOver || memory.unsettled ? 1 : 0
  const leading = picture.shards.flatMap((shard) => stoppingLeader(shard) ?? [])
  for (const shard of picture.shards) {
    const step = planShard(shard, wanted[shard.index], {
      ...memory,
      fillingOn: (member) => memory.fillingOn(member) + (started.get(member) ?? 0),
      mayLetGo: (member) => !leading.includes(member),
    })
    if (!step) continue
    if (step.kind === 'handover' && handovers++ > 0) continue
    if (step.kind === 'addInstance') {
      started.set(step.member, (started.get(step.member) ?? 0) + 1)
    }
    steps.push(step)
  }
  return steps
}

/** What is known of the other shards when one is planned. */
interface Surroundings extends PlanMemory {
  /** A member that is about to stop leads nothing any more that another could lead. */
  mayLetGo(member: number): boolean
}

/** The member that leads the shard, is about to stop, and could be relieved of it. */
function stoppingLeader(shard: ShardPicture): number | null {
  const primary = engineAt(shard, shard.primary)
  return primary && planStopping(shard, primary, undefined) ? primary.member : null
}

/** The next step of one shard, or null when there is nothing to do or to wait for. */
function planShard(
  shard: ShardPicture,
  wanted: ShardPlacement | undefined,
  memory: Surroundings,
): Step | null {
  const primary = engineAt(shard, shard.primary)
  const acting = actingPrimary(shard)
  if (acting && acting !== primary && isRightful(shard, acting, primary)) {
    return noteActing(shard, acting, 'another primary holds the newer claim')
  }
  if (!primary || primary.reach === 'down') {
    return planDeadPrimary(shard, primary, memory) ?? planLostShard(shard, wanted, memory)
  }
  if (primary.reach !== 'up') return null
  if (primary.slots.length === 0) return planSlotless(shard, primary, memory)
  return (
    planInSyncSet(shard, primary, memory) ??
    planStopping(shard, primary, wanted) ??
    planReplication(shard, primary) ??
    planUnwritable(shard, primary, memory) ??
    (wanted ? planPlacement(shard, primary, wanted, memory) : null)
  )
}

/**
 * May an engine that claims the shard, and is not the document's primary, be believed? A listed
 * replica that was elected has every acknowledged write. Any other may be a primary of long ago
 * whose node has come back; it counts when the engines have settled it, or nobody has more.
 */
function isRightful(
  shard: ShardPicture,
  acting: EnginePicture,
  primary: EnginePicture | undefined,
): boolean {
  if (shard.replicas.includes(acting.member)) return true
  if (primary?.reach === 'up' && (primary.slots.length > 0 || primary.role === 'replica')) {
    return true
  }
  const isGivenUp = primary === undefined || primary.failed || primary.reach === 'up'
  return isGivenUp && shard.replicas.length === 0
}

function noteActing(shard: ShardPicture, acting: EnginePicture, why: string): Step {
  const replicas = shard.replicas.filter((member) => {
    const engine = engineAt(shard, member)
    return engine !== undefined && member !== acting.member && isInSync(engine, acting)
  })
  return { kind: 'note', shard: shard.index, primary: acting.member, replicas, why }
}

/** Dead: promote an in-sync replica; where there is none, the dead one itself is the best copy. */
function planDeadPrimary(
  shard: ShardPicture,
  primary: EnginePicture | undefined,
  memory: PlanMemory,
): Step | null {
  const inSync = shard.replicas.flatMap((member) => engineAt(shard, member) ?? [])
  const ready = inSync.filter((engine) => engine.reach === 'up' && engine.role === 'replica')
  if (ready.length > 0) {
    if (primary && !isReplaceable(primary, memory)) return null
    const candidates = ready.map((engine) => engine.member)
    const from = shard.primary
    const silent = primary?.silent ?? false
    return { kind: 'failover', shard: shard.index, candidates, from, silent }
  }
  if (inSync.some((engine) => engine.reach === 'unknown' || engine.reach === 'starting')) {
    return null
  }
  if (shard.created && primary && mayStartAgain(primary)) {
    return { kind: 'grantStart', shard: shard.index, member: primary.member }
  }
  return null
}

function mayStartAgain(primary: EnginePicture): boolean {
  return primary.managed && primary.reach === 'down' && !primary.silent && !primary.failed
}

/** An engine that dies under a living manager is replaced in any case; a member not always. */
function isReplaceable(primary: EnginePicture, memory: PlanMemory): boolean {
  return primary.managed || primary.failed || memory.mayFailOver(primary.member)
}

/**
 * The only complete copy is on a member that a person failed over and now removes: the shard goes
 * on with what others have, an incomplete copy or none.
 */
function planLostShard(
  shard: ShardPicture,
  wanted: ShardPlacement | undefined,
  memory: PlanMemory,
): Step | null {
  const primary = engineAt(shard, shard.primary)
  if (!shard.created || !primary?.failed || !primary.leaving) return null
  const others = shard.engines.filter((e) => e !== primary && !e.failed)
  if (others.some((e) => e.reach !== 'up' && e.reach !== 'down')) return null
  const candidates = others.filter((e) => e.reach === 'up' && e.role === 'replica')
  if (candidates.length > 0) {
    const members = candidates.map((e) => e.member)
    const from = primary.member
    return { kind: 'failover', shard: shard.index, candidates: members, from, silent: false }
  }
  const heir = wanted?.primary ?? null
  const engine = engineAt(shard, heir)
  if (heir === null || heir === primary.member) return null
  if (!engine) {
    if (memory.fillingOn(heir) >= FILLING_PER_MEMBER_MAX) return null
    return { kind: 'addInstance', shard: shard.index, member: heir }
  }
  if (!isBlank(engine)) return null
  const why = 'the member with its only copy is removed'
  return { kind: 'note', shard: shard.index, primary: heir, replicas: [], why }
}

function planSlotless(
  shard: ShardPicture,
  primary: EnginePicture,
  memory: PlanMemory,
): Step | null {
  if (primary.role === 'replica') {
    const candidates = [primary.member]
    const elsewhere = shard.engines.some((e) => e !== primary && e.reach === 'unknown')
    if (elsewhere) return null
    return { kind: 'failover', shard: shard.index, candidates, from: null, silent: false }
  }
  const listed = shard.replicas.flatMap((member) => engineAt(shard, member) ?? [])
  const hasBetterCopy = listed.some((engine) => !engine.failed && !isBlank(engine))
  if (shard.created && hasBetterCopy) return planDeadPrimary(shard, primary, memory)
  return { kind: 'addSlots', shard: shard.index, member: primary.member }
}

/** Started with an empty folder: belongs to nobody yet. */
function isBlank(engine: EnginePicture): boolean {
  return engine.reach === 'up' && engine.role === 'primary' && engine.slots.length === 0
}

/** Takes replicas that lag out of the set that writes wait for, and those that caught up in. */
function planInSyncSet(
  shard: ShardPicture,
  primary: EnginePicture,
  memory: Surroundings,
): Step | null {
  const kept = shard.replicas.filter((member) => {
    const engine = engineAt(shard, member)
    if (!engine || engine.reach === 'down' || isBlank(engine)) return false
    if (engine.stopping && !primary.stopping && memory.mayLetGo(member)) return false
    if (engine.reach === 'unknown' || isInSync(engine, primary)) return true
    return memory.outOfSyncMs(shard.index, member) < OUT_OF_SYNC_GRACE_MS
  })
  const joined = shard.engines
    .filter((e) => e !== primary && !e.stopping && !shard.replicas.includes(e.member))
    .filter((e) => isInSync(e, primary))
    .map((e) => e.member)
  if (kept.length === shard.replicas.length && joined.length === 0) return null
  const lost = shard.replicas.filter((member) => !kept.includes(member))
  const why = [
    ...lost.map((member) => `replica on member ${member} is lost`),
    ...joined.map((member) => `replica on member ${member} is in sync`),
  ].join(', ')
  const replicas = [...kept, ...joined]
  const kind = lost.length > 0 ? 'noteLoss' : 'note'
  return { kind, shard: shard.index, primary: primary.member, replicas, why }
}

/**
 * A primary whose member is about to stop gives way to a copy that stays, soon after its last
 * change as well: a handover needs no votes.
 */
function planStopping(
  shard: ShardPicture,
  primary: EnginePicture,
  wanted: ShardPlacement | undefined,
): Step | null {
  if (!primary.stopping) return null
  const ready = shard.replicas
    .flatMap((member) => engineAt(shard, member) ?? [])
    .filter((engine) => isInSync(engine, primary) && !engine.stopping && !engine.cannotWrite)
  const target = ready.find((engine) => engine.member === wanted?.primary) ?? ready[0]
  return target ? { kind: 'handover', shard: shard.index, to: target.member } : null
}

/** Points an engine that follows nobody, or somebody else, at the primary. */
function planReplication(shard: ShardPicture, primary: EnginePicture): Step | null {
  for (const engine of shard.engines) {
    if (engine === primary || engine.reach !== 'up') continue
    if (engine.role === 'primary' && engine.slots.length > 0) continue
    if (engine.role === 'replica' && engine.primaryId === primary.engineId) continue
    if (!engine.known.some((k) => k.id === primary.engineId)) continue
    return {
      kind: 'replicate',
      shard: shard.index,
      member: engine.member,
      primary: primary.member,
    }
  }
  return null
}

/** A primary that refuses writes for want of disk gives way to a copy that has room. */
function planUnwritable(
  shard: ShardPicture,
  primary: EnginePicture,
  memory: PlanMemory,
): Step | null {
  if (!primary.cannotWrite || memory.sinceFailoverMs(shard.index) < HANDOVER_INTERVAL_MS)
    return null
  const target = shard.replicas
    .flatMap((member) => engineAt(shard, member) ?? [])
    .find((engine) => isInSync(engine, primary) && !engine.cannotWrite)
  return target ? { kind: 'handover', shard: shard.index, to: target.member } : null
}

function planPlacement(
  shard: ShardPicture,
  primary: EnginePicture,
  wanted: ShardPlacement,
  memory: PlanMemory,
): Step | null {
  const index = shard.index
  const members = wanted.primary === null ? [] : [wanted.primary, ...wanted.replicas]
  for (const member of members) {
    if (engineAt(shard, member)) continue
    const isLarge = primary.memoryBytes >= LARGE_SHARD_BYTES
    const most = isLarge ? FILLING_LARGE_PER_MEMBER_MAX : FILLING_PER_MEMBER_MAX
    if (memory.fillingOn(member) >= most) return null
    return { kind: 'addInstance', shard: index, member }
  }
  const whole = members.every((m) => m === primary.member || shard.replicas.includes(m))
  if (!whole || wanted.primary === null) return null
  if (wanted.primary !== primary.member) {
    const target = engineAt(shard, wanted.primary)
    if (!target || target.cannotWrite || target.stopping || !isInSync(target, primary)) return null
    if (memory.sinceFailoverMs(index) < HANDOVER_INTERVAL_MS) return null
    return { kind: 'handover', shard: index, to: wanted.primary }
  }
  const leftover = shard.engines.find((e) => !members.includes(e.member) && mayRemove(e))
  return leftover ? { kind: 'removeInstance', shard: index, member: leftover.member } : null
}

/** The copy of a member that is away or failed over is kept: it may come back with it. */
function mayRemove(engine: EnginePicture): boolean {
  return engine.leaving || (engine.managed && !engine.failed)
}
