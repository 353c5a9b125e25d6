/**
 * Real engines for tests: redis-server (or valkey-server) processes in cluster mode on loopback,
 * each shard one primary with its replicas, with the function library loaded and the proxy's ACL
 * user made. Ports are taken below 22768, because the cluster bus uses port + 10000 and that must
 * stay out of the ephemeral range. Not part of the published package's surface.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type HoldfastExtension, shardRanges } from '@holdfast/topology'
import { ENGINE_LIBRARY } from '../engine-functions.ts'
import { EngineSession } from './engine-session.ts'

const SLOTS_PER_VBUCKET = 16
const READY_TIMEOUT_MS = 30_000
const PORT_MIN = 13_000
const PORT_MAX = 22_000

/** Credentials of the user that proxies log in with. */
export const TEST_CREDENTIALS: { username: string; password: string } = {
  username: 'holdfast-data',
  password: 'pa55word',
}

/** One engine process. */
export interface TestEngine {
  address: string
  port: number
  process: ChildProcess
  session: EngineSession
}

/** One shard: its primary first. */
export type TestShard = TestEngine[]

/** A running set of engines. */
export interface TestEngines {
  shards: TestShard[]
  /** The config that describes the engines as they were started. */
  config: HoldfastExtension
  /** Makes `engine` the primary of its shard, as the store's leader would; resolves when it is. */
  promote(engine: TestEngine): Promise<void>
  stop(): Promise<void>
}

/** The engine program of this machine, or undefined. */
export function engineProgram(): string | undefined {
  const folders = (process.env.PATH ?? '').split(':').concat('/usr/bin', '/usr/sbin')
  for (const name of ['valkey-server', 'redis-server']) {
    for (const folder of folders) {
      if (existsSync(join(folder, name))) return join(folder, name)
    }
  }
  return undefined
}

/** Starts `shardCount` shards with `replicas` replicas each. */
export async function startEngines(shardCount: number, replicas: number): Promise<TestEngines> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-engines-'))
  const shards: TestShard[] = Array.from({ length: shardCount }, () => [])
  const stop = async (): Promise<void> => {
    await Promise.all(shards.flat().map(stopEngine))
    await rm(folder, { recursive: true, force: true })
  }
  try {
    for (const shard of shards) {
      for (let r = 0; r <= replicas; r++) shard.push(await startEngine(folder))
    }
    await formCluster(shards)
  } catch (error) {
    await stop()
    throw error
  }
  const ranges = shardRanges(shardCount)
  const config: HoldfastExtension = {
    rev: 1,
    durability: replicas > 0 ? 'replicated' : 'none',
    degradedWrites: 'allow',
    auth: TEST_CREDENTIALS,
    shards: shards.map((shard, s) => ({
      vBuckets: ranges[s] ?? [0, 1023],
      primary: shard[0]?.address ?? null,
      replicas: shard.slice(1).map((engine) => engine.address),
    })),
  }
  return { shards, config, promote, stop }
}

