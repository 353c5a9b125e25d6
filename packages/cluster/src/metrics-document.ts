/**
 * docs/reference/store-metrics.md, made from the table of metrics. A test compares the file with
 * this text; `node packages/cluster/src/metrics-document.ts` writes it.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { STORE_METRICS, type StoreMetric } from './metrics-table.ts'
import { ALERT_KINDS } from './observe/alert-settings.ts'

/** Where the document lies. */
export const METRICS_DOCUMENT: URL = new URL(
  '../../../docs/reference/store-metrics.md',
  import.meta.url,
)

/** The document's text. */
export function metricsDocument(): string {
  return `# Metrics of a store node

\`GET /metrics\` on the REST port, in Prometheus' text format, from every node about itself;
\`GET /prometheus_sd_config\` lists the nodes for Prometheus' \`http_sd_configs\`. Beside these there
are the runtime's own metrics (\`process_*\`, \`nodejs_*\`). The gateway's are in
[proxy-metrics.md](proxy-metrics.md). Numbers of engines are at most a few seconds old; they come
from the engine, so they count what all proxies did, on this node and elsewhere.

## Node

${table('node')}
## Buckets

${table('bucket')}
## Shards

${table('shard')}
## Engines

Of the engines on this node.

${table('engine')}
## Kinds of alerts

| key | meaning |
|---|---|
${Object.entries(ALERT_KINDS)
  .map(([key, about]) => `| \`${key}\` | ${about} |\n`)
  .join('')}`
}

function table(of: StoreMetric['of']): string {
  const lines = STORE_METRICS.filter((metric) => metric.of === of).map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |\n`,
  )
  return `| name | type | labels | meaning |\n|---|---|---|---|\n${lines.join('')}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(METRICS_DOCUMENT, metricsDocument())
}
