/**
 * Sends heartbeats to every other member and keeps what they say: who is live, whom each follows,
 * the status of their engines. Deciding (who leads, who is gone) is leadership.ts.
 */
import type { Logger } from 'pino'
import {
  clusterDocumentSchema,
  compareVersions,
  isMajority,
  memberById,
  voters,
} from '../document/cluster-document.ts'
import type { DocumentKeeper } from '../document/document-keeper.ts'
import { chooseLeader, holdsLease, isLive, isOvertaken, LEASE_MS } from './leadership.ts'
import {
  type Heartbeat,
  type HeartbeatAnswer,
  heartbeatAnswerSchema,
  type MemberStatus,
} from './messages.ts'
import { closeLinks, newPeer, type Peer } from './peer.ts'
import { PeerError } from './peer-error.ts'
import type { PeerLink } from './peer-link.ts'

export const HEARTBEAT_INTERVAL_MS = 100
/** The other's own heartbeat, which we answer, stands for ours for this long. */
const ANSWER_STANDS_MS = 130
/** Our end of the connection is used this often all the same: a silent one is closed. */
const BEAT_INTERVAL_MS_MAX = 3000
/** Two missed heartbeats. */
const WORRYING_MS = 230
/** A turn of our own loop longer than this is our stall, not the others' silence. */
const OWN_STALL_MS = 150

export class Heartbeats {
  readonly #keeper: DocumentKeeper
  readonly #log: Logger
  readonly #ownStatus: () => MemberStatus
  readonly #peers = new Map<number, Peer>()
  readonly #onEjected: () => void
  readonly #onNews: () => void
  #following: number | null = null
  #followingSinceMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | null = null
  #startedAtMs = performance.now()
  readonly #startedAt = Date.now()
  #sentCount = 0
  #lastTurnMs = performance.now()
  #leading = false

  constructor(options: {
    keeper: DocumentKeeper
    log: Logger
    ownStatus: () => MemberStatus
    /** The cluster says that this member was removed. */
    onEjected: () => void
    /** Something changed that the reconcile loop should see at once. */
    onNews: () => void
  }) {
    this.#keeper = options.keeper
    this.#log = options.log
    this.#ownStatus = options.ownStatus
    this.#onEjected = options.onEjected
    this.#onNews = options.onNews
  }

