/** A real memcached on a free port of the loopback, for tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { until } from '@holdfast/client/testing'

export interface RunningMemcached {
  readonly port: number
  readonly address: string
  readonly child: ChildProcess
  stop(): Promise<void>
}

/** Starts one that takes values of 20 MB; resolves when it answers. */
export async function startMemcached(...further: string[]): Promise<RunningMemcached> {
  const port = await freePort()
  const args = ['-p', String(port), '-U', '0', '-l', '127.0.0.1', '-I', '20m', '-u', 'nobody']
  const child = spawn('memcached', [...args, ...further], { stdio: 'ignore' })
  await until('memcached answers', () => answers(port))
  return {
    port,
    address: `127.0.0.1:${port}`,
    child,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(port, '127.0.0.1')
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
}
