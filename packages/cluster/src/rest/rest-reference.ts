/**
 * docs/reference/rest.md, made from the table of public routes. A test compares the file with this
 * text; `node packages/cluster/src/rest/rest-reference.ts` writes it.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Access } from './access.ts'
import { pathOf } from './openapi.ts'
import { publicRoutes } from './rest-server.ts'
import type { Route } from './route.ts'

/** Where the document lies. */
export const REST_REFERENCE: URL = new URL('../../../../docs/reference/rest.md', import.meta.url)

const ACCESS: readonly [access: Access, meaning: string][] = [
  ['open', 'everybody'],
  [
    'anybucket',
    "the admin, or any bucket's credentials; everybody while a bucket has no password, or there is no bucket",
  ],
  ['bucket', "the admin, or that bucket's credentials; everybody if it has no password"],
  ['admin', 'the admin; everybody until one is set'],
]

/** The document's text. */
export function restReference(): string {
  return `# REST

Every node answers on its REST port (8091), with the paths and the JSON of Membase. Credentials are
HTTP Basic; those of a bucket are its name and its password. Parameters of a POST are form fields
(\`application/x-www-form-urlencoded\`). Any node takes any request: what only the leader can do is
passed on to it, and answered 503 while no majority of the members can be reached.

A browser logs in by \`POST /uilogin\` and gets a cookie. It counts only for requests that carry
\`ns-server-ui: yes\`, which no page of another origin can send, and for half an hour from the last
request that used it. Requests that a browser sends for a page of another origin change nothing (403).

Types, bounds and answers are in [openapi.json](openapi.json) (OpenAPI 3.1). The read-only user
(\`POST /settings/readOnlyUser\`) may read what the admin may, secrets apart, and change nothing.

| access | who |
|---|---|
${ACCESS.map(([access, meaning]) => row([access, meaning])).join('')}
## Read

| request | access | answer | parameters |
|---|---|---|---|
${rows(publicRoutes.filter((route) => route.method === 'GET'))}
## Change

| request | access | effect | parameters |
|---|---|---|---|
${rows(publicRoutes.filter((route) => route.method !== 'GET'))}
## Errors

| status | body | when |
|---|---|---|
| 400 | \`{"errors": {FIELD: MESSAGE}}\`, \`[MESSAGE, ...]\` or text | a field is wrong, or the change is not possible now |
| 401 | empty | credentials are missing or wrong; with \`invalid-auth-response: on\` in the request no challenge is sent |
| 403 | \`{"message": TEXT}\` | the read-only user would change something or see a secret |
| 404 | text, or JSON text | no such bucket (asked before credentials), no such path, no such pool until an admin is set |
| 405 | text | no such path, for DELETE and PUT |
| 429 | \`[MESSAGE]\` | an address that has sent many wrong logins tries more at once; \`retry-after\` says when to come back. Logins that have been right lately are never refused |
| 503 | \`[MESSAGE]\` | no leader, or no majority has the change; it may still come into force, so look before you repeat it |

## The bucket stream

\`bucketsStreaming\` answers with the bucket's JSON at once and again after every change, each followed
by four newlines, and stays open. A Membase client reads \`vBucketServerMap\` in it: row v of
\`vBucketMap\` holds the indexes in \`serverList\` of the node that takes vBucket v and of its replicas,
-1 for none. Holdfast's proxies say who they are with the header \`X-Holdfast-Proxy: VERSION\` and get a
space four times a second; a second without a byte means that the node is gone. Those that may are told
the engines too, in a member \`holdfast\`; it carries credentials, so use the stream inside your
network only. May: the admin, \`@proxy\` with the token of \`/settings/proxies\`, whoever gives the
bucket's password, and proxies on the node's own machine. The others find their way by the map.

\`saslPassword\` is always empty, as the store keeps hashes and cannot show a password; \`hasPassword\`
says whether there is one. In a form that changes a bucket an empty \`saslPassword\` removes the
password, and one that is left out keeps it.
`
}

function rows(routes: readonly Route[]): string {
  return routes
    .map((route) => row([`\`${route.method} ${pathOf(route)}\``, ...cellsOf(route)]))
    .join('')
}

function cellsOf({ access, summary, parameters = [], secret }: Route): string[] {
  const names = parameters.filter((one) => one.in !== 'path').map(({ name }) => `\`${name}\``)
  return [secret ? `${access}, no reader` : access, summary, names.join(' ')]
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(REST_REFERENCE, restReference())
}
