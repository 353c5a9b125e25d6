/**
 * Puts the cluster commands of the table on the command line, runs them and writes what they have
 * to say: lines for a person, or one JSON value; errors on standard error in the same way.
 */
import { createInterface } from 'node:readline/promises'
import { type Command, Option } from 'commander'
import {
  type ClusterCommand,
  type CommandContext,
  type OptionRow,
  type OptionValues,
  type Outcome,
  UsageError,
} from './command.ts'
import { clusterCommands } from './commands.ts'
import { connect, connectionOptions } from './connection.ts'
import { makeProgress } from './progress.ts'
import { RestError } from './rest-client.ts'
import { attributeOf, longFlag, readSecrets, secretFileRow } from './secrets.ts'

const EXIT_FAILED = 1
const EXIT_USAGE = 2

export function registerClusterCommands(program: Command): void {
  for (const row of clusterCommands) {
    const command = program.command(row.name).description(row.description)
    command.helpGroup(`${row.group}:`)
    for (const option of allOptions(row)) addOption(command, option)
    command.action((given: OptionValues) => run(row, given))
  }
}

/** A command's own options, and those of every cluster command, secrets with their files. */
export function allOptions(row: ClusterCommand): OptionRow[] {
  return withSecretFiles([...row.options, ...connectionOptions.map((one) => without(row, one))])
}

/** An older name that the command uses for something else is that. */
function without({ options }: ClusterCommand, { aliases, ...row }: OptionRow): OptionRow {
  if (aliases === undefined) return row
  const own = options.map(({ flags }) => longFlag(flags))
  return { ...row, aliases: aliases.filter((alias) => !own.includes(alias)) }
}

/** The options together with those that name files for the secrets among them. */
export function withSecretFiles(rows: readonly OptionRow[]): OptionRow[] {
  return rows.flatMap((row) => (row.secret ? [row, secretFileRow(row)] : [row]))
}

/** The flags of an option under an older name. */
export function aliasFlags({ flags }: OptionRow, alias: string): string {
  return flags.replace(/^.*--[\w-]+/, alias)
}

function addOption(command: Command, row: OptionRow): void {
  command.addOption(makeOption(row.flags, row))
  for (const alias of row.aliases ?? []) {
    command.addOption(makeOption(aliasFlags(row, alias), { ...row, default: undefined }).hideHelp())
  }
}

function makeOption(
  flags: string,
  row: Omit<OptionRow, 'default'> & { default?: string | undefined },
) {
  const option = new Option(flags, row.description)
  if (row.choices !== undefined) option.choices(row.choices)
  if (row.list) {
    option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value])
  }
  if (row.default !== undefined) option.default(row.default)
  return option
}

async function run(row: ClusterCommand, given: OptionValues): Promise<void> {
  const output = given.output === 'json' ? 'json' : 'standard'
  const write = (line: string): void => {
    process.stdout.write(`${line}\n`)
  }
  const note = output === 'json' ? () => {} : write
  const bar = process.stderr.isTTY === true && given.progressBar !== false
  const kind = output === 'json' ? 'none' : bar ? 'bar' : 'lines'
  const progress = makeProgress({ label: row.name, kind, write: note })
  try {
    const rows = allOptions(row)
    const options = settled(rows, given)
    await readSecrets(rows, options)
    demand(row, options)
    const rest = connect(options, process.env)
    const show = (outcome: Outcome): void => say(outcome, output, write)
    const context: CommandContext = { rest, options, output, progress, note, show, confirm }
    const outcome = await row.run(context)
    progress.stop()
    say(outcome, output, write)
  } catch (error) {
    progress.stop()
    fail(row, error, output)
  }
}

/** Older names of options are given the names of today. */
function settled(rows: readonly OptionRow[], given: OptionValues): OptionValues {
  const options = { ...given }
  for (const row of rows) {
    const name = attributeOf(row.flags)
    for (const alias of row.aliases ?? []) {
      const value = given[attributeOf(alias)]
      const unset = given[name] === undefined || given[name] === row.default
      if (value !== undefined && unset) options[name] = value
    }
  }
  return options
}

function demand(row: ClusterCommand, options: OptionValues): void {
  for (const { flags, required } of row.options) {
    if (required && options[attributeOf(flags)] === undefined) {
      throw new UsageError(`${longFlag(flags)} is required`)
    }
  }
}

function say(outcome: Outcome, output: string, write: (line: string) => void): void {
  if (output === 'json') write(JSON.stringify(outcome.value))
  else for (const line of outcome.lines) write(line)
  if (outcome.exitCode !== undefined) process.exitCode = outcome.exitCode
}

function fail(row: ClusterCommand, error: unknown, output: string): void {
  const { message } = error instanceof Error ? error : new Error(String(error))
  process.exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED
  if (output === 'json') {
    const status = error instanceof RestError ? error.status : null
    const report = { status: 'error', command: row.name, message, httpStatus: status }
    process.stderr.write(`${JSON.stringify(report)}\n`)
    return
  }
  process.stderr.write(`ERROR: ${row.name}: ${message}\n`)
}

async function confirm(question: string, instead: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError(`${question} Nobody can be asked: ${instead}`)
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await reader.question(`${question} (yes/no) `)).trim())
  } finally {
    reader.close()
  }
}
