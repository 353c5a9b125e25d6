// Real memcached processes for tests: asked, killed, frozen and started again on their port.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { freeze, until } from './engines.ts'
import { freePort } from './free-port.ts'

const PROGRAM = '/usr/bin/memcached'
const ANSWER_TIMEOUT_MS = 5000

/** True where memcached is installed. */
export const memcachedInstalled: boolean = existsSync(PROGRAM)

/** A memcached on a port of its own. */
export class MemcachedProcess {
  readonly port: number
  readonly #args: readonly string[]
  #child: ChildProcess | undefined = undefined

  private constructor(port: number, args: readonly string[]) {
    this.port = port
    this.#args = args
  }

  /** Starts one on a free port, with further arguments, and waits until it listens. */
  static async start(...args: string[]): Promise<MemcachedProcess> {
    const server = new MemcachedProcess(await freePort(), args)
    await server.restart()
    return server
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** The server as a member of a pool. */
  get member(): { host: string; port: number; weight: number } {
    return { host: '127.0.0.1', port: this.port, weight: 1 }
  }

  /** Starts it again, empty; one that runs is killed first. */
  async restart(): Promise<void> {
    await this.kill()
    const place = ['-l', '127.0.0.1', '-p', String(this.port), '-U', '0']
    const args = [...place, '-u', 'nobody', '-t', '1', ...this.#args]
    this.#child = spawn(PROGRAM, args, { stdio: 'ignore' })
    try {
      await until(`memcached on port ${this.port}`, () => this.#listens())
    } catch (error) {
      await this.kill()
      throw error
    }
  }

  /** Everything it says on one connection until it closes; end `raw` with a quit. */
  async ask(raw: Buffer): Promise<Buffer> {
    const socket = connect(this.port, '127.0.0.1')
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new Error('memcached is silent')))
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.write(raw)
    await once(socket, 'close')
    return Buffer.concat(chunks)
  }

  /** Stops it as a machine that hangs does: connections stay, nothing is answered. */
  async freeze(): Promise<void> {
    if (this.#child !== undefined) await freeze(this.#child)
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  async #listens(): Promise<boolean> {
    const socket = connect(this.port, '127.0.0.1')
    const listens = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    return listens
  }
}
