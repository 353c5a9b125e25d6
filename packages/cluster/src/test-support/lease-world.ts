/**
 * Members that exchange heartbeats over a bad network, on a clock of its own, to run the rules of
 * leadership against. Messages take their time, overtake one another on different connections, get
 * lost; members are cut off, killed and started again with nothing in memory. A member here is
 * what Heartbeats is with its sockets left out.
 */
import {
  chooseLeader,
  holdsLease,
  isOvertaken,
  LEASE_MS,
  type MessageOrder,
  type PeerView,
  unheard,
} from '../membership/leadership.ts'

const BEAT_MS = 100
const ANSWER_TIMEOUT_MS = 500

/** How bad the network is. */
export interface Weather {
  seed: number
  /** Longest way of a message. */
  delayMsMax: number
  /** Lost messages of a hundred. */
  lossPercent: number
}

interface Peer extends PeerView {
  busy: boolean
  again: boolean
}

interface Member {
  id: number
  up: boolean
  /** Counts its lives: what an earlier one sent or awaits means nothing to it. */
  life: number
  startedAtMs: number
  following: number | null
  followingSinceMs: number
  peers: Map<number, Peer>
  sentCount: number
}

type LeaseView = Parameters<typeof chooseLeader>[0] & Parameters<typeof holdsLease>[0]

interface Message {
  following: number | null
  order: MessageOrder
}

interface Happening {
  atMs: number
  order: number
  act: () => void
}

export class LeaseWorld {
  readonly #members: Member[]
  #weather: Weather
  readonly #cuts = new Set<string>()
  readonly #random: () => number
  #coming: Happening[] = []
  #order = 0
  #nowMs = 0
  /** Members that held the lease, one after the other. */
  readonly leaders: number[] = []

  constructor(count: number, weather: Weather) {
    this.#weather = weather
    this.#random = randomOf(weather.seed)
    this.#members = Array.from({ length: count }, (_, i) => newMember(i + 1))
    for (const member of this.#members) this.#start(member)
  }

  get ids(): number[] {
    return this.#members.map((m) => m.id)
  }

  /** Members that hold the lease now. */
  holders(): number[] {
    return this.#members.filter((m) => m.up && holdsLease(this.#view(m))).map((m) => m.id)
  }

  /** Lets time pass; throws as soon as two members hold a lease. */
  run(durationMs: number): void {
    const untilMs = this.#nowMs + durationMs
    for (;;) {
      const next = this.#coming.reduce<Happening | null>(
        (a, b) => (a && earlier(a, b) ? a : b),
        null,
      )
      if (!next || next.atMs > untilMs) break
      this.#coming.splice(this.#coming.indexOf(next), 1)
      this.#nowMs = next.atMs
      next.act()
      this.#watch()
    }
    this.#nowMs = untilMs
  }

  kill(id: number): void {
    const member = this.#at(id)
    member.up = false
    member.life++
  }

  /** A new life begins: it remembers nothing. */
  start(id: number): void {
    const member = this.#at(id)
    if (!member.up) this.#start(member)
  }

  /** No message passes between these two. */
  cut(a: number, b: number): void {
    this.#cuts.add(pair(a, b))
  }

  /** All cuts are mended, everybody runs; the weather may change too. */
  mend(weather: Weather = this.#weather): void {
    this.#weather = weather
    this.#cuts.clear()
    for (const { id } of this.#members) this.start(id)
  }

  #watch(): void {
    const holders = this.holders()
    if (holders.length > 1) {
      throw new Error(`at ${this.#nowMs.toFixed(1)} ms members ${holders} all hold the lease`)
    }
    const [holder] = holders
    if (holder !== undefined && this.leaders.at(-1) !== holder) this.leaders.push(holder)
  }

  #start(member: Member): void {
    member.up = true
    member.life++
    member.startedAtMs = this.#nowMs
    member.following = null
    member.peers = new Map(this.ids.filter((id) => id !== member.id).map((id) => [id, newPeer(id)]))
    const life = member.life
    const turn = (): void => {
      if (!member.up || member.life !== life) return
      this.#decide(member)
      for (const peer of member.peers.values()) if (!peer.busy) this.#beat(member, peer)
      this.#later(BEAT_MS, turn)
    }
    this.#later(this.#random() * BEAT_MS, turn)
  }

  #beat(member: Member, peer: Peer): void {
    peer.busy = true
    peer.again = false
    const { id, life } = member
    const sentAtMs = this.#nowMs
    const message = say(member)
    const done = (): void => {
      if (member.life !== life || !peer.busy) return
      peer.busy = false
      this.#decide(member)
      if (peer.again) this.#beat(member, peer)
    }
    let isOver = false
    const answered = (answer: Message): void => {
      if (isOver || member.life !== life) return
      isOver = true
      if (answer.following === id) peer.followsUsSinceMs = sentAtMs
      this.#take(peer, answer)
      done()
    }
    this.#later(ANSWER_TIMEOUT_MS, () => {
      if (isOver) return
      isOver = true
      done()
    })
    this.#send(id, peer.id, () => {
      const other = this.#at(peer.id)
      if (!other.up) {
        if (isOver || member.life !== life) return
        isOver = true
        peer.refused = true
        done()
        return
      }
      const view = other.peers.get(id)
      if (view) this.#take(view, message)
      this.#decide(other)
      const answer = say(other)
      this.#send(peer.id, id, () => answered(answer))
    })
  }

  #take(peer: Peer, { following, order }: Message): void {
    if (isOvertaken(order, peer.order)) return
    peer.order = order
    peer.heardAtMs = this.#nowMs
    peer.refused = false
    peer.following = following
  }

  #decide(member: Member): void {
    const chosen = chooseLeader(this.#view(member))
    if (chosen === member.following) return
    member.following = chosen
    member.followingSinceMs = this.#nowMs
    for (const peer of member.peers.values()) {
      if (peer.busy) peer.again = true
      else this.#beat(member, peer)
    }
  }

  #view(member: Member): LeaseView {
    return {
      selfId: member.id,
      startedAtMs: member.startedAtMs,
      following: member.following,
      followingSinceMs: member.followingSinceMs,
      voterIds: this.ids,
      peers: member.peers,
      nowMs: this.#nowMs,
    }
  }

  #send(from: number, to: number, arrive: () => void): void {
    const { delayMsMax, lossPercent } = this.#weather
    const isLost = this.#random() * 100 < lossPercent
    this.#later(this.#random() ** 3 * delayMsMax, () => {
      if (!isLost && !this.#cuts.has(pair(from, to))) arrive()
    })
  }

  #later(afterMs: number, act: () => void): void {
    this.#coming.push({ atMs: this.#nowMs + afterMs, order: this.#order++, act })
  }

  #at(id: number): Member {
    const member = this.#members[id - 1]
    if (!member) throw new Error(`there is no member ${id}`)
    return member
  }
}

/** Longest time in which a cluster without faults must have found its leader. */
export const ELECTION_MS: number = LEASE_MS * 3

function newMember(id: number): Member {
  return {
    id,
    up: false,
    life: 0,
    startedAtMs: 0,
    following: null,
    followingSinceMs: 0,
    peers: new Map(),
    sentCount: 0,
  }
}

function newPeer(id: number): Peer {
  return { ...unheard(id), busy: false, again: false }
}

function say(member: Member): Message {
  return { following: member.following, order: [member.life, ++member.sentCount] }
}

function pair(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`
}

function earlier(a: Happening, b: Happening): boolean {
  return a.atMs - b.atMs < 0 || (a.atMs === b.atMs && a.order < b.order)
}

/** Numbers 0..1 from a seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
