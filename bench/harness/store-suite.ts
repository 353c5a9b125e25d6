// The suite `store`: what a cluster of three nodes costs and how it behaves. How long it takes to
// start, what it costs while nothing happens, how long replicated sets take at a low and a high
// rate, whether it keeps its head when the processor is taken away from it, and what clients feel
// while it moves data to a fourth node.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { MemcachedClient } from '@holdfast/client'
import { LocalApps } from '../../packages/holdfast/src/picture/local-apps.ts'
import { LocalStore } from '../../packages/holdfast/src/picture/local-store.ts'
import { nodePids } from '../../packages/holdfast/src/picture/node-processes.ts'
import { PortPlan } from '../../packages/holdfast/src/picture/ports.ts'
import { findPrograms } from '../../packages/holdfast/src/picture/programs.ts'
import { cpuMicroseconds } from './cpu-time.ts'
import { figure, markdownTable } from './markdown.ts'
import { residentBytes } from './memory.ts'
import type { SuiteReport, SuiteSurroundings } from './suite.ts'

const COPIES_TIMEOUT_MS = 60_000
const IDLE_SETTLE_MS = 15_000
const IDLE_MS = 10_000
const HOGS = 32
const STARVED_MS = 20_000
const ITEMS = 300_000
const ITEMS_QUICK = 20_000
const VALUE_BYTES = 1024
/** For all items twice on each node, and what an engine needs besides. */
const BUCKET_MEGABYTES = 1000
const LOAD_LANES = 64
const CLIENT_LANES = 8
const CLIENT_PAUSE_MS = 5
const BASE_MS = 5000
const SETS_MS = 10_000

interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** Most it may be; undefined: no target. */
  readonly most?: number
}

/** Latencies of operations, in milliseconds, and how many failed. */
interface Latencies {
  readonly ms: number[]
  failed: number
}

export async function runStore({ stage, options, say }: SuiteSurroundings): Promise<SuiteReport> {
  const programs = findPrograms(join(import.meta.dirname, '../..'))
  const ports = new PortPlan()
  // The harness itself is pinned to a core: its children must not inherit that.
  const anywhere = { host: () => '127.0.0.1', launcher: () => ['taskset', '-c', allCores()] }
  const store = new LocalStore(programs, stage.folder, ports, anywhere)
  const apps = new LocalApps(programs, stage.folder, ports, { sticky: true, asyncBackup: false })
  stage.atEnd(async () => {
    await apps.stop()
    await store.stop()
  })
  const items = options.quick ? ITEMS_QUICK : ITEMS
  const figures: Figure[] = []
  const note: Note = (name, value, unit, most) => {
    say(`${name}: ${figure(value)} ${unit}`)
    figures.push({ name, value, unit, ...(most === undefined ? {} : { most }) })
  }
  const startMs = performance.now()
  await Promise.all([store.addNode(), store.addNode(), store.addNode()])
  note('three nodes answer', (performance.now() - startMs) / 1000, 's')
  await store.form()
  await store.untilFullCopies(COPIES_TIMEOUT_MS)
  note('a bucket on them, all copies in sync', (performance.now() - startMs) / 1000, 's', 5)
  await measureIdle(store, note)
  await store.resizeBucket(BUCKET_MEGABYTES)
  const { port } = await apps.addProxy(store.streamUrls())
  const client = new MemcachedClient({ host: '127.0.0.1', port, protocol: 'text' })
  stage.atEnd(() => client.close())
  await measureSets(client, note)
  await measureStarved(store, stage.folder, client, note)
  say(`${items} items of ${VALUE_BYTES} bytes`)
  await measureRebalance(store, client, items, note)
  const head = ['what', 'unit', 'measured', 'target', 'met']
  const rows = figures.map(({ name, unit, value, most }) => [
    name,
    unit,
    figure(value),
    most === undefined ? '' : `<= ${figure(most)}`,
    most === undefined ? '' : value <= most ? 'yes' : 'no',
  ])
  const sound = figures.every(({ name, value }) => !name.includes('failed') || value === 0)
  return { markdown: ['## Store', '', ...markdownTable(head, rows), ''], raw: figures, sound }
}

type Note = (name: string, value: number, unit: string, most?: number) => void

async function measureIdle(store: LocalStore, note: Note): Promise<void> {
  await delay(IDLE_SETTLE_MS)
  const nodes = store.nodes.map(({ dataFolder, daemon }) => {
    const pids = nodePids(dataFolder)
    return { pids, daemonPids: pids.filter((pid) => pid === daemon?.pid || isNode(pid)) }
  })
  const spent = (): number[] => nodes.map(({ pids }) => cpuMicroseconds(...pids))
  const before = spent()
  await delay(IDLE_MS)
  const shares = spent().map((after, index) => (after - (before[index] ?? 0)) / (IDLE_MS * 1000))
  note('idle: processor of a node, engines included', Math.max(...shares) * 100, '% of a core', 3)
  const megabytes = nodes.map(({ daemonPids }) => residentBytes(daemonPids) / 2 ** 20)
  note('idle: memory of manager and gateway', Math.max(...megabytes), 'MB', 150)
}

