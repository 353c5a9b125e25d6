/** An engine's INFO as sizes and counters. Pure. */
import type { EngineUsage } from '../membership/messages.ts'

/** Sections of INFO that `usageIn` and the search for trouble read. */
export const USAGE_SECTIONS = ['memory', 'persistence', 'stats', 'keyspace', 'errorstats'] as const

/** Memory that is not for items: the engine's own at its start, buffers, connections. */
const OTHER_MEMORY = [
  'used_memory_startup',
  'mem_total_replication_buffers',
  'mem_clients_normal',
  'mem_clients_slaves',
  'mem_cluster_links',
  'mem_aof_buffer',
]

export function usageIn(info: ReadonlyMap<string, string>, itemBytesMax: number): EngineUsage {
  const number = (name: string): number => Number(info.get(name) ?? 0)
  const other = OTHER_MEMORY.reduce((sum, name) => sum + number(name), 0)
  return {
    itemBytes: Math.max(number('used_memory') - other, 0),
    itemBytesMax,
    diskBytes: number('aof_current_size'),
    opsPerSec: number('instantaneous_ops_per_sec'),
    hits: number('keyspace_hits'),
    misses: number('keyspace_misses'),
    evicted: number('evicted_keys'),
    expired: number('expired_keys'),
  }
}

/** Items of all kinds, expired ones that nobody has looked at among them. */
export function itemsIn(info: ReadonlyMap<string, string>): number {
  return Number(/^keys=(\d+)/.exec(info.get('db0') ?? '')?.[1] ?? 0)
}
