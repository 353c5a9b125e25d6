// The suite `sessions`: what a session layer costs a web server. Servers of one framework take
// turns, slice after slice of a second; the figure is the CPU time of the server process by request
// as a multiple of the bare framework's in the same slice. Writes are counted afterwards: visitors
// use their sessions from several connections at once, and a layer may lose some of what they
// wrote.
import { type Framework, SERVER_KINDS, type ServerKind, serverKind } from '../sessions/kinds.ts'
import { median } from './figures.ts'
import { figure, markdownTable } from './markdown.ts'
import { latencyTable, measureLatency } from './session-latency.ts'
import { measureMemory, memoryTable } from './session-memory.ts'
import { startWebServer, type WebServer } from './session-servers.ts'
import { type Stores, startStores, storeOperations } from './session-stores.ts'
import type { Stage } from './stage.ts'
import type { SuiteReport, SuiteSurroundings } from './suite.ts'
import { beginSessions, saturate, sumOfCounts, WebLoadError } from './web-load.ts'

const FRAMEWORKS: readonly Framework[] = ['express', 'fastify', 'koa']
const VISITORS = 50
const SLICES_OF_A_ROUND = 3
/** Compiled code settles slowly under the load of a whole framework. */
const WARM_UP_FACTOR = 3
const PATHS = ['/read', '/write'] as const
/** Visitors of the bare servers have no session. */
const STRANGERS: readonly string[] = ['visitor=none']

type Path = (typeof PATHS)[number]

/** One server's rounds. */
interface SessionSeries {
  readonly kind: ServerKind
  readonly readUs: number[]
  readonly writeUs: number[]
  readonly readsPerSecond: number[]
  readonly operationsPerRead: number[]
  readonly operationsPerWrite: number[]
  readonly keptShares: number[]
  failure: string | undefined
}

export async function runSessions(surroundings: SuiteSurroundings): Promise<SuiteReport> {
  const { options, stage } = surroundings
  for (const name of options.candidates ?? []) serverKind(name)
  const stores = await startStores(stage)
  const markdown: string[] = []
  const raw: Record<string, unknown> = {}
  let sound = true
  for (const framework of FRAMEWORKS) {
    const kinds = SERVER_KINDS.filter(
      (kind) =>
        kind.framework === framework &&
        kind.racesOnly !== true &&
        (kind.store === 'none' || (options.candidates?.includes(kind.name) ?? true)),
    )
    if (kinds.length < 2) continue
    const series = await measureFramework(surroundings, stores, kinds)
    markdown.push(...costTable(framework, series))
    raw[framework] = series
    sound &&= series.every(({ failure }) => failure === undefined)
  }
  if (options.candidates === undefined) {
    const latency = await measureLatency(surroundings, stores)
    const memory = await measureMemory(surroundings, stores)
    markdown.push(...latencyTable(latency), ...memoryTable(memory))
    Object.assign(raw, { latency, memory })
  }
  return { markdown, raw, sound }
}

/** All servers of a framework stand ready; short slices of load go round among them. */
async function measureFramework(
  { stage, options, say }: SuiteSurroundings,
  stores: Stores,
  kinds: readonly ServerKind[],
): Promise<SessionSeries[]> {
  const stands: Stand[] = []
  for (const kind of kinds) stands.push(await openStand(stage, stores, kind))
  const warmUpSeconds = Math.max(1, Math.round(options.warmUpSeconds * WARM_UP_FACTOR))
  for (const path of PATHS) {
    for (const stand of stands) {
      await attempt(stand, async ({ server, cookies }) => {
        await saturate(stage, server, path, cookies, warmUpSeconds)
        if (path === '/read' && cookies !== STRANGERS) await checkUnchanged(server, cookies)
      })
    }
    for (let slice = 0; slice < options.rounds * SLICES_OF_A_ROUND; slice++) {
      for (let turn = 0; turn < stands.length; turn++) {
        const stand = stands[(slice + turn) % stands.length]
        if (stand === undefined) continue
        await attempt(stand, async () => await measureSlice(stand, path))
      }
    }
    say(
      `${path} ${stands.map(({ series }) => `${series.kind.name} ${lastUs(series, path)}`).join(', ')}`,
    )
  }
  for (const stand of stands) {
    if (stand.cookies === STRANGERS) continue
    await attempt(stand, async ({ server, cookies, series }) => {
      series.keptShares.push(await increments(server, cookies, stage.ending))
    })
  }
  for (const { server } of stands) await server.stop()
  return stands.map(({ series }) => series)

  async function measureSlice({ server, cookies, series }: Stand, path: Path): Promise<void> {
    const before = await storeOperations(stores, series.kind)
    const seconds = Math.max(1, Math.round(options.seconds / 2))
    const result = await saturate(stage, server, path, cookies, seconds)
    const operations = ((await storeOperations(stores, series.kind)) - before) / result.requests
    if (path === '/read') {
      series.readUs.push(result.cpuUsPerRequest)
      series.readsPerSecond.push(result.requests / result.seconds)
      series.operationsPerRead.push(operations)
    } else {
      series.writeUs.push(result.cpuUsPerRequest)
      series.operationsPerWrite.push(operations)
    }
  }

  /** A server that fails is not measured further; its row says why. */
  async function attempt(stand: Stand, work: (stand: Stand) => Promise<void>): Promise<void> {
    if (stand.series.failure !== undefined) return
    try {
      await work(stand)
    } catch (error) {
      stage.ending.throwIfAborted()
      stand.series.failure = error instanceof Error ? error.message : String(error)
      say(`${stand.series.kind.name}: ${stand.series.failure}`)
    }
  }
}