  start(): void {
    this.#timer = setInterval(() => this.#turn(), HEARTBEAT_INTERVAL_MS)
    this.#turn()
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
    for (const peer of this.#peers.values()) closeLinks(peer)
    this.#peers.clear()
  }

  /** This member leads and a majority lends it the lease now. */
  get leading(): boolean {
    this.#decide()
    return this.#leading
  }

  /** Whom this member follows, heard or not. */
  get following(): number | null {
    return this.#following
  }

  /** The leader this member follows, when it has heard it within the lease. */
  get leader(): number | null {
    this.#decide()
    if (this.#following === this.#keeper.self) return this.#leading ? this.#following : null
    if (this.#following === null) return null
    const peer = this.#peers.get(this.#following)
    return peer?.leading ? this.#following : null
  }

  /** A leader is known and this member holds the document that it holds. */
  get synced(): boolean {
    const leader = this.leader
    if (leader === null) return false
    if (leader === this.#keeper.self) return true
    const committed = this.#peers.get(leader)?.committed
    return committed !== undefined && compareVersions(this.#keeper.current, committed) >= 0
  }

  link(id: number): PeerLink | null {
    return this.#peers.get(id)?.link ?? null
  }

  statusOf(id: number): MemberStatus | null {
    return id === this.#keeper.self ? this.#ownStatus() : (this.#peers.get(id)?.status ?? null)
  }

  isLive(id: number): boolean {
    if (id === this.#keeper.self) return true
    const peer = this.#peers.get(id)
    return peer !== undefined && this.#isHeard(peer, performance.now())
  }

  /** Heard within the time-out of automatic failover. */
  #isHeard(peer: Peer, nowMs: number): boolean {
    return isLive(peer, nowMs, this.#keeper.current.autoFailover.timeoutMs)
  }

  /** Not heard for a while, or refusing: time to look at its engines. */
  isWorrying(id: number): boolean {
    const peer = this.#peers.get(id)
    if (id === this.#keeper.self || peer === undefined) return false
    return peer.refused || performance.now() - peer.heardAtMs > WORRYING_MS
  }

  /** Somebody is not heard, or nobody leads: what is next is a matter of moments. */
  get isUneasy(): boolean {
    if (this.leader === null) return true
    for (const id of this.#peers.keys()) if (this.isWorrying(id)) return true
    return false
  }

  /** Nothing listens at its address: its manager's process is gone. */
  isRefused(id: number): boolean {
    return this.#peers.get(id)?.refused === true
  }

  /** A majority of voters cannot reach that member. */
  isGone(id: number): boolean {
    if (this.isLive(id)) return false
    const all = voters(this.#keeper.current)
    const agree = all.filter((voter) => {
      if (voter.id === id) return false
      if (voter.id === this.#keeper.self) return true
      const peer = this.#peers.get(voter.id)
      return peer !== undefined && this.isLive(voter.id) && peer.unreachable.includes(id)
    })
    const self = this.#keeper.selfMember
    const selfCounts = self?.membership === 'active'
    return isMajority(agree.length, all.length) && selfCounts
  }

  /** The connection broke: find out at once whether the member is still there. */
  #beatSoon(id: number): void {
    setImmediate(() => {
      const peer = this.#peers.get(id)
      if (!peer || this.#timer === null) return
      if (peer.busy) peer.again = true
      else this.#beat(peer)
    })
  }

  /** Sends to all at once rather than at the next interval. */
  announce(): void {
    for (const peer of this.#peers.values()) {
      if (peer.busy) peer.again = true
      else this.#beat(peer)
    }
  }

  /**
   * A heartbeat came in; the answer is ours. Null when it comes from a member that this document
   * does not list and the sender's is newer: we are behind, and can say nothing.
   */
  receive(heartbeat: Heartbeat): HeartbeatAnswer | null {
    const document = this.#keeper.current
    const member = memberById(document, heartbeat.from)
    if (!member || member.uuid !== heartbeat.uuid) {
      if (compareVersions(heartbeat.committed, document) > 0) return null
      const { from, uuid, committed } = heartbeat
      this.#log.warn({ from, uuid, committed }, 'heard a member that was removed')
      return { ejected: true }
    }
    this.#syncPeers()
    const peer = this.#peers.get(heartbeat.from)
    if (peer) {
      this.#take(peer, heartbeat)
      peer.statusSeenSeq = heartbeat.statusSeen
      peer.answeredAtMs = performance.now()
    }
    this.#decide()
    return this.#compose(heartbeat.statusSeen, peer)
  }

  #turn(): void {
    const nowMs = performance.now()
    this.#noticeSleep(nowMs)
    const stallMs = nowMs - this.#lastTurnMs - HEARTBEAT_INTERVAL_MS
    this.#lastTurnMs = nowMs
    if (stallMs > OWN_STALL_MS) {
      for (const peer of this.#peers.values()) peer.heardAtMs += stallMs
    }
    this.#syncPeers()
    this.#decide()
    for (const peer of this.#peers.values()) {
      if (!peer.busy && !this.#isSpared(peer, nowMs)) this.#beat(peer)
    }
  }

  /**
   * Nothing would be said that the answer to its own heartbeat has not said: one message each way
   * in the place of two. Who leads asks all the same, for the lease; so does who may want to lead.
   */
  #isSpared(peer: Peer, nowMs: number): boolean {
    const leader = this.#following
    return (
      leader !== null &&
      leader !== this.#keeper.self &&
      peer.heartbeats.isOpen &&
      nowMs - peer.answeredAtMs < ANSWER_STANDS_MS &&
      nowMs - peer.beatAtMs < BEAT_INTERVAL_MS_MAX
    )
  }

  /**
   * A leader that was frozen for a lease has been given up by its followers, and would unseat its
   * successor by going on to claim that it leads: it listens first, like one that has just started.
   */
  #noticeSleep(nowMs: number): void {
    const isOwn = this.#following === this.#keeper.self
    if (isOwn && nowMs - this.#lastTurnMs > LEASE_MS) this.#startedAtMs = nowMs
  }

  #syncPeers(): void {
    const others = this.#keeper.current.members.filter((m) => m.id !== this.#keeper.self)
    for (const [id, peer] of this.#peers) {
      const member = others.find((m) => m.id === id)
      if (!member || `${member.host}:${member.restPort}` !== peer.address) {
        closeLinks(peer)
        this.#peers.delete(id)
      }
    }
    for (const member of others) {
      if (this.#peers.has(member.id)) continue
      const peer = newPeer(member, () => this.#beatSoon(member.id))
      this.#peers.set(member.id, peer)
    }
  }

  #beat(peer: Peer): void {
    peer.busy = true
    peer.again = false
    const sentAtMs = performance.now()
    peer.beatAtMs = sentAtMs
    const body = this.#compose(peer.statusSeenSeq, peer)
    const { cluster } = body
    peer.heartbeats
      .send(body, this.#keeper.current.secret)
      .then((raw) => {
        const answer = heartbeatAnswerSchema.parse(raw)
        // The answer to what a member of an earlier cluster asked says nothing to this one.
        if (cluster !== this.#keeper.current.uuid) return
        if ('ejected' in answer) {
          this.#onEjected()
          return
        }
        if (answer.following === this.#keeper.self) peer.followsUsSinceMs = sentAtMs
        this.#take(peer, answer)
        peer.statusSeenSeq = answer.statusSeen
      })
      .catch((error: unknown) => {
        const refused = error instanceof PeerError && error.refused
        if (refused && !peer.refused) {
          this.#log.warn({ member: peer.id, address: peer.address }, 'member refuses connections')
          this.#onNews()
          peer.refused = true
          this.announce()
        }
        peer.refused = refused
      })
      .finally(() => {
        peer.busy = false
        this.#decide()
        if (peer.again) this.#beat(peer)
      })
  }

  #compose(statusSeen: number, peer: Peer | undefined): Heartbeat {
    const nowMs = performance.now()
    const status = this.#ownStatus()
    const document = this.#keeper.current
    return {
      cluster: document.uuid,
      from: this.#keeper.self,
      uuid: this.#keeper.selfMember?.uuid ?? '',
      order: [this.#startedAt, ++this.#sentCount],
      committed: { term: document.term, rev: document.rev },
      following: this.#following,
      unreachable: [...this.#peers.values()]
        .filter((p) => !this.#isHeard(p, nowMs))
        .map((p) => p.id),
      leading: this.#leading,
      statusSeq: status.seq,
      status: status.seq === statusSeen ? null : status,
      statusSeen: peer?.status?.seq ?? -1,
    }
  }

  #take(peer: Peer, heartbeat: Heartbeat): void {
    if (isOvertaken(heartbeat.order, peer.order)) return
    peer.order = heartbeat.order
    if (!this.#isHeard(peer, performance.now())) this.#onNews()
    peer.heardAtMs = performance.now()
    peer.refused = false
    peer.following = heartbeat.following
    peer.leading = heartbeat.leading
    peer.committed = heartbeat.committed
    peer.unreachable = heartbeat.unreachable
    if (heartbeat.status && heartbeat.status.seq !== peer.status?.seq) {
      peer.status = heartbeat.status
      this.#onNews()
    }
    if (!this.#keeper.commit(heartbeat.committed)) this.#fetch(peer)
  }

  #fetch(peer: Peer): void {
    peer.link
      .send('GET', '/internal/document', { secret: this.#keeper.current.secret })
      .then((raw) => this.#keeper.install(clusterDocumentSchema.parse(raw)))
      .catch((error: unknown) => {
        this.#log.warn({ err: error, member: peer.id }, 'cannot fetch the cluster document')
      })
  }

  #decide(): void {
    const nowMs = performance.now()
    this.#noticeSleep(nowMs)
    const input = {
      selfId: this.#keeper.self,
      startedAtMs: this.#startedAtMs,
      following: this.#following,
      followingSinceMs: this.#followingSinceMs,
      voterIds: voters(this.#keeper.current).map((m) => m.id),
      peers: this.#peers,
      nowMs,
    }
    const chosen = chooseLeader(input)
    if (chosen !== this.#following) {
      this.#following = chosen
      this.#followingSinceMs = nowMs
      this.#log.info({ following: chosen }, 'follows')
      this.announce()
    }
    const leading = holdsLease({
      ...input,
      following: this.#following,
      followingSinceMs: this.#followingSinceMs,
    })
    if (leading !== this.#leading) {
      this.#leading = leading
      this.#log.info({ leading }, leading ? 'leads the cluster' : 'no longer leads')
      this.#onNews()
    }
  }
}
