/**
 * Makes a replica the primary of its shard. Acts only; whether to is plan.ts.
 *
 * One command per shard and election: a duplicate voids the running election. FORCE needs the
 * votes of a majority of the engine's primaries; where these are not to be had, the leader, which
 * has a majority of the members behind it, uses TAKEOVER.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type EngineControl, EngineError } from '../engines/engine-control.ts'
import { parseInfo } from '../engines/engine-picture.ts'

/** An election that has not been won by then goes on as a takeover. */
const FORCE_TIMEOUT_MS = 300
const TAKEOVER_TIMEOUT_MS = 400
/**
 * The primary holds its writers back during a handover (for up to 5 s when it does not come off),
 * so it is not left to wait for long.
 */
const HANDOVER_TIMEOUT_MS = 400
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
  options: { enginesHaveMajority: boolean; log: Logger },
): Promise<boolean> {
  const { control } = candidate
  if (options.enginesHaveMajority) {
    await attempt(control, 'FORCE', options.log)
    if (await becomesPrimary(control, FORCE_TIMEOUT_MS)) return true
    options.log.warn({ member: candidate.member }, 'no election won in time, taking over')
  }
  await attempt(control, 'TAKEOVER', options.log)
  return becomesPrimary(control, TAKEOVER_TIMEOUT_MS)
}

/**
 * Hands over in agreement with the living primary: no write is lost or refused. Two elections at
 * one time can void each other; then the in-sync replica, which has every acknowledged write, takes
 * over.
 */
export async function handoverTo(candidate: Candidate, log: Logger): Promise<boolean> {
  await candidate.control.call('CLUSTER', 'FAILOVER')
  if (await becomesPrimary(candidate.control, HANDOVER_TIMEOUT_MS)) return true
  log.warn({ member: candidate.member }, 'handover did not come off in time, taking over')
  await attempt(candidate.control, 'TAKEOVER', log)
  return becomesPrimary(candidate.control, TAKEOVER_TIMEOUT_MS)
}

async function attempt(control: EngineControl, how: string, log: Logger): Promise<void> {
  try {
    await control.call('CLUSTER', 'FAILOVER', how)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    log.warn({ err: error, how }, 'failover command refused')
  }
}

async function becomesPrimary(control: EngineControl, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while (performance.now() < deadline) {
    try {
      const role = await control.call('ROLE')
      if (Array.isArray(role) && String(role[0]) === 'master') return true
    } catch {
      return false
    }
    await delay(ROLE_POLL_MS)
  }
  return false
}
