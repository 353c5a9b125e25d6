/**
 * What a member knows of another one between two heartbeats, and its two links to it. The rules
 * are in heartbeats.ts and leadership.ts.
 */
import type { DocumentVersion, Member } from '../document/cluster-document.ts'
import { HeartbeatLink } from './heartbeat-link.ts'
import { type PeerView, unheard } from './leadership.ts'
import type { MemberStatus } from './messages.ts'
import { PeerLink } from './peer-link.ts'

export interface Peer extends PeerView {
  address: string
  link: PeerLink
  heartbeats: HeartbeatLink
  busy: boolean
  again: boolean
  /** When it was last sent a heartbeat, and when the last one of its own was answered. */
  beatAtMs: number
  answeredAtMs: number
  status: MemberStatus | null
  unreachable: readonly number[]
  /** Last of our own status that it has. */
  statusSeenSeq: number
  leading: boolean
  committed: DocumentVersion
}

/** One that has not been heard yet. */
export function newPeer(member: Member, onDisconnect: () => void): Peer {
  return {
    ...unheard(member.id),
    address: `${member.host}:${member.restPort}`,
    link: new PeerLink(member),
    heartbeats: new HeartbeatLink(member, onDisconnect),
    busy: false,
    again: false,
    beatAtMs: Number.NEGATIVE_INFINITY,
    answeredAtMs: Number.NEGATIVE_INFINITY,
    status: null,
    unreachable: [],
    statusSeenSeq: -1,
    leading: false,
    committed: { term: 0, rev: 0 },
  }
}

/** Ends both connections. */
export function closeLinks({ link, heartbeats }: Peer): void {
  link.close()
  heartbeats.close()
}
