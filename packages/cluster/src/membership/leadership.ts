/**
 * Who leads: decided here without clock or socket. Each member follows one member at a time and
 * says so in its heartbeats. A member leads while a majority of voters has said, within the lease,
 * that it follows it. A follower changes its mind only when its leader has been silent for the
 * whole lease, or its process is known to be gone (connection refused), or no longer leads itself;
 * so two members never hold a lease at the same time.
 *
 * The lowest live id is chosen, and kept: a lower one that comes back does not take over from a
 * leader that works.
 */
import { isMajority } from '../document/cluster-document.ts'

/** A follower keeps faith this long after the last word from its leader. */
export const LEASE_MS = 700
/** A leader counts a follower this long, from when it asked: less than the follower's lease. */
export const LEASE_HELD_MS = 560
/**
 * A member that has not been heard for this long is missed, unless the cluster's settings say
 * otherwise. Who leads does not depend on the settings.
 */
export const SILENCE_MS = 400

/** Place of a message among all that a member sends: when its process started, then a count. */
export type MessageOrder = [startedAt: number, count: number]

/** The message was sent before one that has arrived already, on another connection. */
export function isOvertaken(order: MessageOrder, last: MessageOrder): boolean {
  return order[0] === last[0] && order[1] <= last[1]
}

/** What one member knows of another. Times are of the local monotonic clock. */
export interface PeerView {
  id: number
  /** Last word received from it; -Infinity when never. */
  heardAtMs: number
  /** The last attempt to reach it was refused: nothing listens there. */
  refused: boolean
  /** Whom it said it follows. */
  following: number | null
  /** Of the newest message from it. */
  order: MessageOrder
  /** When the heartbeat was sent that it last answered with `following` = us. */
  followsUsSinceMs: number
}

/** What is known of one that has not been heard yet. */
export function unheard(id: number): PeerView {
  return {
    id,
    heardAtMs: Number.NEGATIVE_INFINITY,
    refused: false,
    following: null,
    order: [0, 0],
    followsUsSinceMs: Number.NEGATIVE_INFINITY,
  }
}

/** Heard lately. */
export function isLive(peer: PeerView, nowMs: number, silenceMs: number = SILENCE_MS): boolean {
  return !peer.refused && nowMs - peer.heardAtMs < silenceMs
}

/** Heard within the lease: whoever it leads still keeps faith. */
function keepsLease(peer: PeerView, nowMs: number): boolean {
  return !peer.refused && nowMs - peer.heardAtMs < LEASE_MS
}

/**
 * Whom to follow now. `selfId` may be the answer; null when self may not vote: it is no voter, or
 * has just started, and an earlier life of it may have lent its lease to somebody a moment ago.
 */
export function chooseLeader(input: {
  selfId: number
  startedAtMs: number
  following: number | null
  voterIds: readonly number[]
  peers: ReadonlyMap<number, PeerView>
  nowMs: number
}): number | null {
  const { selfId, startedAtMs, following, voterIds, peers, nowMs } = input
  if (voterIds.length > 1 && nowMs - startedAtMs < LEASE_MS) return null
  const live = (id: number): boolean => {
    const peer = peers.get(id)
    return id === selfId || (peer !== undefined && keepsLease(peer, nowMs))
  }
  if (following !== null && voterIds.includes(following) && live(following)) {
    const leader = peers.get(following)
    if (following === selfId) {
      const other = rivalOf(selfId, voterIds, peers, nowMs)
      return other ?? selfId
    }
    if (leader?.following === following || leader?.following === null) return following
  }
  const candidates = voterIds.filter(live)
  const claimed = candidates.find((id) => id !== selfId && peers.get(id)?.following === id)
  return claimed ?? candidates.reduce<number | null>((a, b) => (a === null || b < a ? b : a), null)
}

/** Of two that both claim to lead, the one with the higher id gives way. */
function rivalOf(
  selfId: number,
  voterIds: readonly number[],
  peers: ReadonlyMap<number, PeerView>,
  nowMs: number,
): number | null {
  for (const id of voterIds) {
    const peer = peers.get(id)
    if (id < selfId && peer && isLive(peer, nowMs) && peer.following === id) return id
  }
  return null
}

/**
 * True while a majority of the voters has lent this member its lease. What was lent before it began
 * to follow itself does not count: the lender may have heard that it followed another.
 */
export function holdsLease(input: {
  selfId: number
  following: number | null
  /** Since when it follows that one. */
  followingSinceMs: number
  voterIds: readonly number[]
  peers: ReadonlyMap<number, PeerView>
  nowMs: number
}): boolean {
  const { selfId, following, followingSinceMs, voterIds, peers, nowMs } = input
  if (following !== selfId || !voterIds.includes(selfId)) return false
  let count = 1
  for (const id of voterIds) {
    const peer = peers.get(id)
    if (id === selfId || peer === undefined || peer.following !== selfId) continue
    if (peer.followsUsSinceMs < followingSinceMs) continue
    if (nowMs - peer.followsUsSinceMs < LEASE_HELD_MS) count++
  }
  return isMajority(count, voterIds.length)
}
