/*
 * Options of one area: how sessions are written: encoding, compression, encryption, size.
 */
import type { GivenOptions, OptionRows } from './option-readers.ts'

export const ENCODING_OPTIONS: OptionRows = []

/** As the application writes them. */
export type EncodingOptions = object

/** After checking. */
export type EncodingSettings = object

/** Throws TypeError naming the option that is wrong. */
export function parseEncodingOptions(_given: GivenOptions): EncodingSettings {
  return {}
}