/** Sets in a bucket whose replicas were primaries before, as after every failover and rebalance. */
async function measureSets(client: MemcachedClient, note: Note): Promise<void> {
  for (const [lanes, pauseMs] of [
    [CLIENT_LANES, CLIENT_PAUSE_MS],
    [LOAD_LANES, 0],
  ] as const) {
    const { ms, failed } = await setsDuring(client, lanes, pauseMs)
    const which = `sets of ${lanes} clients`
    note(`${which}: a second`, (ms.length * 1000) / SETS_MS, '')
    note(`${which}: p50`, percentile(ms, 0.5), 'ms')
    note(`${which}: p99`, percentile(ms, 0.99), 'ms')
    note(`${which}: p99.9`, percentile(ms, 0.999), 'ms')
    note(`${which}: failed`, failed, '', 0)
  }
}

async function setsDuring(
  client: MemcachedClient,
  lanes: number,
  pauseMs: number,
): Promise<Latencies> {
  const seen: Latencies = { ms: [], failed: 0 }
  const value = Buffer.alloc(VALUE_BYTES, 's')
  const untilMs = performance.now() + SETS_MS
  const lane = async (number: number): Promise<void> => {
    for (let count = 0; performance.now() < untilMs; count++) {
      const startMs = performance.now()
      try {
        await client.set(`set-${number}-${count % 1000}`, value, { ttlSeconds: 0 })
      } catch {
        seen.failed++
      }
      seen.ms.push(performance.now() - startMs)
      if (pauseMs > 0) await delay(pauseMs)
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)))
  return seen
}

/** Failovers while other processes take the processor: there is no reason for any. */
async function measureStarved(
  store: LocalStore,
  folder: string,
  client: MemcachedClient,
  note: Note,
): Promise<void> {
  const before = failoversIn(folder)
  const hogs = Array.from({ length: HOGS }, () =>
    spawn('taskset', ['-c', allCores(), process.execPath, '-e', 'for (;;);'], { stdio: 'ignore' }),
  )
  let starved: Latencies
  try {
    starved = await clientDuring(client, () => delay(STARVED_MS))
  } finally {
    for (const hog of hogs) hog.kill('SIGKILL')
  }
  await store.untilFullCopies(COPIES_TIMEOUT_MS)
  note(`failovers beside ${HOGS} busy processes`, failoversIn(folder) - before, '', 0)
  note('client p99 beside them', percentile(starved.ms, 0.99), 'ms')
  note('client operations failed beside them', starved.failed, '', 0)
}

async function measureRebalance(
  store: LocalStore,
  client: MemcachedClient,
  items: number,
  note: Note,
): Promise<void> {
  await fill(client, items)
  const before = await clientDuring(client, () => delay(BASE_MS))
  const node = await store.addNode()
  await store.add(node)
  const startMs = performance.now()
  const during = await clientDuring(client, () => store.rebalance())
  const seconds = (performance.now() - startMs) / 1000
  const copied = items * (await shareOn(store, node.ports.data))
  const megabytes = (copied * VALUE_BYTES) / 2 ** 20
  const p99 = percentile(before.ms, 0.99)
  note('rebalance from 3 to 4 nodes', seconds, 's')
  note('copied to the new node', megabytes, 'MB')
  note('speed', megabytes / seconds, 'MB/s')
  note('client p99 before', p99, 'ms')
  note('client p99 during', percentile(during.ms, 0.99), 'ms', 3 * p99)
  note('client slowest during', Math.max(...during.ms), 'ms')
  note('client operations failed', before.failed + during.failed, '', 0)
}

async function fill(client: MemcachedClient, items: number): Promise<void> {
  const value = Buffer.alloc(VALUE_BYTES, 'v')
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < items) await client.set(`item-${next++}`, value, { ttlSeconds: 0 })
  }
  await Promise.all(Array.from({ length: LOAD_LANES }, lane))
}

/** What clients at a moderate rate feel while `work` goes on. */
async function clientDuring(
  client: MemcachedClient,
  work: () => Promise<unknown>,
): Promise<Latencies> {
  const seen: Latencies = { ms: [], failed: 0 }
  let goOn = true
  const value = Buffer.alloc(VALUE_BYTES, 'c')
  const lane = async (number: number): Promise<void> => {
    for (let count = 0; goOn; count++) {
      const key = `client-${number}-${count % 1000}`
      const startMs = performance.now()
      try {
        if (count % 2 === 0) await client.set(key, value, { ttlSeconds: 0 })
        else await client.get(key)
      } catch {
        seen.failed++
      }
      seen.ms.push(performance.now() - startMs)
      await delay(CLIENT_PAUSE_MS)
    }
  }
  const lanes = Array.from({ length: CLIENT_LANES }, (_, number) => lane(number))
  try {
    await work()
  } finally {
    goOn = false
    await Promise.all(lanes)
  }
  return seen
}

/** The share of all items of which a node has a copy. */
async function shareOn(store: LocalStore, dataPort: number): Promise<number> {
  const bucket = await store.bucket()
  if (bucket === undefined) throw new Error('no node tells the bucket')
  const { serverList, vBucketMap } = bucket.vBucketServerMap
  const index = serverList.indexOf(`127.0.0.1:${dataPort}`)
  return vBucketMap.filter((row) => row.includes(index)).length / vBucketMap.length
}

function failoversIn(folder: string): number {
  return readdirSync(folder)
    .filter((name) => /^node\d+\.log$/.test(name))
    .reduce((sum, name) => {
      const text = readFileSync(join(folder, name), 'utf8')
      return sum + text.split('"msg":"failed over"').length - 1
    }, 0)
}

function isNode(pid: number): boolean {
  return !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('[cluster]')
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

function allCores(): string {
  return readFileSync('/sys/devices/system/cpu/online', 'utf8').trim()
}
