/*
 * Options of one area: sessions of one user.
 */
import type { GivenOptions, OptionRows } from './option-readers.ts'

export const USER_OPTIONS: OptionRows = []

/** As the application writes them. */
export type UserOptions = object

/** After checking. */
export type UserSettings = object

/** Throws TypeError naming the option that is wrong. */
export function parseUserOptions(_given: GivenOptions): UserSettings {
  return {}
}
