// The load on a web server: visitors with sessions, wrk at saturation, autocannon at a fixed rate.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import autocannon from 'autocannon'
import { cpuMicroseconds } from './cpu-time.ts'
import type { Stage } from './stage.ts'

const SCRIPT = join(import.meta.dirname, '../sessions/load.lua')
const CONNECTIONS = 50

/** What wrk reports, with the CPU time of the server. */
export interface WebLoadResult {
  readonly requests: number
  readonly seconds: number
  readonly refused: number
  readonly broken: number
  readonly p50Us: number
  readonly p99Us: number
  readonly cpuUsPerRequest: number
}

/** A server that refuses requests or breaks connections is not measured. */
export class WebLoadError extends Error {}

/** Begins `count` sessions; returns a Cookie header for each. Throws WebLoadError. */
export async function beginSessions(url: string, count: number): Promise<string[]> {
  const cookies: string[] = []
  while (cookies.length < count) {
    const response = await fetch(`${url}/login`)
    const { count: visits } = (await response.json()) as { count?: number }
    if (!response.ok || visits !== 0) throw new WebLoadError(`login: status ${response.status}`)
    const pairs = response.headers.getSetCookie().map((line) => line.split(';', 1)[0] ?? '')
    cookies.push(pairs.join('; '))
  }
  return cookies
}

/** Sum of the counts of all visitors. */
export async function sumOfCounts(url: string, cookies: readonly string[]): Promise<number> {
  let sum = 0
  for (const cookie of cookies) {
    const response = await fetch(`${url}/read`, { headers: { cookie } })
    sum += ((await response.json()) as { count: number }).count
  }
  return sum
}

/** As many requests as the server answers. Throws WebLoadError. */
export async function saturate(
  stage: Stage,
  server: { readonly url: string; readonly pid: number },
  path: string,
  cookies: readonly string[],
  seconds: number,
): Promise<WebLoadResult> {
  const file = join(stage.folder, `cookies-${server.pid}.txt`)
  writeFileSync(file, `${cookies.join('\n')}\n`)
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', SCRIPT, server.url + path]
  const cpuBeforeUs = cpuMicroseconds(server.pid)
  const load = stage.start('wrk', args, { core: stage.cores.loadCore, env: { COOKIES: file } })
  let output = ''
  load.child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const [code] = await once(load.child, 'close')
  stage.ending.throwIfAborted()
  const line = /^\{.*\}$/m.exec(output)?.[0]
  if (code !== 0 || line === undefined) throw new WebLoadError(`wrk ended with ${code}: ${output}`)
  const result = JSON.parse(line) as WebLoadResult
  if (result.refused + result.broken > 0 || result.requests === 0) {
    const { requests, refused, broken } = result
    throw new WebLoadError(`${refused} refused, ${broken} broken of ${requests} requests`)
  }
  return {
    ...result,
    cpuUsPerRequest: (cpuMicroseconds(server.pid) - cpuBeforeUs) / result.requests,
  }
}

/** Latency at a fixed rate, ms: 99th percentile. Throws WebLoadError. */
export async function p99AtRate(
  url: string,
  cookies: readonly string[],
  requestsPerSecond: number,
  seconds: number,
): Promise<number> {
  let visitor = 0
  const result = await autocannon({
    url,
    connections: CONNECTIONS,
    duration: seconds,
    overallRate: Math.round(requestsPerSecond),
    setupClient: (client) => {
      client.setHeaders({ cookie: cookies[visitor++ % cookies.length] ?? '' })
    },
  })
  const failed = result.non2xx + result.errors + result.timeouts
  if (failed > 0) throw new WebLoadError(`${failed} requests failed at a fixed rate`)
  return result.latency.p99
}
