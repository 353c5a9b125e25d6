/**
 * How many connections applications have, by address: counted when one opens and when it closes,
 * never in between. There are no more addresses than connections, which are bounded.
 */
import type { ClientCount } from '@holdfast/protocol'

/** Addresses of one process that are told to others: its workers' sums are made of so many. */
export const CLIENTS_TOLD_MAX = 256

/** Applications on this machine that use a unix socket have no address. */
const LOCAL = 'unix socket'

export class ClientCounts {
  readonly #connections: Map<string, number> = new Map()

  opened(address: string): void {
    const name = nameOf(address)
    this.#connections.set(name, (this.#connections.get(name) ?? 0) + 1)
  }

  closed(address: string): void {
    const name = nameOf(address)
    const rest = (this.#connections.get(name) ?? 0) - 1
    if (rest > 0) this.#connections.set(name, rest)
    else this.#connections.delete(name)
  }

  list(): ClientCount[] {
    return [...this.#connections].map(([address, connections]) => ({ address, connections }))
  }
}

/** Adds up counts by address: those with the most connections, at most `max`. */
export function sumClients(lists: readonly (readonly ClientCount[])[], max: number): ClientCount[] {
  const sums = new Map<string, number>()
  for (const { address, connections } of lists.flat()) {
    sums.set(address, (sums.get(address) ?? 0) + connections)
  }
  return [...sums]
    .map(([address, connections]) => ({ address, connections }))
    .sort((a, b) => b.connections - a.connections || a.address.localeCompare(b.address))
    .slice(0, max)
}

/** An IPv4 address that came in by IPv6 is itself. */
function nameOf(address: string): string {
  return address === '' ? LOCAL : address.replace(/^::ffff:/, '')
}
