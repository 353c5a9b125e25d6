/** An engine's INFO as numbers, and what happened between two of them. Pure. */
import { parseInfo } from '../engines/engine-picture.ts'

/** Sections of INFO that are read. */
export const FIGURE_SECTIONS = [
  'clients',
  'memory',
  'persistence',
  'stats',
  'replication',
  'cpu',
  'commandstats',
  'errorstats',
  'keyspace',
] as const

/** How things stand at one moment. */
export interface EngineGauges {
  usedBytes: number
  residentBytes: number
  maxBytes: number
  items: number
  expiringItems: number
  clients: number
  aofBytes: number
  aofBufferBytes: number
  aofPendingSyncs: number
  /** Bytes that the replica furthest behind lacks; 0 on a replica. */
  lagBytes: number
  replicas: number
}

/** Counters since the engine's start. */
export interface EngineCounters {
  hits: number
  misses: number
  sets: number
  deletes: number
  touches: number
  functions: number
  commands: number
  /** Time spent in commands. */
  commandMicroseconds: number
  expired: number
  evicted: number
  readBytes: number
  writtenBytes: number
  outOfMemory: number
  errors: number
  delayedSyncs: number
  cpuSeconds: number
  connections: number
}

export interface EngineFigures {
  role: 'primary' | 'replica'
  gauges: EngineGauges
  counters: EngineCounters
}

/** Commands of clients, by what they count as; everything else is the manager's own. */
const SETS = ['set', 'setnx', 'setex', 'psetex', 'mset', 'append', 'incrby', 'decrby']
const READS = ['get', 'mget', 'getex', 'exists']
const TOUCHES = ['pexpire', 'expire', 'pexpireat', 'persist', 'getex']
const DELETES = ['del', 'unlink']
const FUNCTIONS = ['fcall', 'fcall_ro']

export function readEngineFigures(text: string): EngineFigures {
  const info = parseInfo(text)
  const number = (name: string): number => Number(info.get(name) ?? 0)
  const isPrimary = info.get('role') === 'master'
  const calls = (names: readonly string[]): number =>
    names.reduce((sum, name) => sum + partOf(info.get(`cmdstat_${name}`), 'calls'), 0)
  const micros = (names: readonly string[]): number =>
    names.reduce((sum, name) => sum + partOf(info.get(`cmdstat_${name}`), 'usec'), 0)
  const all = [...new Set([...READS, ...SETS, ...TOUCHES, ...DELETES, ...FUNCTIONS])]
  return {
    role: isPrimary ? 'primary' : 'replica',
    gauges: {
      usedBytes: number('used_memory'),
      residentBytes: number('used_memory_rss'),
      maxBytes: number('maxmemory'),
      items: partOf(info.get('db0'), 'keys'),
      expiringItems: partOf(info.get('db0'), 'expires'),
      clients: number('connected_clients'),
      aofBytes: number('aof_current_size'),
      aofBufferBytes: number('aof_buffer_length'),
      aofPendingSyncs: number('aof_pending_bio_fsync'),
      lagBytes: isPrimary ? lagOf(info) : 0,
      replicas: number('connected_slaves'),
    },
    counters: {
      hits: number('keyspace_hits'),
      misses: number('keyspace_misses'),
      sets: calls(SETS),
      deletes: calls(DELETES),
      touches: calls(TOUCHES),
      functions: calls(FUNCTIONS),
      commands: calls(all),
      commandMicroseconds: micros(all),
      expired: number('expired_keys'),
      evicted: number('evicted_keys'),
      readBytes: number('total_net_input_bytes'),
      writtenBytes: number('total_net_output_bytes'),
      outOfMemory: partOf(info.get('errorstat_OOM'), 'count'),
      errors: number('total_error_replies'),
      delayedSyncs: number('aof_delayed_fsync'),
      cpuSeconds: number('used_cpu_sys') + number('used_cpu_user'),
      connections: number('total_connections_received'),
    },
  }
}

/** Counts between two looks, per second; an engine that has started anew begins at nothing. */
export function ratesBetween(
  before: EngineCounters | undefined,
  after: EngineCounters,
  seconds: number,
): EngineCounters {
  const rates = { ...after }
  const restarted = before === undefined || after.cpuSeconds < before.cpuSeconds
  for (const name of COUNTERS) {
    const passed = restarted ? 0 : Math.max(0, after[name] - before[name])
    rates[name] = seconds > 0 ? passed / seconds : 0
  }
  return rates
}

export const COUNTERS: readonly (keyof EngineCounters)[] = [
  'hits',
  'misses',
  'sets',
  'deletes',
  'touches',
  'functions',
  'commands',
  'commandMicroseconds',
  'expired',
  'evicted',
  'readBytes',
  'writtenBytes',
  'outOfMemory',
  'errors',
  'delayedSyncs',
  'cpuSeconds',
  'connections',
]

/** Nothing has happened. */
export const NO_COUNTERS: EngineCounters = {
  hits: 0,
  misses: 0,
  sets: 0,
  deletes: 0,
  touches: 0,
  functions: 0,
  commands: 0,
  commandMicroseconds: 0,
  expired: 0,
  evicted: 0,
  readBytes: 0,
  writtenBytes: 0,
  outOfMemory: 0,
  errors: 0,
  delayedSyncs: 0,
  cpuSeconds: 0,
  connections: 0,
}

/** `name=NUMBER` within `a=1,b=2`. */
function partOf(text: string | undefined, name: string): number {
  if (text === undefined) return 0
  const at = text.startsWith(`${name}=`) ? 0 : text.indexOf(`,${name}=`) + 1
  if (at === 0 && !text.startsWith(`${name}=`)) return 0
  return Number.parseFloat(text.slice(at + name.length + 1)) || 0
}

function lagOf(info: ReadonlyMap<string, string>): number {
  const own = Number(info.get('master_repl_offset') ?? 0)
  let lagBytes = 0
  for (let i = 0; info.has(`slave${i}`); i++) {
    const text = info.get(`slave${i}`)
    if (text?.includes('state=online')) lagBytes = Math.max(lagBytes, own - partOf(text, 'offset'))
  }
  return lagBytes
}
