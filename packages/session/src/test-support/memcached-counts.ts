/*
 * A memcached's own counters, which tell what the session manager asked it, and its keys.
 */
import { connect } from 'node:net'
import { type MemcachedProcess, until } from '@holdfast/client/testing'
import { idWithoutRoute } from '../session-id.ts'

const DUMP_TIMEOUT_MS = 30_000

/** Operations since the start of the process. */
export interface Counts {
  gets: number
  sets: number
  touches: number
  deletes: number
}

export async function countsOf(memcached: MemcachedProcess): Promise<Counts> {
  const stats = new Map<string, number>()
  for (const line of (await ask(memcached, 'stats')).split('\r\n')) {
    const [, name = '', value] = line.split(' ')
    stats.set(name, Number(value))
  }
  const sum = (...names: string[]): number =>
    names.reduce((total, name) => total + (stats.get(name) ?? Number.NaN), 0)
  return {
    // A gat or gats counts as a touch only.
    gets: sum('cmd_get'),
    sets: sum('cmd_set'),
    touches: sum('cmd_touch'),
    deletes: sum('delete_hits', 'delete_misses'),
  }
}

/** What `work` cost. */
export async function costOf(
  memcached: MemcachedProcess,
  work: () => Promise<unknown>,
): Promise<Counts> {
  const before = await countsOf(memcached)
  await work()
  const after = await countsOf(memcached)
  return {
    gets: after.gets - before.gets,
    sets: after.sets - before.sets,
    touches: after.touches - before.touches,
    deletes: after.deletes - before.deletes,
  }
}

/** Whether there is a key; of a session id the route is no part of it. */
export async function has(memcached: MemcachedProcess, key: string): Promise<boolean> {
  return (await ask(memcached, `get ${idWithoutRoute(key)}`)).startsWith('VALUE')
}

/** Seconds that a key has left to live. */
export async function ttlOf(memcached: MemcachedProcess, key: string): Promise<number> {
  return Number(/ t(-?\d+)/.exec(await ask(memcached, `mg ${idWithoutRoute(key)} t`))?.[1])
}

/** Its clock ticks once a second, later on a busy machine; what it stores then ends early. */
export async function isPunctual(memcached: MemcachedProcess): Promise<boolean> {
  const seconds = Number(/STAT time (\d+)/.exec(await ask(memcached, 'stats'))?.[1])
  return Date.now() / 1000 - seconds < 2.2
}

/** Stores a text under a key; of a session id the route is no part of it. */
export async function put(memcached: MemcachedProcess, key: string, value: string): Promise<void> {
  await ask(memcached, `set ${idWithoutRoute(key)} 0 0 ${value.length}\r\n${value}`)
}

/** Names of all keys, in order. */
export async function keysOf(memcached: MemcachedProcess): Promise<string[]> {
  let dump = ''
  await until('the keys are told', async () => {
    dump = await keyDump(memcached.port)
    return dump.endsWith('END\r\n')
  })
  const keys = (dump.match(/(?<=^key=)\S+/gm) ?? []).map(decodeURIComponent)
  // The dump may still list what has expired.
  const alive = await Promise.all(keys.map((key) => has(memcached, key)))
  return keys.filter((_, place) => alive[place]).toSorted()
}

/** While it is told, memcached understands no `quit`; one dump at a time, others are told BUSY. */
async function keyDump(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setTimeout(DUMP_TIMEOUT_MS, () => socket.destroy(new Error('memcached is silent')))
  socket.write('lru_crawler metadump all\r\n')
  let dump = ''
  for await (const chunk of socket) {
    dump += String(chunk)
    if (/(END|BUSY .*|ERROR.*)\r\n$/.test(dump)) break
  }
  return dump
}

export async function flush(memcached: MemcachedProcess): Promise<void> {
  await ask(memcached, 'flush_all')
}

/** One request and everything that it is answered. */
async function ask(memcached: MemcachedProcess, request: string): Promise<string> {
  return (await memcached.ask(Buffer.from(`${request}\r\nquit\r\n`))).toString('latin1')
}
