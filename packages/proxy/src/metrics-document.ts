/**
 * docs/reference/proxy-metrics.md, made from the tables of metrics. A test compares the file with
 * this text; `node packages/proxy/src/metrics-document.ts` writes it.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BUCKETS_SHOWN_MAX, SERVERS_SHOWN_MAX } from './metrics.ts'
import {
  BUCKET_METRICS,
  LATENCY_BOUNDS_US,
  METRICS_PREFIX,
  type MetricRow,
  PROXY_METRICS,
  SERVER_METRICS,
} from './metrics-table.ts'

/** Where the document lies. */
export const METRICS_DOCUMENT: URL = new URL(
  '../../../docs/reference/proxy-metrics.md',
  import.meta.url,
)

/** The document's text. */
export function metricsDocument(): string {
  const [lowest = 0] = LATENCY_BOUNDS_US
  const highest = LATENCY_BOUNDS_US.at(-1) ?? 0
  return `# Metrics of the proxy

\`GET /metrics\` on the HTTP port, in Prometheus' text format. With several workers the numbers are
sums over all of them. \`stats reset\` sets the counters back, which Prometheus takes for a restart.

Beside these there are the runtime's own metrics (\`process_*\`, \`nodejs_*\`). The number of series is
bounded: from the ${BUCKETS_SHOWN_MAX + 1}st bucket on buckets are one bucket \`other\`, and from the ${SERVERS_SHOWN_MAX + 1}th server of a
bucket on servers are one server \`other\`.

The same port serves, as JSON:

| path | answer |
|---|---|
| \`/health\` | 200 while this process can take requests: it is not stopping, and a bucket is usable or there is none yet; else 503. A failover does not change it: requests are held and answered. \`ok\`, \`draining\`, \`workers\`, and of the first bucket \`kind\`, \`bucket\`, \`configRev\`, \`servers\`; \`buckets\` has all |
| \`/ready\` | 200 when there is a bucket and every bucket is usable, else 503; \`unusable\` names those that are not |

## Proxy

${table(PROXY_METRICS, [])}
## Buckets

${table(BUCKET_METRICS, ['bucket'])}
Latencies are from a request to its reply, by class of command (read, store, count, delete, touch,
flush). Bounds double from ${lowest} us to ${(highest / 1e6).toFixed(1)} s and are exact.

## Servers

${table(SERVER_METRICS, ['bucket', 'server'])}`
}

function table<Context>(rows: readonly MetricRow<Context>[], common: readonly string[]): string {
  const lines = rows.map(({ name, type, labels, help }) => {
    const all = [...common, ...labels].map((label) => `\`${label}\``).join(', ')
    return `| \`${METRICS_PREFIX}${name}\` | ${type} | ${all} | ${help} |\n`
  })
  return `| name | type | labels | meaning |\n|---|---|---|---|\n${lines.join('')}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(METRICS_DOCUMENT, metricsDocument())
}
