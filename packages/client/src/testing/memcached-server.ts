// A real memcached for tests, and raw conversations with it.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { until } from './engines.ts'

const PROGRAM = '/usr/bin/memcached'
const ANSWER_TIMEOUT_MS = 5000

/** True where memcached is installed. */
export const memcachedInstalled: boolean = existsSync(PROGRAM)

export class MemcachedServer {
  readonly port: number
  readonly #child: ChildProcess

  private constructor(port: number) {
    this.port = port
    const args = ['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-u', 'nobody']
    this.#child = spawn(PROGRAM, args, { stdio: 'ignore' })
  }

  /** Starts one on a free port and waits until it answers. */
  static async start(): Promise<MemcachedServer> {
    const server = new MemcachedServer(await freePort())
    try {
      await until('memcached answers', async () => {
        const answer = await server.ask(Buffer.from('quit\r\n')).catch(() => undefined)
        return answer !== undefined
      })
    } catch (error) {
      await server.stop()
      throw error
    }
    return server
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

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.kill()
    await exited
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
