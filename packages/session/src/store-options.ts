/*
 * Options of one area: where sessions are kept and how long a request waits for it.
 */
import type { GivenOptions, OptionRows } from './option-readers.ts'

export const STORE_OPTIONS: OptionRows = []

/** As the application writes them. */
export type StoreOptions = object

/** After checking. */
export type StoreSettings = object

/** Throws TypeError naming the option that is wrong. */
export function parseStoreOptions(_given: GivenOptions): StoreSettings {
  return {}
}
