/**
 * The links to the servers of a vBucket bucket: one or more per server, made when a config names
 * it. A client keeps to one of a server's links, so that its operations there stay in order. A
 * server that a config no longer names gets nothing more; what is in flight there may finish, for a
 * bounded time.
 */
import type { BinaryReply } from '@holdfast/protocol'
import type { ServerReport } from './backend.ts'
import type { BinaryTarget } from './binary-connection.ts'
import { BinaryLink } from './binary-link.ts'
import type { Operation, Upstream } from './operation.ts'
import type { ClientLog } from './shard.ts'
import type { Turn } from './turn.ts'

/** How long a server that is no longer named may take for what it was asked. */
export const DRAIN_MS = 1000

/** What links are made with, but for the address. */
export type LinkTarget = Omit<BinaryTarget, 'address'>

/** What the servers of a bucket have in common. */
export interface VBucketServersOptions {
  turn: Turn
  log: ClientLog
  linksPerServer: number
  onRefused: (operation: Operation, link: BinaryLink, reply: BinaryReply) => void
  onReturned: (operation: Operation) => void
}

interface Retired {
  link: BinaryLink
  untilMs: number
}

export class VBucketServers {
  readonly #options: VBucketServersOptions
  #links: Map<string, BinaryLink[]> = new Map()
  #retired: Retired[] = []
  #login = ''
  #nextPlace = 0
  /** By the counters, which a client's gathers and forks share with it. */
  readonly #places: WeakMap<Int32Array, number> = new WeakMap()

  constructor(options: VBucketServersOptions) {
    this.#options = options
  }

  /** Links that operations go to. */
  get current(): BinaryLink[] {
    return [...this.#links.values()].flat()
  }

  /** Links that operations no longer go to. */
  get retired(): BinaryLink[] {
    return this.#retired.map(({ link }) => link)
  }

  get addresses(): string[] {
    return [...this.#links.keys()]
  }

  report(): ServerReport[] {
    return this.current.map((link) => link.report())
  }

  /** The link of a server that this client uses. */
  linkFor(address: string, upstream: Upstream): BinaryLink | undefined {
    const links = this.#links.get(address)
    if (links === undefined || links.length === 1) return links?.[0]
    let place = this.#places.get(upstream.readsOutstanding)
    if (place === undefined) {
      place = this.#nextPlace++
      this.#places.set(upstream.readsOutstanding, place)
    }
    return links[place % links.length]
  }

  /** Keeps the links of servers that stay, makes those of servers that come, retires the others. */
  update(addresses: readonly string[], target: LinkTarget): void {
    const login = JSON.stringify([target.credentials, target.bucket])
    const keeps = login === this.#login
    this.#login = login
    const before = this.#links
    this.#links = new Map()
    for (const address of addresses) {
      const kept = keeps ? before.get(address) : undefined
      if (kept !== undefined) before.delete(address)
      if (!this.#links.has(address)) this.#links.set(address, kept ?? this.#make(address, target))
    }
    const untilMs = performance.now() + DRAIN_MS
    for (const link of [...before.values()].flat()) this.#retired.push({ link, untilMs })
  }

  /** Periodic; returns what servers that are gone for good have left undecided. */
  sweep(nowMs: number): Operation[] {
    for (const link of this.current) link.sweep(nowMs)
    const left: Operation[] = []
    this.#retired = this.#retired.filter(({ link, untilMs }) => {
      left.push(...link.takeWaiting(() => true))
      if (link.outstanding > 0 && nowMs < untilMs) return true
      left.push(...link.close())
      return false
    })
    return left
  }

  /** Closes everything; returns what is undecided. */
  close(): Operation[] {
    const links = [...this.current, ...this.retired]
    this.#links = new Map()
    this.#retired = []
    return links.flatMap((link) => link.close())
  }

  #make(address: string, target: LinkTarget): BinaryLink[] {
    const { turn, log, linksPerServer, onRefused, onReturned } = this.#options
    const options = { target: { ...target, address }, turn, log, onRefused, onReturned }
    return Array.from({ length: linksPerServer }, () => new BinaryLink(options))
  }
}
