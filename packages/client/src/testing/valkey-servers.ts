/**
 * Plain servers for tests that play somebody's own Valkey or Redis: single, with a password or TLS,
 * or as a cluster of a few primaries. No function library, no users of ours.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SLOTS } from '@holdfast/topology'
import { EngineSession } from './engine-session.ts'
import { engineProgram, freeEnginePort, until } from './engines.ts'

/** One server process. */
export class ValkeyServer {
  readonly port: number
  readonly address: string
  readonly session: EngineSession
  readonly #args: string[]
  readonly #folder: string
  #child: ChildProcess

  private constructor(port: number, args: string[], folder: string) {
    this.port = port
    this.address = `127.0.0.1:${port}`
    this.session = new EngineSession(port)
    this.#args = args
    this.#folder = folder
    this.#child = this.#spawn()
  }

  /** Starts a server with these settings beside the usual; resolves when it listens. */
  static async start(settings: Record<string, string> = {}): Promise<ValkeyServer> {
    const port = await freeEnginePort()
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-valkey-'))
    const all = { port: String(port), bind: '127.0.0.1', dir: folder, save: '', ...settings }
    const filled = Object.entries(all).map(([name, value]) => [
      name,
      value.replace('PORT', `${port}`),
    ])
    const args = filled.flatMap(([name, value]) => [`--${name}`, value ?? ''])
    const server = new ValkeyServer(port, args, folder)
    try {
      if (settings.port === undefined && settings.requirepass === undefined) await server.#listens()
      return server
    } catch (error) {
      await server.stop()
      throw error
    }
  }

  /** Starts it again, on the same port, empty. */
  async restart(): Promise<void> {
    this.#child = this.#spawn()
    await this.#listens()
  }

  async kill(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }

  async stop(): Promise<void> {
    this.session.close()
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #spawn(): ChildProcess {
    const program = engineProgram()
    if (program === undefined) throw new Error('neither valkey-server nor redis-server found')
    return spawn(program, this.#args, { stdio: 'ignore' })
  }

  async #listens(): Promise<void> {
    await until(`server on port ${this.port}`, async () => {
      return (await this.session.call('PING').catch(() => '')) === 'PONG'
    })
  }
}

/** Starts a cluster of primaries with `replicas` replicas each (primaries first). */
export async function startValkeyCluster(primaries: number, replicas = 0): Promise<ValkeyServer[]> {
  const settings = {
    'cluster-enabled': 'yes',
    'cluster-node-timeout': '1000',
    'cluster-config-file': 'nodes-PORT.conf',
    'cluster-replica-validity-factor': '0',
    'repl-diskless-sync-delay': '0',
  }
  const servers: ValkeyServer[] = []
  try {
    for (let i = 0; i < primaries * (replicas + 1); i++)
      servers.push(await ValkeyServer.start(settings))
    await formCluster(servers, primaries)
    return servers
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop()))
    throw error
  }
}

async function formCluster(servers: readonly ValkeyServer[], primaries: number): Promise<void> {
  const [first] = servers
  for (const [i, server] of servers.entries()) {
    if (i < primaries) {
      const range = [i, i + 1].map((part) => Math.floor((SLOTS * part) / primaries))
      const slots = [String(range[0]), String((range[1] ?? SLOTS) - 1)]
      await server.session.call('CLUSTER', 'ADDSLOTSRANGE', ...slots)
      await server.session.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
    }
    if (first !== undefined && server !== first) {
      await server.session.call('CLUSTER', 'MEET', '127.0.0.1', String(first.port))
    }
  }
  await until('the servers have met', async () => {
    const infos = await Promise.all(servers.map((server) => server.session.call('CLUSTER', 'INFO')))
    return infos.every((info) => {
      return (
        info.includes(`cluster_known_nodes:${servers.length}\r`) &&
        info.includes('cluster_state:ok') &&
        info.includes(`cluster_slots_assigned:${SLOTS}\r`)
      )
    })
  })
  for (const [i, server] of servers.entries()) {
    const primary = servers[i % primaries]
    if (i >= primaries && primary !== undefined) await replicate(server, primary)
  }
}

async function replicate(replica: ValkeyServer, primary: ValkeyServer): Promise<void> {
  const id = await primary.session.call('CLUSTER', 'MYID')
  await until('replica knows its primary', async () => {
    return (await replica.session.call('CLUSTER', 'REPLICATE', id).catch(() => '')) === 'OK'
  })
  await until('replica in sync', async () => {
    return (await replica.session.call('INFO', 'replication')).includes('master_link_status:up')
  })
}

/** Makes a self-signed certificate for 127.0.0.1 in the folder. */
export function makeCertificate(folder: string): { certificate: string; key: string } {
  const certificate = join(folder, 'server.crt')
  const key = join(folder, 'server.key')
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'],
      ...['-keyout', key, '-out', certificate],
    ],
    { stdio: 'ignore' },
  )
  return { certificate, key }
}
