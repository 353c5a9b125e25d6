/**
 * A node that is to stop in order is relieved first: it says in its status that it is about to
 * stop, the leader hands its roles over and takes its copies off the lists that writes wait for,
 * and when it is gone nobody misses it. Here is when that is done, and the waiting for it; what the
 * leader does is in plan.ts. A node that cannot be relieved stops all the same.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { ClusterDocument } from '../document/cluster-document.ts'
import type { DocumentKeeper } from '../document/document-keeper.ts'
import type { EngineSupervisor } from '../engines/engine-supervisor.ts'
import type { Heartbeats } from '../membership/heartbeats.ts'

/** Longest that a stop waits; a handover takes some ten milliseconds, one after the other. */
const RELIEF_MS = 4000
/** Without a leader there is nobody who could: this is longer than it takes to agree on one. */
const NO_LEADER_MS = 1000
const POLL_MS = 20

/** What a node that is to stop knows of the cluster. */
export interface ReliefView {
  readonly self: number
  readonly document: ClusterDocument
  /** The member is heard and goes on. */
  stays(member: number): boolean
  readonly hasLeader: boolean
}

/** Says that this node is about to stop, and waits until it is relieved or cannot be. */
export async function relieve(node: {
  keeper: DocumentKeeper
  heartbeats: Heartbeats
  supervisor: EngineSupervisor
  log: Logger
}): Promise<void> {
  const { keeper, heartbeats, supervisor, log } = node
  const startMs = performance.now()
  supervisor.announceStop()
  const isDone = await untilRelieved({
    self: keeper.self,
    get document() {
      return keeper.current
    },
    stays: (member) => heartbeats.isLive(member) && !heartbeats.statusOf(member)?.stopping,
    get hasLeader() {
      return heartbeats.leader !== null
    },
  })
  const tookMs = Math.round(performance.now() - startMs)
  log.info({ tookMs, isRelieved: isDone }, 'about to stop')
}

/** Whether no shard that somebody else could lead, and no write, waits for that member. */
export function isRelieved(
  document: ClusterDocument,
  self: number,
  stays: (member: number) => boolean,
): boolean {
  return document.buckets.every((bucket) =>
    bucket.shards.every(({ primary, replicas }) => {
      const trusted = primary === null ? replicas : [primary, ...replicas]
      return !trusted.includes(self) || !trusted.some((m) => m !== self && stays(m))
    }),
  )
}

/** Waits until the member is relieved; false when it is not in time, or nobody can relieve it. */
export async function untilRelieved(view: ReliefView): Promise<boolean> {
  const deadlineMs = performance.now() + RELIEF_MS
  let ledAtMs = performance.now()
  for (;;) {
    if (isRelieved(view.document, view.self, (member) => view.stays(member))) return true
    const nowMs = performance.now()
    if (view.hasLeader) ledAtMs = nowMs
    if (nowMs > deadlineMs || nowMs - ledAtMs > NO_LEADER_MS) return false
    await delay(POLL_MS)
  }
}
