/**
 * docs/reference/proxy-stats.md, made from the tables of names. A test compares the file with this
 * text; `node packages/proxy/src/stats-document.ts` writes it.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { GENERAL_STATS, SETTINGS_STATS } from './stats-general.ts'
import { BUCKET_GROUPS, PROXY_GROUPS, type StatGroup } from './stats-proxy.ts'
import type { StatRow } from './stats-row.ts'

/** Where the document lies. */
export const STATS_DOCUMENT: URL = new URL(
  '../../../docs/reference/proxy-stats.md',
  import.meta.url,
)

/** The document's text. */
export function statsDocument(): string {
  return `# Statistics of the proxy

\`stats\` in the text protocol, STAT in the binary one. Names are memcached's and moxi's; what a proxy
cannot know is left out rather than invented, and the reason is given here. With several workers the
numbers are sums. Nothing shown is a secret.

| form | answer |
|---|---|
| \`stats\` | the names of the first table, of the bucket of the connection where it says nothing else |
| \`stats settings\` | the names of the second table |
| \`stats proxy [all]\` | everything below |
| \`stats proxy basic\`, \`info\`, \`settings\`, \`behaviors\`, \`frontcache\`, \`keystats\`, \`stats\`, \`timings\` | that part; \`config\` is \`info\` |
| \`stats proxy buckets\` | name, kind and state of each bucket |
| \`stats reset\`, \`stats proxy reset\` | \`RESET\`, \`OK\`: counters start again from 0, those of /metrics as well |
| \`stats items\`, \`slabs\`, \`conns\`, \`extstore\`, \`detail dump\` | an empty list |
| \`stats sizes\` | \`sizes_status disabled\` |
| anything else | \`ERROR\` |

\`timings\` is a line for each doubling of microseconds, \`FROM+WIDTH=COUNT SHARE% ****\`, by class of
command (read, store, count, delete, touch, flush), then the quantiles p50, p99 and p99.9; a quantile
is off by a quarter at most.

## stats

${table(GENERAL_STATS)}
## stats settings

${table(SETTINGS_STATS)}
## stats proxy

Once for the proxy, and also the two tables above under \`memcached:stats:\` and
\`memcached:settings:\`:

${grouped(PROXY_GROUPS)}
Once for each bucket, under \`PORT:BUCKET:\`:

${grouped(BUCKET_GROUPS)}`
}

function grouped<Context>(groups: readonly StatGroup<Context>[]): string {
  return `${HEAD}${groups.map(({ prefix, rows }) => rowsOf(prefix, rows)).join('')}`
}

function table<Context>(rows: readonly StatRow<Context>[]): string {
  return `${HEAD}${rowsOf('', rows)}`
}

const HEAD = '| name | shown | meaning, or why not |\n|---|---|---|\n'

function rowsOf<Context>(prefix: string, rows: readonly StatRow<Context>[]): string {
  return rows
    .map(({ names, meaning, read }) => {
      const list = names.map((name) => `\`${prefix}${name}\``).join(', ')
      return `| ${list} | ${read === undefined ? 'no' : 'yes'} | ${meaning} |\n`
    })
    .join('')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(STATS_DOCUMENT, statsDocument())
}
