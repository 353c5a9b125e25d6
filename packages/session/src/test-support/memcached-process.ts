/*
 * A real memcached on a free port, for tests; its own counters tell what the session manager asked.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const START_TIMEOUT_MS = 5000

/** Operations since the start of the process. */
export interface Counts {
  gets: number
  sets: number
  touches: number
  deletes: number
}

export class MemcachedProcess {
  readonly port: number
  #child: ChildProcess

  constructor(port: number, child: ChildProcess) {
    this.port = port
    this.#child = child
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  async counts(): Promise<Counts> {
    const stats = new Map<string, number>()
    for (const line of (await ask(this.port, 'stats\r\n')).split('\r\n')) {
      const [, name = '', value] = line.split(' ')
      stats.set(name, Number(value))
    }
    const sum = (...names: string[]): number =>
      names.reduce((total, name) => total + (stats.get(name) ?? Number.NaN), 0)
    return {
      // A gat or gats counts as a touch only.
      gets: sum('cmd_get'),
      sets: sum('cmd_set'),
      touches: sum('cmd_touch'),
      deletes: sum('delete_hits', 'delete_misses'),
    }
  }

  /** What `work` cost. */
  async costOf(work: () => Promise<unknown>): Promise<Counts> {
    const before = await this.counts()
    await work()
    const after = await this.counts()
    return {
      gets: after.gets - before.gets,
      sets: after.sets - before.sets,
      touches: after.touches - before.touches,
      deletes: after.deletes - before.deletes,
    }
  }

  async has(key: string): Promise<boolean> {
    return (await ask(this.port, `get ${key}\r\n`)).startsWith('VALUE')
  }

  async put(key: string, value: string): Promise<void> {
    await ask(this.port, `set ${key} 0 0 ${value.length}\r\n${value}\r\n`)
  }

  async flush(): Promise<void> {
    await ask(this.port, 'flush_all\r\n')
  }

  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  /** Starts an empty memcached on the same port. */
  async restart(): Promise<void> {
    await this.kill()
    this.#child = await spawnMemcached(this.port)
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}

export async function startMemcached(): Promise<MemcachedProcess> {
  const port = await freePort()
  return new MemcachedProcess(port, await spawnMemcached(port))
}

async function spawnMemcached(port: number): Promise<ChildProcess> {
  const args = ['-u', 'nobody', '-l', '127.0.0.1', '-p', String(port), '-U', '0', '-m', '16']
  const child = spawn('memcached', args, { stdio: 'ignore' })
  const deadlineMs = performance.now() + START_TIMEOUT_MS
  for (;;) {
    try {
      await ask(port, 'version\r\n')
      return child
    } catch (error) {
      if (performance.now() > deadlineMs) throw error
      await delay(10)
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** One request and its whole answer, over a connection of its own. */
function ask(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.setTimeout(START_TIMEOUT_MS, () => socket.destroy(new Error('no answer')))
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
      if (!/(^|\r\n)(END|STORED|OK|VERSION [^\r]*)\r\n$/.test(answer)) return
      socket.end()
      resolve(answer)
    })
  })
}
