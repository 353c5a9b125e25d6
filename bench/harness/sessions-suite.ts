// The suite `sessions`: what a session layer costs a web server. Servers of one framework take
// turns, round after round; the figure is the CPU time of the server process by request as a
// multiple of the bare framework's in the same round. Writes are counted afterwards: visitors use
// their sessions from several connections at once, and a layer may lose some of what they wrote.
import { type Framework, SERVER_KINDS, type ServerKind, serverKind } from '../sessions/kinds.ts'
import { median } from './figures.ts'
import { figure, markdownTable } from './markdown.ts'
import { latencyTable, measureLatency } from './session-latency.ts'
import { measureMemory, memoryTable } from './session-memory.ts'
import { startWebServer, type WebServer } from './session-servers.ts'
import { type Stores, startStores, storeOperations } from './session-stores.ts'
import type { SuiteReport, SuiteSurroundings } from './suite.ts'
import { beginSessions, saturate, sumOfCounts, WebLoadError } from './web-load.ts'

const FRAMEWORKS: readonly Framework[] = ['express', 'fastify', 'koa']
const VISITORS = 50

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

async function measureFramework(
  { stage, options, say }: SuiteSurroundings,
  stores: Stores,
  kinds: readonly ServerKind[],
): Promise<SessionSeries[]> {
  const all = kinds.map((kind) => emptySeries(kind))
  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < all.length; turn++) {
      const series = all[(round + turn) % all.length]
      if (series === undefined || series.failure !== undefined) continue
      try {
        // A fresh process each time: what one left behind in the heap is no cost of the next.
        const server = await startWebServer(stage, stores, series.kind)
        await measureServer(server, stores, series, options)
        await server.stop()
      } catch (error) {
        stage.ending.throwIfAborted()
        series.failure = error instanceof Error ? error.message : String(error)
      }
      say(
        `${series.kind.name}: ${series.failure ?? figure(series.readUs.at(-1) ?? 0, ' us a read')}`,
      )
    }
  }
  return all

  async function measureServer(
    server: WebServer,
    behind: Stores,
    series: SessionSeries,
    { seconds, warmUpSeconds }: SuiteSurroundings['options'],
  ): Promise<void> {
    const bare = series.kind.store === 'none'
    const cookies = bare ? ['visitor=none'] : await beginSessions(server.url, VISITORS)
    const load = async (path: string): Promise<[Awaited<ReturnType<typeof saturate>>, number]> => {
      await saturate(stage, server, path, cookies, Math.max(1, Math.round(warmUpSeconds)))
      const before = await storeOperations(behind, series.kind)
      const result = await saturate(stage, server, path, cookies, Math.max(1, Math.round(seconds)))
      const operations = (await storeOperations(behind, series.kind)) - before
      return [result, operations / result.requests]
    }
    const [reads, operationsPerRead] = await load('/read')
    const countBefore = bare ? 0 : await sumOfCounts(server.url, cookies)
    if (!bare && countBefore !== 0) throw new WebLoadError('reading changed a session')
    const [writes, operationsPerWrite] = await load('/write')
    series.readUs.push(reads.cpuUsPerRequest)
    series.readsPerSecond.push(reads.requests / reads.seconds)
    series.operationsPerRead.push(operationsPerRead)
    series.writeUs.push(writes.cpuUsPerRequest)
    series.operationsPerWrite.push(operationsPerWrite)
    if (bare) return
    // Of the second load alone: a count of how many of the increments are there.
    const kept = await increments(server, cookies, stage.ending)
    series.keptShares.push(kept)
  }
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
  const ratio = (us: readonly number[]): number =>
    median(us.map((value, round) => value / (bare?.readUs[round] ?? Number.NaN)))
  const head = ['server', 'layer', 'read us', 'read x', 'write us', 'write x', 'reads/s']
  head.push('store ops a read', 'a write', 'increments kept', 'target', 'met')
  const rows = all.map((series) => {
    const { kind, failure } = series
    if (failure !== undefined) return [kind.name, `${kind.about}: ${failure}`]
    const read = ratio(series.readUs)
    const write = ratio(series.writeUs)
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
    'CPU time of the server process by request; "x": of the bare framework’s read in the same round. ' +
    '"Increments kept": of 20 parallel requests that each add one, with plain `count = count + 1`.'
  return [`## ${framework}`, '', about, '', ...markdownTable(head, rows), '']
}
