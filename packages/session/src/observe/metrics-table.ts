/*
 * Every metric of the session manager: name, type, meaning, and how its values are read. The page
 * docs/reference/session-metrics.md is made from this table; a test compares the two.
 *
 * Labels hold names of nodes, routes, results and operations: nothing that grows with the number
 * of sessions or users, and never a session id.
 */
import type { Distribution } from './distribution.ts'
import type { SessionCounts } from './session-counts.ts'

export const METRICS_PREFIX = 'holdfast_session_'

/** What a mode shows of its memory. */
export interface ModeGauges {
  /** Sessions in local memory; sticky mode. */
  localSessions: number
  /** Sessions and deletions that the store has not acknowledged. */
  backupQueue: number
  /** Age of the oldest of them. */
  backupLagMs: number
}

/** What is read when metrics are asked for, rather than counted. */
export interface SessionGauges extends ModeGauges {
  nodes: readonly NodeGauges[]
}

/** A node of the store as this process sees it. */
export interface NodeGauges {
  /** Its id, or its address where it has none. */
  node: string
  up: boolean
  /** For how long it has been away; 0 while it is not. */
  awayMs: number
}

/** All that metrics are read from. */
export interface MetricsSource {
  counts: SessionCounts
  gauges: () => SessionGauges
}

/** One sample; `metricName` is that of the series when it is not the metric's own. */
export interface MetricValue {
  labels: Record<string, string>
  value: number
  metricName?: string
}

export interface MetricRow {
  name: string
  type: 'counter' | 'gauge' | 'histogram'
  help: string
  labels: readonly string[]
  read: (source: MetricsSource) => MetricValue[]
}

export const METRICS: readonly MetricRow[] = [
  labelled(
    'loads_total',
    'sessions looked for by the cookie of a request, by result',
    ['result'],
    ({ counts }) => Object.entries(counts.loads).map(([result, value]) => [{ result }, value]),
  ),
  histogram('load_duration_seconds', 'loads that asked the store', ({ counts }) => [
    [{}, counts.loadSeconds],
  ]),
  labelled(
    'saves_total',
    'ends of requests that had a stored session, by result; `touched`: renewed without data; `conflict`: met another writer and was merged',
    ['result'],
    ({ counts }) => [
      ...Object.entries(counts.saves).map(([result, value]): [Labels, number] => [
        { result },
        value,
      ]),
      [{ result: 'touched' }, counts.touched],
      [{ result: 'conflict' }, counts.conflicts],
    ],
  ),
  histogram(
    'save_duration_seconds',
    'from the decision to save to the acknowledgement',
    (source) => [[{}, source.counts.saveSeconds]],
  ),
  histogram('size_bytes', 'stored size of the sessions that were written', ({ counts }) => [
    [{}, counts.sizeBytes],
  ]),
  histogram('lock_wait_seconds', 'waits for a lock that was had', ({ counts }) => [
    [{}, counts.lockWaitSeconds],
  ]),
  one('counter', 'lock_timeouts_total', 'waits for a lock that was not had', ({ counts }) => {
    return counts.lockTimeouts
  }),
  one('counter', 'locks_lost_total', 'locks that ended before their request did', ({ counts }) => {
    return counts.locksLost
  }),
  one('gauge', 'locks_held', 'locks held by requests of this process', ({ counts }) => {
    return counts.locksHeld
  }),
  labelled(
    'failovers_total',
    'sessions that moved: `server` from one route to another, `node` from one store node to another',
    ['kind', 'from', 'to'],
    ({ counts }) =>
      [...counts.failovers.values()].map(({ kind, from, to, count }) => [
        { kind, from, to },
        count,
      ]),
  ),
  one('gauge', 'backup_lag_seconds', 'age of the oldest change that is not stored', (source) => {
    return source.gauges().backupLagMs / 1000
  }),
  one('gauge', 'backup_queue_length', 'sessions and deletions that are not stored', (source) => {
    return source.gauges().backupQueue
  }),
  one('counter', 'backup_dropped_total', 'deletions given up, left to expire', ({ counts }) => {
    return counts.deletesDropped
  }),
  one('gauge', 'sessions_local', 'sessions in local memory (sticky mode)', ({ gauges }) => {
    return gauges().localSessions
  }),
  labelled(
    'events_total',
    'what happened to sessions: created, destroyed, expired, takenOver, relocated, unreadable',
    ['event'],
    ({ counts }) => [...counts.events].map(([event, value]) => [{ event }, value]),
  ),
  one(
    'counter',
    'revocations_total',
    'sessions ended by their user’s id or by revoke',
    (source) => {
      return source.counts.revocations
    },
  ),
  one('counter', 'index_conflicts_total', 'repeated writes to an index of a user', (source) => {
    return source.counts.indexConflicts
  }),
  gaugeOfNodes('node_up', '1 while the node answers', ({ up }) => Number(up)),
  gaugeOfNodes('circuit_state', '1 while the node is not asked because it is away', ({ up }) => {
    return Number(!up)
  }),
  labelled(
    'circuit_openings_total',
    'times that a node was silent for so long that it was not asked any more, by node',
    ['node'],
    ({ counts }) => [...counts.circuits].map(([node, { openings }]) => [{ node }, openings]),
  ),
  labelled(
    'node_probes_total',
    'probes of nodes that were away, by node and outcome: `answered` (it is back) or `failed`',
    ['node', 'outcome'],
    ({ counts }) =>
      [...counts.circuits].flatMap(([node, { probes }]) =>
        Object.entries(probes).map(([outcome, value]): [Labels, number] => [
          { node, outcome },
          value,
        ]),
      ),
  ),
  labelled(
    'node_away_seconds_total',
    'time for which a node was not asked because it was away, by node, the present absence included',
    ['node'],
    ({ counts, gauges }) => awaySeconds(counts, gauges().nodes),
  ),
  histogram(
    'node_request_duration_seconds',
    'store operations with their repetitions, by node and operation',
    ({ counts }) =>
      [...counts.nodeOperations.values()].map(({ node, operation, durations }) => [
        { node, op: operation },
        durations,
      ]),
    ['node', 'op'],
  ),
  labelled(
    'node_errors_total',
    'store operations that failed, by node and code of the error',
    ['node', 'kind'],
    ({ counts }) =>
      [...counts.nodeErrors].map(([key, value]) => {
        const space = key.lastIndexOf(' ')
        return [{ node: key.slice(0, space), kind: key.slice(space + 1) }, value]
      }),
  ),
]

