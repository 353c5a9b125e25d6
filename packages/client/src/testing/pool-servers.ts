// Real memcached processes for tests of pools: killed, frozen and started again on their port.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { freeze, until } from './engines.ts'

/** A memcached on a port of its own. */
export class PoolTestServer {
  readonly port: number
  readonly #args: readonly string[]
  #child: ChildProcess | undefined = undefined

  private constructor(port: number, args: readonly string[]) {
    this.port = port
    this.#args = args
  }

  /** Starts one on a free port and waits until it listens. */
  static async start(...args: string[]): Promise<PoolTestServer> {
    const server = new PoolTestServer(await freePort(), args)
    await server.restart()
    return server
  }

  get member(): { host: string; port: number; weight: number } {
    return { host: '127.0.0.1', port: this.port, weight: 1 }
  }

  /** Starts it again, empty. */
  async restart(): Promise<void> {
    const fixed = ['-l', '127.0.0.1', '-p', String(this.port), '-U', '0', '-u', 'nobody', '-t', '1']
    this.#child = spawn('memcached', [...fixed, ...this.#args], { stdio: 'ignore' })
    await until(`memcached on port ${this.port}`, () => listens(this.port))
  }

  async freeze(): Promise<void> {
    if (this.#child !== undefined) await freeze(this.#child)
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await exited
  }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
