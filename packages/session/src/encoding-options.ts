/*
 * Options of one area: how sessions are written: encoding, compression, encryption, size.
 */
import type { AttributeResolver } from './encoding/merge.ts'
import type { GivenOptions, OptionRows } from './option-readers.ts'

export const ENCODING_OPTIONS: OptionRows = [
  {
    name: 'mergeAttribute',
    byDefault: 'the last writer wins',
    type: '(name, {base, ours, theirs}) => value',
    meaning:
      'Decides an attribute that two parallel requests changed: `base` is what both started from, `theirs` is in the store, `ours` is to be stored. `undefined` removes it. Attributes that only one of them changed are always kept as that one left them.',
  },
]

/** As the application writes them. */
export interface EncodingOptions {
  mergeAttribute?: AttributeResolver | undefined
}

/** After checking. */
export interface EncodingSettings {
  mergeAttribute: AttributeResolver | undefined
}

/** Throws TypeError naming the option that is wrong. */
export function parseEncodingOptions(given: GivenOptions): EncodingSettings {
  return { mergeAttribute: resolverOption(given.get('mergeAttribute')) }
}

function resolverOption(value: unknown): AttributeResolver | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'function') throw new TypeError('option mergeAttribute must be a function')
  return (name, sides) => value(name, sides) as unknown
}
