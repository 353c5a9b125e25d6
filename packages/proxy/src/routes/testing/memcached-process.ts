/** A memcached for tests that can be killed, frozen, thawed and started again on its port. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { MemcachedPool, type Turn } from '@holdfast/client'
import { until } from '@holdfast/client/testing'

export class MemcachedProcess {
  readonly port: number
  #child: ChildProcess | undefined = undefined

  private constructor(port: number) {
    this.port = port
  }

  /** Starts one on a free port and waits until it listens. */
  static async start(): Promise<MemcachedProcess> {
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    server.close()
    await once(server, 'close')
    if (typeof address !== 'object' || address === null) throw new Error('no port')
    const memcached = new MemcachedProcess(address.port)
    await memcached.start()
    return memcached
  }

  /** Starts it (again), empty. */
  async start(): Promise<void> {
    const place = ['-l', '127.0.0.1', '-p', String(this.port)]
    const child = spawn('memcached', [...place, '-U', '0', '-t', '1', '-u', 'nobody'], {
      stdio: 'ignore',
    })
    this.#child = child
    await until('memcached listens', async () => {
      const socket = net.connect(this.port, '127.0.0.1')
      const listens = await once(socket, 'connect').then(
        () => true,
        () => false,
      )
      socket.destroy()
      return listens
    })
  }

  /** A pool of this server alone. */
  pool(turn: Turn): MemcachedPool {
    const servers = [{ host: '127.0.0.1', port: this.port, weight: 1 }]
    return new MemcachedPool({ turn, servers })
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await exited
  }

  /** Stops it as a machine that hangs does: connections stay, nothing is answered. */
  async freeze(): Promise<void> {
    const child = this.#child
    child?.kill('SIGSTOP')
    await until('memcached stands still', () => {
      return /^State:\s+T/m.test(readFileSync(`/proc/${child?.pid}/status`, 'utf8'))
    })
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }
}
