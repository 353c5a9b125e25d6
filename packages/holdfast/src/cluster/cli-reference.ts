/**
 * docs/reference/cli.md, made from the tables of commands and options. A test compares the file
 * with this text; `node packages/holdfast/src/cluster/cli-reference.ts` writes it.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { nodeOptionTable } from '@holdfast/cluster'
import { type ClusterCommand, clusterCommands, type OptionRow } from './commands.ts'
import { connectionOptions } from './register.ts'

/** Where the document lies. */
export const CLI_REFERENCE: URL = new URL('../../../../docs/reference/cli.md', import.meta.url)

/** The document's text. */
export function cliReference(): string {
  return `# Commands

One program, \`holdfast\`; \`holdfast COMMAND --help\` says the same as this page. Exit status: 0 done,
1 failed, 2 wrong use. Errors go to standard error.

## holdfast node

Runs a store node. It prints \`holdfast node ready http://HOST:PORT\` when its REST port serves, and
ends with SIGTERM or SIGINT, its engines with it. Logs are JSON lines on standard error;
\`HOLDFAST_LOG_LEVEL\` is their level (\`info\`). \`HOLDFAST_ENGINE\` names the engine's program when it
is not to be searched for.

${optionTable(nodeOptionTable)}
## holdfast proxy

Runs a local proxy; \`moxi\` is the same with moxi's command line. See
[Options of the proxy](proxy-options.md).

## Cluster commands

With the names and options of couchbase-cli. They talk to the REST port of any member, by
default 127.0.0.1:8091, and take besides their own options:

${optionTable(connectionOptions)}
${clusterCommands.map(section).join('\n')}
## holdfast demo

Runs the whole picture on this machine: three store nodes, two app servers with local proxies and a
load balancer. Ctrl-C ends it. \`--embedded\` runs no store nodes but one proxy with the embedded
store. While it runs, from another shell:

| command | what |
|---|---|
| \`holdfast demo status\` | one line on its state |
| \`holdfast demo kill N\` | kill -9 every process of store node N |
| \`holdfast demo revive N\` | start it again |
`
}

function section({ name, description, options }: ClusterCommand): string {
  const sentence = `${description.charAt(0).toUpperCase()}${description.slice(1)}.`
  return `### holdfast ${name}\n\n${sentence}\n\n${optionTable(options)}`
}

function optionTable(options: readonly OptionRow[]): string {
  const rows = options.map(({ flags, required, default: standard, description }) => {
    const preset = standard ? `\`${standard}\`` : required ? 'required' : ''
    return row([`\`${flags}\``, preset, description])
  })
  return `| option | default | meaning |\n|---|---|---|\n${rows.join('')}`
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(CLI_REFERENCE, cliReference())
}
