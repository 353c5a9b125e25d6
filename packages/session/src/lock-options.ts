/*
 * Options of one area: locks of non-sticky sessions.
 */
import type { GivenOptions, OptionRows } from './option-readers.ts'

export const LOCK_OPTIONS: OptionRows = []

/** As the application writes them. */
export type LockOptions = object

/** After checking. */
export type LockSettings = object

/** Throws TypeError naming the option that is wrong. */
export function parseLockOptions(_given: GivenOptions): LockSettings {
  return {}
}
