/**
 * Passwords for the command line, so that they need not stand in it, where every user of the
 * machine can read them: from a file, from standard input, or typed at the terminal.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { type OptionRow, type OptionValues, UsageError } from './command.ts'

const STANDARD_INPUT = 0
const SECRET_BYTES_MAX = 64 * 1024

/** The option beside a secret one that names a file with it. */
export function secretFileRow(row: OptionRow): OptionRow {
  const long = longFlag(row.flags)
  return { flags: `${long}-file <path>`, description: `file with ${long}; - is standard input` }
}

/** `--name` of an option's flags. */
export function longFlag(flags: string): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags
}

/** The name under which the command line keeps an option's value. */
export function attributeOf(flags: string): string {
  const long = longFlag(flags).replace(/^--(?:no-)?/, '')
  return long.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** Puts the secrets into the options that want them. */
export async function readSecrets(
  rows: readonly OptionRow[],
  options: OptionValues,
): Promise<void> {
  const fromInput: string[] = []
  for (const row of rows.filter(({ secret }) => secret)) {
    const name = attributeOf(row.flags)
    const path = options[`${name}File`]
    if (typeof path === 'string') {
      if (path === '-') fromInput.push(longFlag(row.flags))
      if (fromInput.length > 1) {
        throw new UsageError(`${fromInput.join(' and ')}: only one can be standard input`)
      }
      options[name] = readSecret(path)
    } else if (options[name] === true) {
      options[name] = await askHidden(`${longFlag(row.flags).slice(2)}: `, row)
    }
  }
}

/** The secret in a file, without the line's end; `-` is standard input. Throws UsageError. */
export function readSecret(path: string): string {
  let text: string
  try {
    text = readFileSync(path === '-' ? STANDARD_INPUT : path, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new UsageError(`cannot read a password: ${why}`, { cause })
  }
  if (text.length > SECRET_BYTES_MAX) throw new UsageError(`${path} is too large for a password`)
  return text.replace(/\r?\n$/, '')
}

function askHidden(prompt: string, row: OptionRow): Promise<string> {
  if (!process.stdin.isTTY) throw new UsageError(`${longFlag(row.flags)} needs a value`)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true })
  process.stderr.write(prompt)
  return new Promise((resolve, reject) => {
    reader.on('SIGINT', () => reader.close())
    reader.on('close', () => reject(new UsageError('no password given')))
    reader.question('', (answer) => {
      process.stderr.write('\n')
      resolve(answer)
      reader.close()
    })
  })
}
