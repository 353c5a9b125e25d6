/** An engine's INFO as sizes and counters. Pure. */
import type { EngineUsage } from '../membership/messages.ts'

/** Sections of INFO that `usageIn` and the search for trouble read. */
export const USAGE_SECTIONS = [
  'memory',
  'persistence',
  'stats',
  'keyspace',
  'errorstats',
  'replication',
] as const

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
    ...replicasIn(info),
  }
}

/** `slaveN:ip=H,port=P,state=S,offset=O,lag=L` of each replica, and how far it is behind. */
function replicasIn(info: ReadonlyMap<string, string>): Pick<EngineUsage, 'replicas'> {
  const ownOffset = Number(info.get('master_repl_offset') ?? 0)
  const replicas: EngineUsage['replicas'] = []
  for (let i = 0; info.has(`slave${i}`); i++) {
    const text = info.get(`slave${i}`) ?? ''
    const [, host = '', port = '', offset = ''] =
      /^ip=([^,]*),port=(\d+),.*\boffset=(\d+)/.exec(text) ?? []
    const lagBytes = Math.max(0, ownOffset - Number(offset))
    replicas.push({ host, port: Number(port), lagBytes })
  }
  return replicas.length === 0 ? {} : { replicas }
}

/** Items of all kinds, expired ones that nobody has looked at among them. */
export function itemsIn(info: ReadonlyMap<string, string>): number {
  return Number(/^keys=(\d+)/.exec(info.get('db0') ?? '')?.[1] ?? 0)
}
