// The stores behind the web servers of the suite `sessions`, on the backend's core.

import { once } from 'node:events'
import { connect } from 'node:net'
import { engineProgram, freeEnginePort } from '@holdfast/client/testing'
import type { ServerKind } from '../sessions/kinds.ts'
import { startBackend } from './backends.ts'
import { startHoldfast } from './candidates.ts'
import { pin, processTree, type Stage, untilListening } from './stage.ts'

/** Addresses, `host:port`. */
export interface Stores {
  readonly memcached: string
  readonly redis: string
  /** A local proxy in front of an engine. */
  readonly proxy: string
}

export async function startStores(stage: Stage): Promise<Stores> {
  const memcached = await startBackend(stage, 'memcached', 1)
  const engines = await startBackend(stage, 'engine', 1)
  const proxy = await startHoldfast(stage, engines, {})
  for (const pid of proxy.pids().flatMap(processTree)) pin(pid, stage.cores.backendCore)
  return {
    memcached: memcached.address,
    redis: await startRedis(stage),
    proxy: `127.0.0.1:${proxy.port}`,
  }
}

/** The address of the store that a kind of server wants. */
export function storeAddress(stores: Stores, kind: ServerKind): string {
  switch (kind.store) {
    case 'memcached':
    case 'redis':
    case 'proxy':
      return stores[kind.store]
    default:
      return ''
  }
}

/** Operations that the store of this kind has carried out so far; NaN where it is not counted. */
export async function storeOperations(stores: Stores, kind: ServerKind): Promise<number> {
  if (kind.store === 'memcached') {
    const stats = await ask(stores.memcached, 'stats\r\nquit\r\n')
    return sumOf(stats, /^STAT (?:cmd_get|cmd_set|cmd_touch|cmd_meta|delete_hits) (\d+)/gm)
  }
  if (kind.store === 'redis') {
    const stats = await ask(stores.redis, 'INFO commandstats\r\nQUIT\r\n')
    return sumOf(stats, /^cmdstat_(?!info|quit|client|hello)\w+:calls=(\d+)/gm)
  }
  return Number.NaN
}

async function startRedis(stage: Stage): Promise<string> {
  const program = engineProgram()
  if (program === undefined) throw new Error('the peers need redis-server or valkey-server')
  const port = await freeEnginePort()
  const args = ['--port', String(port), '--save', '', '--appendonly', 'no']
  const server = stage.start(program, args, { core: stage.cores.backendCore })
  await untilListening(server, port)
  return `127.0.0.1:${port}`
}

/** All that the server says until it closes the connection. */
async function ask(address: string, request: string): Promise<string> {
  const [host = '', port] = address.split(':')
  const socket = connect(Number(port), host)
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1')
  })
  socket.write(request)
  await once(socket, 'close')
  return answer
}

function sumOf(text: string, pattern: RegExp): number {
  let sum = 0
  for (const match of text.matchAll(pattern)) sum += Number(match[1])
  return sum
}