/** Resolves when `check` holds, fails when it does not within `timeoutMs`. */
export async function until(
  what: string,
  check: () => boolean | Promise<boolean>,
  timeoutMs: number = READY_TIMEOUT_MS,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  while (!(await check())) {
    if (performance.now() > deadlineMs) throw new Error(`${what}: not within ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Stops a process and resolves when all its threads stand still: a signal takes its time. */
export async function freeze(child: ChildProcess): Promise<void> {
  child.kill('SIGSTOP')
  const tasks = `/proc/${child.pid}/task`
  await until('every thread stopped', () =>
    readdirSync(tasks).every((task) => {
      const stat = readFileSync(`${tasks}/${task}/stat`, 'latin1')
      return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')
    }),
  )
}

/** A port for an engine whose bus port is free as well. */
export async function freeEnginePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN))
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port
  }
  throw new Error('no free engine port found')
}

async function startEngine(folder: string): Promise<TestEngine> {
  const program = engineProgram()
  if (program === undefined) throw new Error('neither valkey-server nor redis-server found')
  const port = await freeEnginePort()
  const settings: Record<string, string> = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    appendonly: 'no',
    hz: '100',
    'cluster-enabled': 'yes',
    'cluster-config-file': `nodes-${port}.conf`,
    'cluster-node-timeout': '1000',
    'cluster-require-full-coverage': 'no',
    'cluster-replica-validity-factor': '0',
    'cluster-allow-replica-migration': 'no',
    'repl-diskless-sync-delay': '0',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const child = spawn(program, args, { stdio: 'ignore' })
  const session = new EngineSession(port)
  const engine: TestEngine = { address: `127.0.0.1:${port}`, port, process: child, session }
  try {
    await until(`engine on port ${port}`, async () => {
      return (await session.call('PING').catch(() => '')) === 'PONG'
    })
    await addDataUser(session)
    return engine
  } catch (error) {
    await stopEngine(engine)
    throw error
  }
}

async function addDataUser(session: EngineSession): Promise<void> {
  const { username, password } = TEST_CREDENTIALS
  await session.call(
    ...['ACL', 'SETUSER', username, 'on', `>${password}`, '~*', '&*'],
    ...['+@read', '+@write', '+@connection', '+wait', '+fcall', '+flushall'],
  )
}

async function formCluster(shards: TestShard[]): Promise<void> {
  const engines = shards.flat()
  const ranges = shardRanges(shards.length)
  for (const [i, shard] of shards.entries()) {
    const [from, to] = ranges[i] ?? [0, 1023]
    const slots = [from * SLOTS_PER_VBUCKET, (to + 1) * SLOTS_PER_VBUCKET - 1].map(String)
    await shard[0]?.session.call('CLUSTER', 'ADDSLOTSRANGE', ...slots)
    await shard[0]?.session.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
    await shard[0]?.session.call('FUNCTION', 'LOAD', 'REPLACE', ENGINE_LIBRARY.source)
  }
  for (const engine of engines) {
    for (const other of engines) {
      if (other !== engine) {
        await engine.session.call('CLUSTER', 'MEET', '127.0.0.1', String(other.port))
      }
    }
  }
  await until('engines met', async () => {
    for (const engine of engines) {
      const info = await engine.session.call('CLUSTER', 'INFO')
      if (!info.includes(`cluster_known_nodes:${engines.length}\r`)) return false
    }
    return true
  })
  for (const shard of shards) await replicate(shard)
  await until('cluster writable', async () => {
    for (const engine of engines) {
      const info = await engine.session.call('CLUSTER', 'INFO')
      if (!info.includes('cluster_state:ok')) return false
    }
    return true
  })
}

async function replicate(shard: TestShard): Promise<void> {
  const [primary, ...replicas] = shard
  const id = await primary?.session.call('CLUSTER', 'MYID')
  for (const replica of replicas) {
    await until('replica knows its primary', async () => {
      const answer = replica.session.call('CLUSTER', 'REPLICATE', id ?? '')
      return (await answer.catch(() => '')) === 'OK'
    })
    await until('replica in sync', async () => {
      return (await replica.session.call('INFO', 'replication')).includes('master_link_status:up')
    })
  }
}

async function promote(engine: TestEngine): Promise<void> {
  let askedMs = 0
  await until('promotion', async () => {
    // A refused election may be asked for again only after the voters have forgotten the last.
    if (performance.now() - askedMs > 4000) {
      askedMs = performance.now()
      await engine.session.call('CLUSTER', 'FAILOVER', 'FORCE').catch(() => '')
    }
    return (await engine.session.call('INFO', 'replication')).includes('role:master')
  })
}

async function stopEngine(engine: TestEngine): Promise<void> {
  engine.session.close()
  const child = engine.process
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGCONT')
  child.kill('SIGKILL')
  await exited
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
