/**
 * The TCP ports that workers share. Where the system can, each worker binds the port itself
 * (SO_REUSEPORT) and the kernel deals out connections: one that waits for a worker that is killed
 * is reset at once, where a connection that a primary was just handing over would hang. Elsewhere,
 * and for unix sockets, the primary binds and hands over.
 */
import cluster from 'node:cluster'
import { once } from 'node:events'
import net from 'node:net'
import { ListenError } from './listen-error.ts'
import type { ListenerConfig, ProxyConfig } from './proxy-config.ts'

const SHARING_PLATFORMS: readonly NodeJS.Platform[] = ['linux', 'freebsd']

/** Whether this process binds ports that its fellows bind as well. */
export function sharesPorts(): boolean {
  return cluster.isWorker && SHARING_PLATFORMS.includes(process.platform)
}

export class WorkerPorts {
  /** Ports chosen for listeners that ask for a free one, by host and place in the list. */
  readonly #chosen: Map<string, number> = new Map()
  readonly #bound: Set<string> = new Set()

  /**
   * The configuration with ports in place of 0.
   *
   * @throws {ListenError} when another process has a port that is not shared yet: a shared port
   * would let that pass
   */
  async settle(config: ProxyConfig): Promise<ProxyConfig> {
    if (!SHARING_PLATFORMS.includes(process.platform)) return config
    const listeners: ListenerConfig[] = []
    for (const [index, listener] of config.listeners.entries()) {
      const { host, port } = listener
      if (port === undefined) {
        listeners.push(listener)
        continue
      }
      const wanted = port === 0 ? (this.#chosen.get(`${host} ${index}`) ?? 0) : port
      const place = `${host} ${wanted}`
      const settled = this.#bound.has(place) ? wanted : await probe(host, wanted)
      this.#bound.add(`${host} ${settled}`)
      if (port === 0) this.#chosen.set(`${host} ${index}`, settled)
      listeners.push({ ...listener, port: settled })
    }
    return { ...config, listeners }
  }
}

/** Binds for a moment, alone; resolves with the port. */
async function probe(host: string, port: number): Promise<number> {
  const server = net.createServer()
  try {
    server.listen({ host, port })
    await once(server, 'listening')
  } catch (cause) {
    throw new ListenError(port, cause)
  }
  const bound = server.address()
  server.close()
  await once(server, 'close')
  return typeof bound === 'object' && bound !== null ? bound.port : port
}
