/*
 * The metrics of one session manager in a Registry of prom-client. Nothing is imported from
 * prom-client: a registry takes anything that has a name and can be asked for its values, so the
 * application's own copy of the library is used, of whatever version.
 *
 * Values are read when they are asked for; a request costs no metrics call.
 */
import { METRICS, METRICS_PREFIX, type MetricRow, type MetricsSource } from './metrics-table.ts'

/** What is used of a Registry of prom-client. */
export interface MetricsRegistry {
  registerMetric(metric: never): void
}

/** Adds all metrics; rejected by the registry when it has metrics of these names already. */
export function registerSessionMetrics(registry: MetricsRegistry, source: MetricsSource): void {
  for (const row of METRICS) registry.registerMetric(metricOf(row, source) as never)
}

function metricOf(row: MetricRow, source: MetricsSource): object {
  const name = METRICS_PREFIX + row.name
  const described = { name, help: row.help, type: row.type, aggregator: 'sum' }
  return {
    ...described,
    labelNames: row.labels,
    get: () => Promise.resolve({ ...described, values: row.read(source) }),
    // The counts belong to the session manager; a registry cannot set them back.
    reset: () => undefined,
  }
}

/** The text of docs/reference/session-metrics.md. */
export function metricsReference(): string {
  const rows = METRICS.map(({ name, type, labels, help }) => {
    const shown = labels.map((label) => `\`${label}\``).join(', ')
    return `| \`${METRICS_PREFIX}${name}\` | ${type} | ${shown} | ${help} |`
  })
  return [...METRICS_PAGE_HEAD, ...rows, ...STATISTICS_PAGE, ''].join('\n')
}

const METRICS_PAGE_HEAD = [
  '# Metrics of the session manager',
  '',
  '```js',
  "import { Registry } from 'prom-client'",
  '',
  'const registry = new Registry()',
  'sessions.sessionManager.registerMetrics(registry)',
  "app.get('/metrics', async (request, response) => {",
  '  response.type(registry.contentType).send(await registry.metrics())',
  '})',
  '```',
  '',
  'One session manager to a registry: give a second one a registry of its own, with default labels.',
  'Numbers are of this process. Nothing is counted twice for a metric: values are read when they are',
  'asked for. No label holds a session id or a user.',
  '',
  '| name | type | labels | meaning |',
  '|---|---|---|---|',
]

const STATISTICS_PAGE = [
  '',
  '## Results',
  '',
  '| `loads_total` | |',
  '|---|---|',
  '| `hit_local` | the session was in local memory |',
  '| `hit_remote` | the store had it |',
  '| `takeover` | the store had it, it came from another server |',
  '| `miss` | no such session |',
  '| `expired` | it was in local memory and had expired |',
  '| `error` | the store did not answer |',
  '',
  '`saves_total`: `written`, `skipped_clean` (nothing had changed), `error`, `touched`, `conflict`.',
  '',
  '## Statistics by the original’s names',
  '',
  '`sessionManager.statistics()` gives the counters and probes of memcached-session-manager as one',
  'plain object; probes have `count`, `min`, `avg` and `max` in milliseconds. With',
  '`enableStatistics: false` the probes marked * stay empty.',
  '',
  '| name | meaning here |',
  '|---|---|',
  '| `requestsWithoutSession` | requests without a valid session cookie |',
  '| `requestsWithSession` | requests with one |',
  '| `requestsWithTomcatFailover` | of those, sessions taken over from another server |',
  '| `requestsWithMemcachedFailover` | of those, sessions moved to another store node |',
  '| `requestsWithBackupFailures` | the session could not be stored |',
  '| `requestsWithoutSessionAccess` | the application did not look at the session |',
  '| `requestsWithoutAttributesAccess` | 0: looking at the session is access to its attributes |',
  '| `requestsWithoutSessionModification` | looked at and unchanged |',
  '| `nonStickySessionsPingFailed` | stored copies found missing and made anew |',
  '| `nonStickySessionsReadOnlyRequest` | requests that needed no lock because they only read |',
  '| `effectiveBackup` * | time that responses were held for their session |',
  '| `backup` | from the decision to save to the acknowledgement |',
  '| `attributesSerialization` * | encoding and comparing at the end of a request |',
  '| `memcachedUpdate` | writing operations |',
  '| `sessionsLoadedFromMemcached` | reading operations |',
  '| `sessionDeserialization` * | decoding |',
  '| `sessionsDeletedFromMemcached` | deleting operations |',
  '| `nonStickyAfterLoad`, `onBackupWithoutLoadedSession` | 0: the load itself renews the session |',
  '| `afterBackup`, `afterDelete` | keeping the copy on a second node in step |',
  '| `acquireLock`, `acquireLockFailure`, `releaseLock` * | waits for locks, had and not had; releases |',
]
