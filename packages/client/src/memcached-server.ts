/**
 * One server of a pool: its links, and which of them an upstream uses. With several links an
 * upstream keeps to one, so that everything it asks of the server stays in order.
 *
 * A server given by name is looked up again from time to time. When the name leads elsewhere,
 * fresh links take over at once and the old ones close when they are answered.
 */
import type { ServerReport } from './backend.ts'
import { BinaryLink } from './binary-link.ts'
import type { Operation } from './operation.ts'
import type { PoolAddress } from './pool-address.ts'
import { PoolLink, type PoolLinkOptions } from './pool-link.ts'

/** How often a name is looked up again. */
export const LOOKUP_INTERVAL_MS = 30_000

/** What a server is made with. */
export interface MemcachedServerOptions extends PoolLinkOptions {
  links: number
  /** Else text, with meta as `target.protocol` says. */
  binary: boolean
}

type Link = PoolLink | BinaryLink

export class MemcachedServer {
  readonly name: string
  readonly #options: MemcachedServerOptions
  readonly #address: PoolAddress
  /** Which link an upstream uses; an upstream is known by its counters, which its forks share. */
  readonly #linkOf: WeakMap<Int32Array, number> = new WeakMap()
  #links: Link[]
  #retiring: Link[] = []
  #nextLink = 0
  #lookedUpAtMs: number = performance.now()

  constructor(options: MemcachedServerOptions) {
    this.name = options.name
    this.#options = options
    this.#address = options.address
    this.#links = this.#openLinks()
  }

  /** No link has a server. */
  get away(): boolean {
    return this.#links.every((link) => link.report().state === 'away')
  }

  get outstanding(): number {
    return [...this.#links, ...this.#retiring].reduce((sum, link) => sum + link.outstanding, 0)
  }

  report(): ServerReport {
    const reports = this.#links.map((link) => link.report())
    const sum = (field: 'held' | 'outstanding' | 'connects' | 'failures'): number =>
      reports.reduce((total, report) => total + report[field], 0)
    const states = reports.map(({ state }) => state)
    const best = STATES_BEST_FIRST.find((state) => states.includes(state)) ?? 'idle'
    return {
      address: this.name,
      state: best,
      held: sum('held'),
      outstanding: sum('outstanding'),
      connects: sum('connects'),
      failures: sum('failures'),
    }
  }

  submit(operation: Operation): void {
    const links = this.#links
    const link = links.length === 1 ? links[0] : links[this.#indexFor(operation)]
    link?.submit(operation)
  }

  /** Periodic: silent connections, links that have done their part, names that lead elsewhere. */
  sweep(nowMs: number): void {
    for (const link of this.#links) link.sweep(nowMs)
    for (const link of this.#retiring) link.sweep(nowMs)
    if (this.#retiring.length > 0) {
      for (const link of this.#retiring) if (link.outstanding === 0) link.close()
      this.#retiring = this.#retiring.filter((link) => link.outstanding > 0)
    }
    if (this.#address.isName && nowMs - this.#lookedUpAtMs > LOOKUP_INTERVAL_MS) {
      this.#lookedUpAtMs = nowMs
      this.lookUp()
    }
  }

  /** Goes where the name leads, if that is elsewhere than where the links are. */
  lookUp(): void {
    this.#address.resolve((addresses) => this.#follow(addresses))
  }

  /** Takes out what was not sent, in order; what was is awaited. */
  retire(): Operation[] {
    return this.#links.flatMap((link) =>
      link instanceof PoolLink ? link.takeHeld() : link.takeWaiting(() => true),
    )
  }

  /** Closes for good and returns what is undecided, in order. */
  close(): Operation[] {
    return [...this.#retiring, ...this.#links].flatMap((link) => link.close())
  }

  #indexFor(operation: Operation): number {
    const { writesOutstanding } = operation.upstream
    const known = this.#linkOf.get(writesOutstanding)
    if (known !== undefined) return known
    const index = this.#nextLink
    this.#nextLink = (index + 1) % this.#links.length
    this.#linkOf.set(writesOutstanding, index)
    return index
  }

  #follow(addresses: readonly string[]): void {
    const elsewhere = this.#links.filter(
      (link) => link instanceof PoolLink && link.host !== '' && !addresses.includes(link.host),
    )
    if (addresses.length === 0 || elsewhere.length === 0) return
    this.#options.log('info', 'server has another address', { server: this.name })
    this.#retiring.push(...this.#links)
    this.#links = this.#openLinks()
  }

  #openLinks(): Link[] {
    return Array.from({ length: this.#options.links }, () => this.#openLink())
  }

  #openLink(): Link {
    if (!this.#options.binary) return new PoolLink(this.#options)
    const { name, target, turn, log } = this.#options
    return new BinaryLink({
      target: {
        address: name,
        credentials: target.credentials,
        connectTimeoutMs: target.connectTimeoutMs,
        loginTimeoutMs: target.greetingTimeoutMs,
        silenceTimeoutMs: target.silenceTimeoutMs,
        valueBytesMax: target.valueBytesMax,
      },
      turn,
      log,
    })
  }
}

const STATES_BEST_FIRST = ['connected', 'connecting', 'idle', 'away'] as const
