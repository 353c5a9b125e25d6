/**
 * The configuration file of one engine process, and the part of it that may change while the engine
 * runs. Pure: settings in, text out. Why each setting is what it is: docs/internals/engine.md.
 */
import type { Bucket } from '../document/cluster-document.ts'

/** Failure detection of the engine's own cluster bus: the net below our own failover. */
export const ENGINE_NODE_TIMEOUT_MS = 1000

/** Ticks a second of an engine: only a tick ends a WAIT that has lasted long enough. */
export const ENGINE_TICKS = 100
/** The same while nobody writes. */
export const ENGINE_TICKS_AT_REST = 10

/** User that proxies log in as: commands on data, nothing else. */
export const ENGINE_DATA_USER = 'holdfast-data'

/** The engine counts changes of its function library as writes: whoever may, replaces our code. */
const DATA_COMMANDS =
  '-@all +@read +@write +@connection +wait +fcall +fcall_ro -@admin -@dangerous +flushall ' +
  '-keys -randomkey -scan -function'

/** What that user may do, as ACL SETUSER has it. */
export const ENGINE_DATA_RULES: readonly string[] = DATA_COMMANDS.split(' ')

const POLICIES: Record<Bucket['eviction'], string> = {
  refuse: 'noeviction',
  expiring: 'volatile-ttl',
  lru: 'allkeys-lru',
}

/** What a bucket's settings and its nodes come to for one engine; may change while it runs. */
export interface LiveSettings {
  /** Items, the backlog and what the engine needs for itself; 0 = no limit. */
  memoryBytesMax: number
  backlogBytes: number
  eviction: Bucket['eviction']
  persistence: Bucket['persistence']
}

export interface EngineSettings extends LiveSettings {
  host: string
  port: number
  folder: string
  adminPassword: string
  dataPassword: string
}

/** The settings that an engine takes while it runs, as CONFIG SET has them. */
export function liveConfig(settings: LiveSettings): [name: string, value: string][] {
  return [
    ['maxmemory', String(settings.memoryBytesMax)],
    ['maxmemory-policy', POLICIES[settings.eviction]],
    ['repl-backlog-size', String(settings.backlogBytes)],
    ['appendonly', settings.persistence === 'none' ? 'no' : 'yes'],
    ['shutdown-on-sigterm', settings.persistence === 'none' ? 'nosave' : 'save'],
    ['appendfsync', settings.persistence === 'always' ? 'always' : 'everysec'],
  ]
}

/** Text of `engine.conf`. Holds passwords: write it with owner-only permissions. */
export function engineConfigText(settings: EngineSettings): string {
  const lines: [string, string][] = [
    ['bind', settings.host],
    ['bind-source-addr', settings.host],
    ['port', String(settings.port)],
    ['protected-mode', 'no'],
    ['daemonize', 'no'],
    ['dir', quoted(settings.folder)],
    ['logfile', quoted(`${settings.folder}/engine.log`)],
    ['cluster-enabled', 'yes'],
    ['cluster-config-file', 'nodes.conf'],
    ['cluster-announce-ip', settings.host],
    ['cluster-node-timeout', String(ENGINE_NODE_TIMEOUT_MS)],
    ['cluster-require-full-coverage', 'no'],
    ['cluster-replica-validity-factor', '0'],
    ['cluster-allow-replica-migration', 'no'],
    ['repl-diskless-sync', 'yes'],
    ['repl-diskless-sync-delay', '0'],
    ['hz', String(ENGINE_TICKS)],
    ['save', '""'],
    ['aof-load-truncated', 'yes'],
    ['lazyfree-lazy-eviction', 'yes'],
    ['lazyfree-lazy-expire', 'yes'],
    ...liveConfig(settings),
    ['masteruser', 'default'],
    ['masterauth', settings.adminPassword],
    ['user', `default on >${settings.adminPassword} ~* &* +@all`],
    ['user', `${ENGINE_DATA_USER} on >${settings.dataPassword} ~* resetchannels ${DATA_COMMANDS}`],
  ]
  return `${lines.map(([name, value]) => `${name} ${value}`).join('\n')}\n`
}

function quoted(path: string): string {
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