type Labels = Record<string, string>

function awaySeconds(counts: SessionCounts, nodes: readonly NodeGauges[]): [Labels, number][] {
  return [...counts.circuits].map(([node, { awaySeconds: before }]) => {
    const awayMs = nodes.find((one) => one.node === node)?.awayMs ?? 0
    return [{ node }, before + awayMs / 1000]
  })
}

function one(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: (source: MetricsSource) => number,
): MetricRow {
  return { name, type, help, labels: [], read: (source) => [{ labels: {}, value: value(source) }] }
}

function labelled(
  name: string,
  help: string,
  labels: readonly string[],
  values: (source: MetricsSource) => readonly (readonly [Labels, number])[],
): MetricRow {
  return {
    name,
    type: 'counter',
    help,
    labels,
    read: (source) => values(source).map(([labels, value]) => ({ labels, value })),
  }
}

function gaugeOfNodes(name: string, help: string, value: (node: NodeGauges) => number): MetricRow {
  return {
    name,
    type: 'gauge',
    help,
    labels: ['node'],
    read: ({ gauges }) =>
      gauges().nodes.map((node) => ({ labels: { node: node.node }, value: value(node) })),
  }
}

function histogram(
  name: string,
  help: string,
  series: (source: MetricsSource) => readonly (readonly [Labels, Distribution])[],
  labels: readonly string[] = [],
): MetricRow {
  return {
    name,
    type: 'histogram',
    help,
    labels: [...labels, 'le'],
    read: (source) =>
      series(source).flatMap(([labels, durations]) => samples(name, labels, durations)),
  }
}

function samples(name: string, labels: Labels, measured: Distribution): MetricValue[] {
  const metricName = METRICS_PREFIX + name
  let upTo = 0
  const buckets = [...measured.bounds, Number.POSITIVE_INFINITY].map((bound, place) => {
    upTo += measured.counts[place] ?? 0
    const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound)
    return { labels: { ...labels, le }, value: upTo, metricName: `${metricName}_bucket` }
  })
  return [
    ...buckets,
    { labels, value: measured.sum, metricName: `${metricName}_sum` },
    { labels, value: measured.count, metricName: `${metricName}_count` },
  ]
}
