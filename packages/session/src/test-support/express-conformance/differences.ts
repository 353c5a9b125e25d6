/*
 * docs/reference/express-session-differences.md, made from the scenarios: what the suite compares
 * is what the page says.
 */

import { COOKIE_SCENARIOS, OPTION_SCENARIOS } from './option-scenarios.ts'
import { REQUEST_SCENARIOS } from './request-scenarios.ts'
import type { Scenario } from './scenario.ts'
import { SESSION_SCENARIOS } from './session-scenarios.ts'

export const SCENARIOS: readonly Scenario[] = [
  ...COOKIE_SCENARIOS,
  ...OPTION_SCENARIOS,
  ...SESSION_SCENARIOS,
  ...REQUEST_SCENARIOS,
]

/** What the scenarios cannot show by themselves; each has a test of its own. */
const BESIDES: readonly [string, string, string][] = [
  [
    'redirects: a client that follows at once sees what was stored',
    'always; with express-session mostly not, as the head is sent before the store has answered',
    'always with `sessionBackupAsync: false`; in sticky mode the same server sees it in any case',
  ],
  [
    '`node:http2` with `allowHTTP1`',
    'works; express-session fails',
    'works; express-session fails',
  ],
  [
    'parallel requests that change different attributes',
    'equal: the last one overwrites the others, as a store of express-session has no versions',
    'all changes are kept: each write is checked and merged per attribute',
  ],
  [
    '`save`, `reload`, `destroy`, `regenerate` without a callback',
    'return a promise; with a callback equal',
    'return a promise; with a callback equal',
  ],
  [
    '`regenerate({ keep: [names] })`',
    'the new session keeps these attributes; `keep: true`: all',
    'the new session keeps these attributes; `keep: true`: all',
  ],
  [
    'option `hostPrefix: true`',
    'the cookie’s name gets the prefix `__Host-`',
    'the cookie’s name gets the prefix `__Host-`',
  ],
  [
    'two middlewares over one store',
    'each generates its own sessions; with express-session the later one does it for both',
    'each has its own engine',
  ],
  [
    'a store that never answers',
    'ends in an error 503 after `operationTimeout` or `sessionBackupTimeout`, 30 s by default',
    'ends in an error 503 or goes on, see [session options](session-options.md)',
  ],
  ['unknown options', 'equal: they are ignored', 'a `TypeError` when the application starts'],
]

export const differencesUrl: URL = new URL(
  '../../../../../docs/reference/express-session-differences.md',
  import.meta.url,
)

export function differencesReference(): string {
  const rows = SCENARIOS.map((scenario) => {
    const { topic, name, differs } = scenario
    const sticky = differs?.sticky === undefined ? 'equal' : `sticky mode: ${differs.sticky}`
    const engine = differs?.engine ?? (scenario.storeOnly ? '–' : sticky)
    return `| ${topic} | ${name} | ${differs?.store ?? 'equal'} | ${engine} |`
  })
  return [
    '# express-session, behaviour by behaviour',
    '',
    '`@holdfast/session/express` beside express-session 1.19. Each row of the first table is run against both',
    '(`packages/session/src/test-support/express-conformance`): *equal* means that what was seen was equal. "Over a store" is',
    '`session({ store })`, "over the engine" is `session({ memcachedNodes })`; – means that there is no',
    'express-session store to ask.',
    '',
    '| about | behaviour of express-session | over a store | over the engine |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    '## Beyond',
    '',
    '| | over a store | over the engine |',
    '| --- | --- | --- |',
    ...BESIDES.map((row) => `| ${row.join(' | ')} |`),
    '',
  ].join('\n')
}
