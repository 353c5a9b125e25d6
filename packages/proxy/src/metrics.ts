/**
 * The proxy's metrics for Prometheus, made from a snapshot when they are asked for: nothing is
 * counted here, and a request costs no metrics call. With several workers the snapshots are summed
 * first and the process metrics are aggregated by the library, so the series look the same.
 *
 * Cardinality is bounded: beyond `BUCKETS_SHOWN_MAX` buckets the rest is one bucket `other`, beyond
 * `SERVERS_SHOWN_MAX` servers of a bucket the rest is one server `other`.
 */
import type { ServerReport } from '@holdfast/client'
import { AggregatorRegistry, Registry } from 'prom-client'
import {
  BUCKET_METRICS,
  METRICS_PREFIX,
  type MetricRow,
  type MetricValue,
  PROXY_METRICS,
  SERVER_METRICS,
} from './metrics-table.ts'
import type { ProcessMetrics } from './process-meter.ts'
import { type BucketSnapshot, mergeBuckets, type ProxySnapshot } from './stats-snapshot.ts'

/** Type of what `metricsText` returns. */
export const METRICS_CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE

export const BUCKETS_SHOWN_MAX = 100
export const SERVERS_SHOWN_MAX = 256
const OTHER = 'other'

/** The text for Prometheus, from a snapshot and the metrics of all processes behind it. */
export async function metricsText(
  snapshot: ProxySnapshot,
  processes: readonly ProcessMetrics[],
): Promise<string> {
  const shown = boundBuckets(snapshot.buckets)
  const metrics = [
    ...PROXY_METRICS.map((row) => metricOf(row, row.read(snapshot))),
    ...BUCKET_METRICS.map((row) =>
      metricOf(
        row,
        shown.flatMap((one) => labelled(row, one)),
      ),
    ),
    ...SERVER_METRICS.map((row) =>
      metricOf(
        row,
        shown.flatMap((one) => byServer(row, one)),
      ),
    ),
  ]
  const registry = AggregatorRegistry.aggregate([...processes.map((one) => [...one]), metrics])
  return await registry.metrics()
}

function metricOf(row: MetricRow<never>, values: readonly MetricValue[]): object {
  const { name, help, type } = row
  return { name: METRICS_PREFIX + name, help, type, aggregator: 'sum', values }
}

function labelled(row: MetricRow<BucketSnapshot>, bucket: BucketSnapshot): MetricValue[] {
  return row.read(bucket).map(({ labels, ...value }) => {
    return { ...value, labels: { bucket: bucket.name, ...labels } }
  })
}

function byServer(row: MetricRow<ServerReport>, bucket: BucketSnapshot): MetricValue[] {
  return boundServers(bucket.backend.servers).flatMap((server) => {
    const labels = { bucket: bucket.name, server: server.address }
    return row.read(server).map((value) => ({ ...value, labels: { ...labels, ...value.labels } }))
  })
}

function boundBuckets(buckets: readonly BucketSnapshot[]): readonly BucketSnapshot[] {
  if (buckets.length <= BUCKETS_SHOWN_MAX) return buckets
  const [first, ...rest] = buckets.slice(BUCKETS_SHOWN_MAX)
  if (first === undefined) return buckets
  const other = rest.reduce(mergeBuckets, { ...first, name: OTHER })
  return [...buckets.slice(0, BUCKETS_SHOWN_MAX), other]
}

/** Several shards may be on one server, and while there is none their address is empty. */
function boundServers(servers: readonly ServerReport[]): ServerReport[] {
  const byAddress = new Map<string, ServerReport>()
  for (const server of servers) {
    const isKnown = byAddress.has(server.address)
    const address = isKnown || byAddress.size < SERVERS_SHOWN_MAX ? server.address : OTHER
    const before = byAddress.get(address)
    byAddress.set(address, before === undefined ? { ...server, address } : joined(before, server))
  }
  return [...byAddress.values()]
}

function joined(a: ServerReport, b: ServerReport): ServerReport {
  return {
    address: a.address,
    state: a.state === 'connected' ? b.state : a.state,
    held: a.held + b.held,
    outstanding: a.outstanding + b.outstanding,
    connects: a.connects + b.connects,
    failures: a.failures + b.failures,
  }
}
