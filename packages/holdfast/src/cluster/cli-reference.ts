/**
 * docs/reference/cli.md, made from the tables of commands and options. A test compares the file
 * with this text; `node packages/holdfast/src/cluster/cli-reference.ts` writes it.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { nodeOptionTable } from '@holdfast/cluster/options'
import type { ClusterCommand, CommandGroup, OptionRow } from './command.ts'
import { clusterCommands } from './commands.ts'
import { connectionOptions } from './connection.ts'
import { aliasFlags, withSecretFiles } from './register.ts'

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

## holdfast complete

Prints a script that completes commands and options in bash, zsh, fish or PowerShell. For the
running shell:

\`\`\`sh
source <(holdfast complete bash)
\`\`\`

and for every one, write it to a file once: \`holdfast complete bash >
~/.local/share/bash-completion/completions/holdfast\`, \`holdfast complete zsh >
"\${fpath[1]}/_holdfast"\`, or \`holdfast complete fish >
~/.config/fish/completions/holdfast.fish\`.

## Cluster commands

With the names and options of couchbase-cli, of 1.7 and of today. They talk to the REST port of the
first of the given members that can be connected to, by default 127.0.0.1:8091, and take besides
their own options:

${optionTable(withSecretFiles(connectionOptions))}
Each password may come from a file or from standard input (\`--password-file -\`) instead of the
command line, where every user of the machine can read it. With \`--output json\` standard output
holds one JSON value, and an error is one JSON object on standard error: \`{"status":"error",
"command", "message", "httpStatus"}\`. An option that names several servers may be given several
times, or with commas. \`0\` and \`1\` are off and on.

${GROUPS.map(groupSection).join('\n')}
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

const GROUPS: readonly CommandGroup[] = [
  'Cluster',
  'Servers',
  'Buckets',
  'Copies of data',
  'Sessions',
  'Settings',
]

function groupSection(group: CommandGroup): string {
  const commands = clusterCommands.filter((command) => command.group === group)
  return `## ${group}\n\n${commands.map(section).join('\n')}`
}

function section({ name, description, options }: ClusterCommand): string {
  const sentence = `${description.charAt(0).toUpperCase()}${description.slice(1)}.`
  const table = options.length === 0 ? '' : `\n${optionTable(withSecretFiles(options))}`
  return `### holdfast ${name}\n\n${sentence}\n${table}`
}

function optionTable(options: readonly OptionRow[]): string {
  const rows = options.map((option) => {
    const { flags, required, default: standard, description, choices, aliases } = option
    const preset = standard ? `\`${standard}\`` : required ? 'required' : ''
    const meanings = [
      description,
      ...(choices === undefined ? [] : [`one of ${choices.map((c) => `\`${c}\``).join(', ')}`]),
      ...(aliases ?? []).map((alias) => `also \`${aliasFlags(option, alias)}\``),
    ]
    return row([`\`${flags}\``, preset, meanings.join('; ')])
  })
  return `| option | default | meaning |\n|---|---|---|\n${rows.join('')}`
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(CLI_REFERENCE, cliReference())
}