/** A running server with its visitors and its figures. */
interface Stand {
  readonly server: WebServer
  readonly cookies: readonly string[]
  readonly series: SessionSeries
}

async function openStand(stage: Stage, stores: Stores, kind: ServerKind): Promise<Stand> {
  const server = await startWebServer(stage, stores, kind)
  const cookies = kind.store === 'none' ? STRANGERS : await beginSessions(server.url, VISITORS)
  return { server, cookies, series: emptySeries(kind) }
}

async function checkUnchanged(server: WebServer, cookies: readonly string[]): Promise<void> {
  if ((await sumOfCounts(server.url, cookies)) !== 0) {
    throw new WebLoadError('reading changed a session')
  }
}

function lastUs(series: SessionSeries, path: Path): string {
  const us = path === '/read' ? series.readUs : series.writeUs
  return series.failure === undefined ? figure(median(us)) : 'failed'
}

/** The share of 200 increments, 20 at a time on one session each time, that is there afterwards. */
async function increments(
  server: WebServer,
  cookies: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const PARALLEL = 20
  const chosen = cookies.slice(0, 10)
  const before = await sumOfCounts(server.url, chosen)
  for (const cookie of chosen) {
    const requests = Array.from({ length: PARALLEL }, async () => {
      const response = await fetch(`${server.url}/write`, { headers: { cookie }, signal })
      await response.arrayBuffer()
    })
    await Promise.all(requests)
  }
  const after = await sumOfCounts(server.url, chosen)
  return (after - before) / (PARALLEL * chosen.length)
}

function emptySeries(kind: ServerKind): SessionSeries {
  return {
    kind,
    readUs: [],
    writeUs: [],
    readsPerSecond: [],
    operationsPerRead: [],
    operationsPerWrite: [],
    keptShares: [],
    failure: undefined,
  }
}

function costTable(framework: Framework, all: readonly SessionSeries[]): string[] {
  const bare = all.find(({ kind }) => kind.store === 'none')
  const ratio = (us: readonly number[], bareUs: readonly number[] = []): number =>
    median(us.map((value, slice) => value / (bareUs[slice] ?? Number.NaN)))
  const head = ['server', 'layer', 'read us', 'read x', 'write us', 'write x', 'reads/s']
  head.push('store ops a read', 'a write', 'increments kept', 'target', 'met')
  const rows = all.map((series) => {
    const { kind, failure } = series
    if (failure !== undefined) return [kind.name, `${kind.about}: ${failure}`]
    const read = ratio(series.readUs, bare?.readUs)
    const write = ratio(series.writeUs, bare?.writeUs)
    const { target } = kind
    const met = read <= (target?.read ?? 0) && write <= (target?.write ?? Number.POSITIVE_INFINITY)
    const wanted =
      target === undefined ? '' : [target.read, target.write].filter(Boolean).join(' / ')
    return [
      kind.name,
      kind.about,
      figure(median(series.readUs)),
      figure(read, 'x'),
      figure(median(series.writeUs)),
      figure(write, 'x'),
      figure(median(series.readsPerSecond)),
      figure(median(series.operationsPerRead)),
      figure(median(series.operationsPerWrite)),
      series.keptShares.length === 0 ? '' : `${Math.round(median(series.keptShares) * 100)} %`,
      wanted,
      target === undefined ? '' : met ? 'yes' : 'no',
    ]
  })
  const about =
    'CPU time of the server process by request; "x": of the bare framework’s for the same request in the same slice. ' +
    '"Increments kept": of 20 parallel requests that each add one, with plain `count = count + 1`.'
  return [`## ${framework}`, '', about, '', ...markdownTable(head, rows), '']
}
