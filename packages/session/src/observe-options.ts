/*
 * Options of one area: metrics, statistics and traces.
 */
import type { GivenOptions, OptionRows } from './option-readers.ts'

export const OBSERVE_OPTIONS: OptionRows = []

/** As the application writes them. */
export type ObserveOptions = object

/** After checking. */
export type ObserveSettings = object

/** Throws TypeError naming the option that is wrong. */
export function parseObserveOptions(_given: GivenOptions): ObserveSettings {
  return {}
}
