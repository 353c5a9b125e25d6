/**
 * The configuration file of one engine process. Pure: settings in, text out. Why each setting is
 * what it is: docs/internals/engine.md.
 */

/** Failure detection of the engine's own cluster bus: the net below our own failover. */
export const ENGINE_NODE_TIMEOUT_MS = 1000

/** User that proxies log in as: commands on data, nothing else. */
export const ENGINE_DATA_USER = 'holdfast-data'

const DATA_COMMANDS =
  '-@all +@read +@write +@connection +wait +fcall +fcall_ro -@admin -@dangerous +flushall ' +
  '-keys -randomkey -scan'

export interface EngineSettings {
  host: string
  port: number
  folder: string
  adminPassword: string
  dataPassword: string
  /** Bytes of values and keys; 0 = no limit of its own. */
  memoryBytesMax: number
  /** A cache drops its least recently used items when full; a replicated bucket refuses. */
  cache: boolean
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
    ['repl-backlog-size', '32mb'],
    ['hz', '100'],
    ['save', '""'],
    ['appendonly', settings.cache ? 'no' : 'yes'],
    ['appendfsync', 'everysec'],
    ['maxmemory', String(settings.memoryBytesMax)],
    ['maxmemory-policy', settings.cache ? 'allkeys-lru' : 'noeviction'],
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
