// Picks the loopback ports of a picture: the preferred one where it is free, else another. Engine
// ports come in ranges and stay below 22768, because an engine's cluster bus listens 10000 above
// and must keep out of the range that the system uses for outgoing connections.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

// None of the ports that fetch refuses to call (6000, 6666, 10080 and others) is in this range.
const SERVICE_PORT_MIN = 7_000
const SERVICE_PORT_MAX = 9_999
const ENGINE_PORT_MIN = 12_000
const ENGINE_PORT_MAX = 22_700
const ENGINE_BUS_OFFSET = 10_000
const TRIES_MAX = 500
const LISTEN_TIMEOUT_MS = 10_000
const LISTEN_POLL_MS = 10

export interface PortRange {
  readonly from: number
  readonly to: number
}

/** Hands out ports that are free at that moment, none of them twice. */
export class PortPlan {
  readonly #taken = new Set<number>()

  /** The preferred port when it is free, else a random free one of the service range. */
  async port(preferred?: number): Promise<number> {
    let candidate = preferred ?? randomBetween(SERVICE_PORT_MIN, SERVICE_PORT_MAX)
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      if (!this.#taken.has(candidate) && (await isFree(candidate))) {
        this.#taken.add(candidate)
        return candidate
      }
      candidate = randomBetween(SERVICE_PORT_MIN, SERVICE_PORT_MAX)
    }
    throw new Error(`no free port found in ${TRIES_MAX} tries`)
  }

  /** `count` engine ports in a row, starting at the preferred one when all of them are free. */
  async engineRange(count: number, preferredFrom?: number): Promise<PortRange> {
    let from = preferredFrom ?? randomBetween(ENGINE_PORT_MIN, ENGINE_PORT_MAX - count)
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const ports = Array.from({ length: count }, (_, index) => from + index)
      if (await this.#areFree(ports)) {
        for (const port of ports) this.#taken.add(port)
        return { from, to: from + count - 1 }
      }
      from = randomBetween(ENGINE_PORT_MIN, ENGINE_PORT_MAX - count)
    }
    throw new Error(`no free engine ports found in ${TRIES_MAX} tries`)
  }

  async #areFree(ports: readonly number[]): Promise<boolean> {
    for (const port of ports) {
      if (this.#taken.has(port)) return false
      if (!(await isFree(port)) || !(await isFree(port + ENGINE_BUS_OFFSET))) return false
    }
    return true
  }
}

/** Resolves when something accepts connections on the port; throws when nothing does in time. */
export async function untilListening(port: number): Promise<void> {
  const deadlineMs = performance.now() + LISTEN_TIMEOUT_MS
  while (!(await accepts(port))) {
    if (performance.now() > deadlineMs) throw new Error(`nothing listens on port ${port}`)
    await delay(LISTEN_POLL_MS)
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return true
  } catch {
    return false
  }
}

function randomBetween(min: number, max: number): number {
  return min + Math.floor(Math.random() * (max - min + 1))
}
