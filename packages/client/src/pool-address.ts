/**
 * Where a server's name leads. An address stands for itself. A name is looked up anew for every
 * connect; while the resolver fails or is slow, what it said last is used.
 */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'

/** Most addresses of a name that are tried. */
const ADDRESSES_MAX = 16

/** Finds the addresses of a name, in the order to try them; rejects when there are none. */
export type LookupAddresses = (host: string) => Promise<string[]>

/** Asks the system's resolver. */
export async function lookupAddresses(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true })
  return found.map(({ address }) => address)
}

export class PoolAddress {
  readonly host: string
  readonly #lookup: LookupAddresses
  readonly #timeoutMs: number
  #known: readonly string[]

  constructor(host: string, timeoutMs: number, lookup: LookupAddresses = lookupAddresses) {
    this.host = host
    this.#timeoutMs = timeoutMs
    this.#lookup = lookup
    this.#known = isIP(host) === 0 ? [] : [host]
  }

  get isName(): boolean {
    return isIP(this.host) === 0
  }

  /** Hands over the addresses in the order to try them; none when a name has never had any. */
  resolve(take: (addresses: readonly string[]) => void): void {
    if (!this.isName) {
      take(this.#known)
      return
    }
    // An answer that comes too late is kept for the next time.
    let due = true
    const settle = (): void => {
      if (!due) return
      due = false
      clearTimeout(timer)
      take(this.#known)
    }
    const timer = setTimeout(settle, this.#timeoutMs)
    this.#lookup(this.host).then((addresses) => {
      if (addresses.length > 0) this.#known = addresses.slice(0, ADDRESSES_MAX)
      settle()
    }, settle)
  }
}
