/** A real node with a real engine: the life of a bucket, the death of its engine, a restart. */

import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '@holdfast/client/testing'
import { parseBucketConfig } from '@holdfast/topology'
import { Redis } from 'iovalkey'
import { pino } from 'pino'
import { StoreNode } from './node.ts'
import type { NodeOptions } from './options.ts'

const HOST = '127.0.0.1'
const WAIT_MS_MAX = 20_000
const POLL_MS = 20
const ENGINE_PORT_MIN = 12_000
const ENGINE_PORT_SPAN = 10_000

let folder = ''
let node: StoreNode | null = null
let options: NodeOptions

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-node-'))
  const [port, gatewayPort, dataPort] = await Promise.all([freePort(), freePort(), freePort()])
  const enginePort = await freeEnginePort()
  const enginePorts: [number, number] = [enginePort, enginePort]
  const shared = { host: HOST, arbiter: false, version: '0.0.0', gatewayCommand: null }
  options = { ...shared, data: folder, port, gatewayPort, dataPort, enginePorts }
  node = await StoreNode.start(options, pino({ level: 'silent' }))
})

after(async () => {
  await node?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('a bucket made by REST takes writes', async () => {
  const form = new URLSearchParams({ name: 'default', replicaNumber: '0', shards: '1' })
  const made = await fetch(url('/pools/default/buckets'), { method: 'POST', body: form })
  assert.equal(made.status, 202, await made.text())
  await until('a write is taken', () => says('OK', (engine) => engine.set('key', 'value')))
})

test('what a proxy may not do with an engine is refused', async () => {
  await assert.rejects(
    withEngine((engine) => engine.call('CLUSTER', 'RESET')),
    /NOPERM/,
  )
  await assert.rejects(
    withEngine((engine) => engine.config('GET', 'masterauth')),
    /NOPERM/,
  )
})

test('an engine that is killed is started again in place, with its data', async () => {
  const pid = await enginePid()
  process.kill(pid, 'SIGKILL')
  await until('another engine process runs', async () => (await enginePid()) !== pid)
  await until('it has the data', () => says('value', (engine) => engine.get('key')))
})

test('a stop leaves no process, a start finds the bucket and its data', async () => {
  const pid = await enginePid()
  await node?.stop()
  node = null
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  assert.deepEqual(await readdir(join(folder, 'run')), [])
  await assert.rejects(fetch(url('/health')))
  node = await StoreNode.start(options, pino({ level: 'silent' }))
  await until('the data is back', () => says('value', (engine) => engine.get('key')))
})

test('a bucket that is deleted takes its engine and its files with it', async () => {
  const pid = await enginePid()
  const gone = await fetch(url('/pools/default/buckets/default'), { method: 'DELETE' })
  assert.equal(gone.status, 200)
  await until('files and process are gone', async () => {
    const files = await readdir(join(folder, 'engines'))
    return files.length === 0 && !isRunning(pid)
  })
  assert.equal((await fetch(url('/pools/default/buckets/default'))).status, 404)
})

test('a second node on the same port does not start', async () => {
  const data = join(folder, 'second')
  await assert.rejects(StoreNode.start({ ...options, data }, pino({ level: 'silent' })), {
    code: 'EADDRINUSE',
  })
})

function url(path: string): string {
  return `http://${HOST}:${options.port}${path}`
}

/** The bucket as a proxy sees it; null until it can be used. */
async function config() {
  const headers = { 'x-holdfast-proxy': '0.0.0' }
  const response = await fetch(url('/pools/default/buckets/default'), { headers })
  try {
    return parseBucketConfig(await response.text())
  } catch {
    return null
  }
}

/** Runs a command as a proxy would: with the credentials and at the address of the config. */
async function withEngine<T>(command: (engine: Redis) => Promise<T>): Promise<T> {
  const extension = (await config())?.holdfast
  const primary = extension?.shards[0]?.primary
  if (!extension || !primary) throw new Error('no primary')
  const [host = '', port] = primary.split(':')
  const retryStrategy = (): null => null
  const engine = new Redis({
    host,
    port: Number(port),
    ...extension.auth,
    retryStrategy,
    lazyConnect: true,
    enableReadyCheck: false,
  })
  engine.on('error', () => {
    // the command says it too
  })
  try {
    await engine.connect()
    return await command(engine)
  } finally {
    engine.disconnect()
  }
}

/** An engine that starts refuses connections, then commands. */
async function says(
  expected: string,
  command: (engine: Redis) => Promise<string | null>,
): Promise<boolean> {
  try {
    return (await withEngine(command)) === expected
  } catch {
    return false
  }
}

async function enginePid(): Promise<number> {
  return Number(await readFile(join(folder, 'run', 'engine-default-0.pid'), 'utf8'))
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WAIT_MS_MAX
  while (!(await check())) {
    if (performance.now() > deadline) assert.fail(`${what}: not within ${WAIT_MS_MAX} ms`)
    await delay(POLL_MS)
  }
}

/** Below the ephemeral range, with the bus port 10000 above free too. */
async function freeEnginePort(): Promise<number> {
  for (;;) {
    const port = ENGINE_PORT_MIN + Math.floor(Math.random() * ENGINE_PORT_SPAN)
    if ((await listenOnce(port)) !== null && (await listenOnce(port + 10_000)) !== null) return port
  }
}

/** The port that was listened on and is free again; null when it was taken. */
async function listenOnce(port: number): Promise<number | null> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(null))
    server.listen(port, HOST, () => {
      const { port: given } = server.address() as AddressInfo
      server.close(() => resolve(given))
    })
  })
}
