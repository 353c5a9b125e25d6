// What a session in local memory costs, in sticky mode: bytes of heap for each of many sessions.

import { once } from 'node:events'
import { connect } from 'node:net'
import { serverKind } from '../sessions/kinds.ts'
import { figure, markdownTable } from './markdown.ts'
import { startWebServer } from './session-servers.ts'
import { type Stores, storeAddress } from './session-stores.ts'
import type { SuiteSurroundings } from './suite.ts'
import { beginSessions } from './web-load.ts'

const KINDS = ['express-holdfast-sticky', 'express-session-memory', 'express-session-memorystore']
const SESSIONS = 5000
const OVERHEAD_BYTES_MAX = 1024

export interface MemoryResult {
  readonly kind: string
  readonly bytesEach: number
  /** Bytes of the session as it is stored; NaN where there is no store to ask. */
  readonly encodedBytes: number
}

export async function measureMemory(
  { stage, options, say }: SuiteSurroundings,
  stores: Stores,
): Promise<MemoryResult[]> {
  const count = options.quick ? SESSIONS / 10 : SESSIONS
  const results: MemoryResult[] = []
  for (const name of KINDS) {
    const kind = serverKind(name)
    const server = await startWebServer(stage, stores, kind)
    await beginSessions(server.url, 200)
    const before = await heapBytes(server.url)
    const cookies = await beginSessions(server.url, count)
    const bytesEach = ((await heapBytes(server.url)) - before) / count
    const address = storeAddress(stores, kind)
    const encodedBytes = address === '' ? Number.NaN : await storedBytes(address, cookies[0] ?? '')
    await server.stop()
    results.push({ kind: name, bytesEach, encodedBytes })
    say(`${name}: ${figure(bytesEach)} bytes a session`)
  }
  return results
}

export function memoryTable(results: readonly MemoryResult[]): string[] {
  const rows = results.map(({ kind, bytesEach, encodedBytes }) => {
    const bound = 2 * encodedBytes + OVERHEAD_BYTES_MAX
    const met = Number.isNaN(bound) ? '' : bytesEach <= bound ? 'yes' : 'no'
    return [kind, figure(bytesEach), figure(encodedBytes), figure(bound), met]
  })
  const head = ['server', 'bytes of heap each', 'encoded bytes', 'bound', 'met']
  const about = `Heap after a garbage collection, by session; bound: twice the encoded size and 1 KB.`
  return ['## Memory of sessions in local memory', '', about, '', ...markdownTable(head, rows), '']
}

async function heapBytes(url: string): Promise<number> {
  const response = await fetch(`${url}/memory`)
  return ((await response.json()) as { heapBytes: number }).heapBytes
}

/** Bytes of the session whose cookie this is. */
async function storedBytes(address: string, cookie: string): Promise<number> {
  const value = decodeURIComponent(cookie.slice(cookie.indexOf('=') + 1))
  const id = value.slice(2, value.lastIndexOf('.'))
  const [host = '', port] = address.split(':')
  const socket = connect(Number(port), host)
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1')
  })
  socket.write(`get ${id}\r\nquit\r\n`)
  await once(socket, 'close')
  return Number(/^VALUE \S+ \d+ (\d+)/.exec(answer)?.[1] ?? Number.NaN)
}
