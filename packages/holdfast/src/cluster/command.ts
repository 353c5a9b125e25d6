/**
 * What a cluster command is: a row of a table that the command line, its help, the shell
 * completion and docs/reference/cli.md are all made from. A command talks to the store through the
 * context, and answers with lines for a person and one JSON value for a program; it writes nothing
 * itself.
 */
import type { Progress } from './progress.ts'
import type { RestClient } from './rest-client.ts'

/** Values of a command's options, by camel-case name. */
export type OptionValues = Record<string, string | boolean | string[] | undefined>

export interface OptionRow {
  flags: string
  description: string
  required?: boolean
  default?: string
  choices?: readonly string[]
  /** May be given several times, and with commas. */
  list?: boolean
  /** Long names of older versions that mean the same. */
  aliases?: readonly string[]
  /** May come from a file or standard input too, with `NAME-file`. */
  secret?: boolean
}

export type CommandGroup =
  | 'Cluster'
  | 'Servers'
  | 'Buckets'
  | 'Settings'
  | 'Copies of data'
  | 'Sessions'

export interface ClusterCommand {
  name: string
  group: CommandGroup
  description: string
  options: readonly OptionRow[]
  run(context: CommandContext): Promise<Outcome>
}

export interface CommandContext {
  rest: RestClient
  options: OptionValues
  /** `json`: standard output holds the outcome's value and nothing else. */
  output: 'standard' | 'json'
  progress: Progress
  /** Says something before the command is done. */
  note(line: string): void
  /** Shows an outcome that is not the last one. */
  show(outcome: Outcome): void
  /** A question that a person answers with yes; throws where nobody can be asked. */
  confirm(question: string, instead: string): Promise<boolean>
}

/** What a command has to say when it is done. */
export interface Outcome {
  lines: readonly string[]
  value: unknown
  /** Other than 0 for commands whose answer is one of several states. */
  exitCode?: number
}

/** Raised for a command line that makes no sense: exit status 2. */
export class UsageError extends Error {
  readonly code = 'HOLDFAST_USAGE'
}

/** The outcome of a change. */
export function success(message: string, more: Record<string, unknown> = {}): Outcome {
  return { lines: [`SUCCESS: ${message}`], value: { status: 'success', message, ...more } }
}

/** An option's text; undefined when it is not given. */
export function textOf(options: OptionValues, name: string): string | undefined {
  const value = options[name]
  return typeof value === 'string' ? value : undefined
}

/** The text of an option that has to be there. */
export function requiredText(options: OptionValues, name: string): string {
  const text = textOf(options, name)
  if (text === undefined || text === '') throw new UsageError(`${flagOf(name)} is required`)
  return text
}

/** The values of an option that may be given several times. */
export function listOf(options: OptionValues, name: string): string[] {
  const value = options[name]
  const texts = Array.isArray(value) ? value : typeof value === 'string' ? [value] : []
  return texts.flatMap((text) => text.split(',')).filter((text) => text !== '')
}

/** An option of couchbase-cli's kind, 0 or 1, as the REST's form has it; undefined: not given. */
export function switchOf(options: OptionValues, name: string): 'true' | 'false' | undefined {
  const text = textOf(options, name)
  if (text === undefined) return undefined
  if (text === '1' || text === 'true') return 'true'
  if (text === '0' || text === 'false') return 'false'
  throw new UsageError(`${flagOf(name)} is 0 or 1, not ${text}`)
}

/** A number option; undefined when it is not given. */
export function numberOf(options: OptionValues, name: string): number | undefined {
  const text = textOf(options, name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new UsageError(`${flagOf(name)} is a number, not ${text}`)
  }
  return value
}

/** The fields of a form for those options that were given. */
export function formOf(
  options: OptionValues,
  fields: Readonly<Record<string, string>>,
): Record<string, string> {
  const form: Record<string, string> = {}
  for (const [name, field] of Object.entries(fields)) {
    const text = textOf(options, name)
    if (text !== undefined) form[field] = text
  }
  return form
}

/** Exactly one of several actions, by the options that name them. */
export function oneAction<Name extends string>(
  options: OptionValues,
  names: readonly Name[],
): Name {
  const given = names.filter((name) => options[name] !== undefined && options[name] !== false)
  const [action] = given
  if (action === undefined || given.length > 1) {
    throw new UsageError(`one of ${names.map(flagOf).join(', ')} is needed`)
  }
  return action
}

/** An option's long name as it is typed. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}
