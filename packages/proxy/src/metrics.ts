/**
 * The proxy's metrics for Prometheus. Nothing is counted here: each metric reads the counters that
 * the data path keeps when it is scraped, so that a request costs no metrics call.
 */
import { Outcome } from '@holdfast/client'
import { Op } from '@holdfast/protocol'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { SourceReport } from './backend-source.ts'
import { LATENCY_BOUNDS_SECONDS, type Statistics } from './statistics.ts'

const PREFIX = 'holdfast_proxy_'

interface Reading {
  name: string
  help: string
  read: (statistics: Statistics, report: SourceReport) => number
}

const COUNTERS: readonly Reading[] = [
  {
    name: 'connections_total',
    help: 'application connections accepted',
    read: (statistics) => statistics.totalConnections,
  },
  {
    name: 'connections_refused_total',
    help: 'application connections beyond the limit',
    read: (statistics) => statistics.refusedConnections,
  },
  { name: 'read_bytes_total', help: 'bytes of requests', read: (s) => s.bytesRead },
  { name: 'written_bytes_total', help: 'bytes of replies', read: (s) => s.bytesWritten },
  {
    name: 'invalid_requests_total',
    help: 'requests that were no memcached requests',
    read: (statistics) => statistics.invalidRequests,
  },
  {
    name: 'replays_total',
    help: 'operations taken back from an engine to be sent again',
    read: (_, report) => report.backend.counters.replays ?? 0,
  },
  {
    name: 'engine_connects_total',
    help: 'attempts to connect to an engine for writing',
    read: (_, report) => report.backend.counters.engine_connects ?? 0,
  },
  {
    name: 'short_waits_total',
    help: 'times the replicas were not yet where an acknowledgement needs them',
    read: (_, report) => report.backend.counters.short_waits ?? 0,
  },
  {
    name: 'degraded_writes_total',
    help: 'writes acknowledged that no replica has, in shards declared degraded',
    read: (_, report) => report.backend.counters.degraded_writes ?? 0,
  },
  {
    name: 'hold_queue_refused_total',
    help: 'operations refused because a hold queue was full',
    read: (_, report) => report.backend.counters.hold_queue_refused ?? 0,
  },
  {
    name: 'configs_received_total',
    help: 'bucket configs received',
    read: (_, report) => report.configsReceived,
  },
  {
    name: 'configs_refused_total',
    help: 'bucket configs that were no use',
    read: (_, report) => report.configsRefused,
  },
]

const GAUGES: readonly Reading[] = [
  {
    name: 'connections',
    help: 'application connections open',
    read: (statistics) => statistics.currentConnections,
  },
  { name: 'config_rev', help: 'revision of the config in use', read: (_, r) => r.configRev },
  {
    name: 'outstanding',
    help: 'operations without outcome',
    read: (_, r) => r.backend.outstanding,
  },
  {
    name: 'held',
    help: 'operations queued for their turn or for a primary',
    read: (_, report) => report.backend.servers.reduce((sum, shard) => sum + shard.held, 0),
  },
  {
    name: 'shards',
    help: 'shards of the bucket',
    read: (_, report) => report.backend.servers.length,
  },
  {
    name: 'shards_connected',
    help: 'shards with a usable primary',
    read: (_, report) =>
      report.backend.servers.filter((shard) => shard.state === 'connected').length,
  },
]

/** A registry whose metrics read `statistics` and `report` at each scrape. */
export function createMetrics(statistics: Statistics, report: () => SourceReport): Registry {
  const registry = new Registry()
  // A finer look at the loop's delay would wake an idle process a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 })
  const registers = [registry]
  for (const { name, help, read } of COUNTERS) {
    new Counter({
      name: PREFIX + name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read(statistics, report()))
      },
    })
  }
  for (const { name, help, read } of GAUGES) {
    new Gauge({
      name: PREFIX + name,
      help,
      registers,
      collect() {
        this.set(read(statistics, report()))
      },
    })
  }
  registerCommands(registry, statistics)
  registerLatency(registry, statistics)
  return registry
}

function registerCommands(registry: Registry, statistics: Statistics): void {
  new Counter({
    name: `${PREFIX}commands_total`,
    help: 'commands by name and result',
    labelNames: ['command', 'result'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [command, op] of Object.entries(Op)) {
        for (const [result, outcome] of Object.entries(Outcome)) {
          const count = statistics.replies(op, outcome)
          if (count > 0) this.inc({ command: snake(command), result: snake(result) }, count)
        }
      }
    },
  })
}

/** Written as plain series, since the buckets are counted on the data path, not by the library. */
function registerLatency(registry: Registry, statistics: Statistics): void {
  const name = `${PREFIX}latency_seconds`
  const registers = [registry]
  new Counter({
    name: `${name}_bucket`,
    help: 'replies by time since their request, cumulative by upper bound',
    labelNames: ['le'],
    registers,
    collect() {
      this.reset()
      let sum = 0
      statistics.latencyCounts.forEach((count, i) => {
        sum += count
        this.inc({ le: String(LATENCY_BOUNDS_SECONDS[i] ?? '+Inf') }, sum)
      })
    },
  })
  new Counter({
    name: `${name}_sum`,
    help: 'seconds from requests to their replies',
    registers,
    collect() {
      this.reset()
      this.inc(statistics.latencySumSeconds)
    },
  })
  new Counter({
    name: `${name}_count`,
    help: 'replies timed',
    registers,
    collect() {
      this.reset()
      this.inc(statistics.latencyCounts.reduce((sum, count) => sum + count, 0))
    },
  })
}

function snake(name: string): string {
  return name.replace(/(?<=.)[A-Z]/g, '_$&').toLowerCase()
}
