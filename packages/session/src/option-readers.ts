/*
 * Readers of single options: each checks the type and names the option that is wrong.
 */
import type { SessionOption } from './options-table.ts'

/** What the application passed, by name. */
export type GivenOptions = ReadonlyMap<string, unknown>

/** An area of options: its rows of the table, for docs and the check of names. */
export type OptionRows = readonly SessionOption[]

/** A pattern must match the whole text, as in the original. */
export function patternOption(given: GivenOptions, name: string): RegExp | undefined {
  const value = given.get(name)
  if (value === undefined) return undefined
  const source = value instanceof RegExp ? value.source : value
  if (typeof source !== 'string') {
    throw new TypeError(`option ${name} must be a RegExp or a string`)
  }
  // Without g and y: a pattern that remembers its last position would match every other time.
  const flags = value instanceof RegExp ? value.flags.replace(/[gy]/g, '') : ''
  try {
    return new RegExp(`^(?:${source})$`, flags)
  } catch (error) {
    throw new TypeError(`option ${name} is not a valid pattern: ${source}`, { cause: error })
  }
}

export function booleanOption(given: GivenOptions, name: string, byDefault: boolean): boolean {
  const value = given.get(name)
  if (value === undefined) return byDefault
  if (typeof value === 'boolean') return value
  throw new TypeError(`option ${name} must be true or false`)
}

const TIMEOUT_MS_DEFAULT = 2500
const TIMEOUT_MS_MAX = 600_000

export function timeoutOption(
  given: GivenOptions,
  name: string,
  byDefaultMs: number = TIMEOUT_MS_DEFAULT,
): number {
  const value = integerOption(given, name, byDefaultMs)
  if (value >= 1 && value <= TIMEOUT_MS_MAX) return value
  throw new TypeError(`option ${name} must be 1 to ${TIMEOUT_MS_MAX} milliseconds`)
}

export function integerOption(given: GivenOptions, name: string, byDefault: number): number {
  const value = given.get(name)
  if (value === undefined) return byDefault
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw new TypeError(`option ${name} must be a whole number`)
}

/** A text, or undefined when it was not given. */
export function textOption(given: GivenOptions, name: string): string | undefined {
  const value = given.get(name)
  if (value === undefined || typeof value === 'string') return value
  throw new TypeError(`option ${name} must be a string`)
}

/** One of `choices`. */
export function choiceOption<T extends string>(
  given: GivenOptions,
  name: string,
  choices: readonly T[],
  byDefault: T,
): T {
  const value = given.get(name)
  if (value === undefined) return byDefault
  const choice = choices.find((one) => one === value)
  if (choice !== undefined) return choice
  throw new TypeError(`option ${name} must be ${choices.map((one) => `"${one}"`).join(' or ')}`)
}
