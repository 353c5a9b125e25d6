/**
 * Makes a replica the primary of its shard. Acts only; whether to is plan.ts.
 *
 * One command per shard and election: a duplicate voids the running election. FORCE needs the
 * votes of a majority of the engine's primaries; where these are not to be had, or are refused
 * since they voted for this shard a moment ago, the leader, which has a majority of the members
 * behind it, uses TAKEOVER.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type EngineControl, EngineError } from '../engines/engine-control.ts'
import { couldTakeOver, parseClusterNodes, parseInfo } from '../engines/engine-picture.ts'

/** An election that has not been won by then goes on as a takeover. */
const FORCE_TIMEOUT_MS = 150
const TAKEOVER_TIMEOUT_MS = 400
/** Longest that a primary's writers are held for a handover, should the leader die in the middle. */
const PAUSE_MS = 250
/** A replica that is further behind is not waited for: the handover is tried again later. */
const HANDOVER_CATCH_UP_MS = 100
const ROLE_POLL_MS = 4

export interface Candidate {
  member: number
  control: EngineControl
}

/** The candidate with most of the dead primary's writes; null when none answers. */
export async function mostAdvanced(candidates: readonly Candidate[]): Promise<Candidate | null> {
  if (candidates.length === 1) return candidates[0] ?? null
  const offsets = await Promise.all(
    candidates.map(async (candidate) => {
      try {
        const info = parseInfo(await candidate.control.text('INFO', 'replication'))
        return { candidate, offset: Number(info.get('slave_repl_offset') ?? -1) }
      } catch {
        return { candidate, offset: Number.NEGATIVE_INFINITY }
      }
    }),
  )
  const best = offsets.reduce((a, b) => (b.offset > a.offset ? b : a))
  return best.offset === Number.NEGATIVE_INFINITY ? null : best.candidate
}

/** Promotes without the old primary. True when the engine is primary. */
export async function failoverTo(
  candidate: Candidate,
  options: { mayElect: boolean; log: Logger },
): Promise<boolean> {
  const { control } = candidate
  if (options.mayElect) {
    await attempt(control, 'FORCE', options.log)
    if (await becomes(control, 'master', FORCE_TIMEOUT_MS)) return true
    options.log.warn({ member: candidate.member }, 'no election won in time, taking over')
  }
  await attempt(control, 'TAKEOVER', options.log)
  return becomes(control, 'master', TAKEOVER_TIMEOUT_MS)
}

/**
 * Hands over in agreement with the living primary: its writers are held, and when the replica
 * provably has all that it has, the replica takes over; no write is lost or refused. A replica
 * that is behind never takes over. Writers are held only while the replica is close behind, and let
 * go when the old primary knows that it is none: it would take what is lost a moment later.
 *
 * The engine's own graceful failover does the same with an election, and elections that follow each
 * other closely void each other: then writers are held for seconds.
 */
export async function handoverTo(
  candidate: Candidate,
  primary: EngineControl,
  log: Logger,
): Promise<boolean> {
  const { control } = candidate
  const hasAll = async (): Promise<boolean> => {
    if (await catchesUp(control, primary, HANDOVER_CATCH_UP_MS)) return true
    log.warn({ member: candidate.member }, 'replica is behind, the handover is left')
    return false
  }
  if (!(await hasAll())) return false
  try {
    const heldUntilMs = performance.now() + PAUSE_MS
    await primary.call('CLIENT', 'PAUSE', PAUSE_MS, 'WRITE')
    // This process may have stood still meanwhile: then writers go on, and what was seen is old.
    if (!(await hasAll()) || performance.now() >= heldUntilMs) return false
    await attempt(control, 'TAKEOVER', log)
    const [won] = await Promise.all([
      becomes(control, 'master', TAKEOVER_TIMEOUT_MS),
      becomes(primary, 'slave', PAUSE_MS),
    ])
    return won
  } finally {
    await primary.call('CLIENT', 'UNPAUSE').catch(() => {
      // gone: then nobody is held there
    })
  }
}

/**
 * True when the engine would serve the shard as soon as it takes over. One that has just been
 * started refuses writes for up to two seconds, and may not know yet what it is to take over.
 */
export async function wouldServe(control: EngineControl, primary: EngineControl): Promise<boolean> {
  if (!(await control.text('CLUSTER', 'INFO')).includes('cluster_state:ok')) return false
  const [ofReplica, ofPrimary] = await Promise.all(
    [control, primary].map(async (one) => parseClusterNodes(await one.text('CLUSTER', 'NODES'))),
  )
  return couldTakeOver(ofReplica ?? [], ofPrimary ?? [])
}

/** True when the replica has come to have what the primary has at the time of the call. */
export async function catchesUp(
  replica: EngineControl,
  primary: EngineControl,
  timeoutMs: number,
): Promise<boolean> {
  const goal = await offsetOf(primary, 'master', 1)
  if (goal === null) return false
  const deadline = performance.now() + timeoutMs
  while (performance.now() < deadline) {
    const offset = await offsetOf(replica, 'slave', 4)
    if (offset !== null && offset >= goal) return true
    await delay(ROLE_POLL_MS)
  }
  return false
}

/** ROLE answers `master offset replicas` or `slave host port state offset`. */
async function offsetOf(
  control: EngineControl,
  role: 'master' | 'slave',
  field: number,
): Promise<number | null> {
  const answer = await control.call('ROLE')
  if (!Array.isArray(answer) || String(answer[0]) !== role) return null
  return Number(answer[field])
}

async function attempt(control: EngineControl, how: string, log: Logger): Promise<void> {
  try {
    await control.call('CLUSTER', 'FAILOVER', how)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    log.warn({ err: error, how }, 'failover command refused')
  }
}

async function becomes(
  control: EngineControl,
  goal: 'master' | 'slave',
  timeoutMs: number,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while (performance.now() < deadline) {
    try {
      const role = await control.call('ROLE')
      if (Array.isArray(role) && String(role[0]) === goal) return true
    } catch {
      return false
    }
    await delay(ROLE_POLL_MS)
  }
  return false
}
