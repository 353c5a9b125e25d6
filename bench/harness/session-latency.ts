// What a session layer adds to the latency of a web server that is half loaded.
import { serverKind } from '../sessions/kinds.ts'
import { median } from './figures.ts'
import { figure, markdownTable } from './markdown.ts'
import { startWebServer } from './session-servers.ts'
import type { Stores } from './session-stores.ts'
import type { SuiteSurroundings } from './suite.ts'
import { beginSessions, p99AtRate, saturate } from './web-load.ts'

const BARE = 'express'
const KINDS = ['express-holdfast-proxy', 'express-holdfast-sticky', 'express-session-redis']
const ADDED_MS_MAX = 2
const VISITORS = 50

export interface LatencyResult {
  readonly kind: string
  readonly path: string
  readonly requestsPerSecond: number
  readonly p99Ms: number
  readonly bareP99Ms: number
}

export async function measureLatency(
  { stage, options, say }: SuiteSurroundings,
  stores: Stores,
): Promise<LatencyResult[]> {
  const seconds = Math.max(2, Math.round(options.seconds))
  const results: LatencyResult[] = []
  const bare = await startWebServer(stage, stores, serverKind(BARE))
  for (const name of KINDS) {
    const server = await startWebServer(stage, stores, serverKind(name))
    const cookies = await beginSessions(server.url, VISITORS)
    for (const path of ['/read', '/write']) {
      const full = await saturate(stage, server, path, cookies, 2)
      const rate = full.requests / full.seconds / 2
      const ours: number[] = []
      const theirs: number[] = []
      for (let round = 0; round < options.rounds; round++) {
        ours.push(await p99AtRate(server.url + path, cookies, rate, seconds))
        theirs.push(await p99AtRate(bare.url + path, cookies, rate, seconds))
      }
      const [p99Ms, bareP99Ms] = [median(ours), median(theirs)]
      results.push({ kind: name, path, requestsPerSecond: rate, p99Ms, bareP99Ms })
      say(`${name}${path}: p99 ${figure(p99Ms)} ms, bare ${figure(bareP99Ms)} ms`)
    }
    await server.stop()
  }
  await bare.stop()
  return results
}

export function latencyTable(results: readonly LatencyResult[]): string[] {
  const rows = results.map(({ kind, path, requestsPerSecond, p99Ms, bareP99Ms }) => {
    const added = p99Ms - bareP99Ms
    const met = !kind.includes('holdfast') ? '' : added <= ADDED_MS_MAX ? 'yes' : 'no'
    const cells = [requestsPerSecond, p99Ms, bareP99Ms, added].map((value) => figure(value))
    return [kind, path, ...cells, met]
  })
  const head = ['server', 'path', 'requests/s', 'p99 ms', 'bare p99 ms', 'added ms', 'met']
  const about = `At half of what the server can do; bound: ${ADDED_MS_MAX} ms more than bare Express at the same rate.`
  return ['## Added latency', '', about, '', ...markdownTable(head, rows), '']
}
