/**
 * The answers of `stats`, `stats proxy` and `stats settings`, in memcached's and moxi's names.
 * A client that probes servers with `stats` finds what it expects; what a proxy cannot know (items,
 * memory of the store) is left out rather than invented.
 */
import { type BackendReport, Outcome } from '@holdfast/client'
import { Op } from '@holdfast/protocol'
import type { Statistics } from './statistics.ts'
import { VERSION } from './version.ts'

/** What the report is made from. */
export interface StatsSource {
  readonly statistics: Statistics
  readonly port: number
  readonly bucketName: string
  readonly configRev: number
  readonly configsReceived: number
  readonly connectionsMax: number
  readonly outstandingMax: number
  readonly operationTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly backend: BackendReport
}

type Stat = [name: string, value: string | number]

/** The reply to `stats ARGS`. */
export function statsReply(args: string, source: StatsSource): string {
  const [topic = '', ...rest] = args.trim().split(/\s+/)
  switch (topic) {
    case '':
      return listed(general(source))
    case 'reset':
      source.statistics.reset()
      return 'RESET\r\n'
    case 'settings':
      return listed(settings(source))
    case 'proxy':
      if (rest[0] !== 'reset') return listed(proxy(source))
      source.statistics.reset()
      return 'OK\r\n'
    case 'items':
    case 'slabs':
      return 'END\r\n'
    default:
      return 'ERROR\r\n'
  }
}

function listed(stats: readonly Stat[]): string {
  return `${stats.map(([name, value]) => `STAT ${name} ${value}\r\n`).join('')}END\r\n`
}

function general({ statistics, connectionsMax }: StatsSource): Stat[] {
  const { user, system } = process.cpuUsage()
  const gets = [Op.Get, Op.Gets] as const
  const touches = [Op.Touch, Op.Gat, Op.Gats] as const
  const stores = [Op.Set, Op.Add, Op.Replace, Op.Append, Op.Prepend, Op.Cas] as const
  const nowMs = Date.now()
  const sum = (ops: readonly Op[], outcome: Outcome): number => {
    return ops.reduce((total, op) => total + statistics.replies(op, outcome), 0)
  }
  return [
    ['pid', process.pid],
    ['uptime', Math.floor((nowMs - statistics.startedAtMs) / 1000)],
    ['time', Math.floor(nowMs / 1000)],
    ['version', VERSION],
    ['pointer_size', 64],
    ['rusage_user', (user / 1e6).toFixed(6)],
    ['rusage_system', (system / 1e6).toFixed(6)],
    ['max_connections', connectionsMax],
    ['curr_connections', statistics.currentConnections],
    ['total_connections', statistics.totalConnections],
    ['rejected_connections', statistics.refusedConnections],
    ['cmd_get', statistics.commands(...gets, Op.Gat, Op.Gats)],
    ['cmd_set', statistics.commands(...stores)],
    ['cmd_flush', statistics.commands(Op.FlushAll)],
    ['cmd_touch', statistics.commands(...touches)],
    ['get_hits', sum([...gets, Op.Gat, Op.Gats], Outcome.Hit)],
    ['get_misses', sum([...gets, Op.Gat, Op.Gats], Outcome.Miss)],
    ['delete_misses', sum([Op.Delete], Outcome.NotFound)],
    ['delete_hits', sum([Op.Delete], Outcome.Deleted)],
    ['incr_misses', sum([Op.Incr], Outcome.NotFound)],
    ['incr_hits', sum([Op.Incr], Outcome.Counted)],
    ['decr_misses', sum([Op.Decr], Outcome.NotFound)],
    ['decr_hits', sum([Op.Decr], Outcome.Counted)],
    ['cas_misses', sum([Op.Cas], Outcome.NotFound)],
    ['cas_hits', sum([Op.Cas], Outcome.Stored)],
    ['cas_badval', sum([Op.Cas], Outcome.Exists)],
    ['touch_hits', sum([Op.Touch], Outcome.Touched)],
    ['touch_misses', sum([Op.Touch], Outcome.NotFound)],
    ['bytes_read', statistics.bytesRead],
    ['bytes_written', statistics.bytesWritten],
    ['accepting_conns', 1],
    ['threads', 1],
  ]
}

function settings(source: StatsSource): Stat[] {
  return [
    ['maxconns', source.connectionsMax],
    ['tcpport', source.port],
    ['num_threads', 1],
    ['binding_protocol', 'ascii'],
  ]
}

function proxy(source: StatsSource): Stat[] {
  const { statistics, backend } = source
  const { servers, counters } = backend
  const place = `${source.port}:${source.bucketName === '' ? 'default' : source.bucketName}`
  const connected = servers.filter((server) => server.state === 'connected').length
  const timeouts = Object.values(Op).reduce((total, op) => {
    return total + statistics.replies(op, Outcome.Failed)
  }, 0)
  return [
    ['basic:version', VERSION],
    ['basic:nthreads', 1],
    ['proxy_main:conf_type', 'dynamic'],
    ['proxy_main:stats:stat_configs', source.configsReceived],
    [`${place}:info:port`, source.port],
    [`${place}:info:name`, source.bucketName],
    [`${place}:info:config_ver`, source.configRev],
    [`${place}:behavior:downstream_max`, source.outstandingMax],
    [`${place}:behavior:downstream_timeout`, source.operationTimeoutMs],
    [`${place}:behavior:connect_timeout`, source.connectTimeoutMs],
    [`${place}:stats:listening`, 1],
    [`${place}:pstd_stats:num_upstream`, statistics.currentConnections],
    [`${place}:pstd_stats:tot_upstream`, statistics.totalConnections],
    [`${place}:pstd_stats:num_downstream_conn`, connected],
    [`${place}:pstd_stats:tot_downstream_conn`, counters.engine_connects ?? 0],
    [`${place}:pstd_stats:tot_retry`, counters.replays ?? 0],
    [`${place}:pstd_stats:tot_downstream_timeout`, timeouts],
    [`${place}:pstd_stats_cmd:regular_get:seen`, statistics.commands(Op.Get, Op.Gets)],
    [`${place}:pstd_stats_cmd:regular_set:seen`, statistics.commands(Op.Set)],
    [`${place}:pstd_stats_cmd:regular_ERROR:seen`, statistics.invalidRequests],
  ]
}
