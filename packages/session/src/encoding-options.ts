/*
 * Options of one area: how sessions are written: encoding, compression, encryption, size.
 */
import {
  COMPRESSION_ALGORITHMS,
  type Compression,
  type CompressionAlgorithm,
} from './encoding/compression.ts'
import {
  type EncryptionOption,
  type EncryptionSettings,
  parseEncryption,
} from './encoding/encryption-keys.ts'
import { JSON_ENCODING } from './encoding/json-encoding.ts'
import type { AttributeResolver } from './encoding/merge.ts'
import type { EncodingChoice } from './encoding/session-codec.ts'
import { BUILT_IN_TAGS, type SessionConverter } from './encoding/tagged-tree.ts'
import { loadCbor, loadMessagePack, type Transcoder } from './encoding/transcoder.ts'
import { type GivenOptions, integerOption, type OptionRows } from './option-readers.ts'

export const SESSION_BYTES_MAX_DEFAULT: number = 1024 * 1024
export const COMPRESSION_THRESHOLD_BYTES_DEFAULT = 1024

export const ENCODING_OPTIONS: OptionRows = [
  {
    name: 'transcoder',
    byDefault: '`json`',
    type: '`json`, `msgpackr`, `cbor`, {name, encode, decode}, or an array of these',
    meaning:
      'How sessions are encoded; see [session encoding](session-encoding.md). `msgpackr` and `cbor` need the packages `msgpackr` and `cbor-x`. In an array the first writes and all are read; JSON is always read. (The original: `transcoderFactoryClass`, Java serialisation unless set.)',
  },
  {
    name: 'customConverter',
    byDefault: 'none',
    type: 'array of {name, test, encode, decode}',
    meaning:
      'Keeps values of the application’s own classes: `test(value)` recognises one, `encode(value)` gives what is stored, `decode(plain)` makes it again. For `json`, `msgpackr` and `cbor`.',
  },
  {
    name: 'compression',
    byDefault: '`false`',
    type: '`false`, `gzip`, `brotli`, `zstd` or {algorithm, threshold}',
    meaning:
      'Sessions of `threshold` bytes or more (1024 unless set) are compressed if that makes them smaller. All three are always read. Large ones (from 32 KiB to compress, 256 KiB to decompress) are given to zlib’s threads, so they hold up no other request.',
  },
  {
    name: 'encryption',
    byDefault: 'none',
    type: '{keys, write, acceptPlain}',
    meaning:
      'AES-256-GCM. `keys`: one key or an array, of which the first encrypts and all decrypt; a key is 32 bytes (bytes, hex or base64) or `{passphrase, salt}`. Unencrypted sessions are not read unless `acceptPlain`. `write: false` reads encrypted sessions and writes unencrypted ones, while a fleet gets its keys.',
  },
  {
    name: 'sessionSizeMax',
    byDefault: '`1048576`',
    type: 'bytes',
    meaning:
      'A session whose stored value is larger is not stored: the error names its largest attribute. Before compression it may be eight times as large. The store has a limit of its own, usually 1 MiB with the key and some 50 bytes.',
  },
  {
    name: 'mergeAttribute',
    byDefault: 'the last writer wins',
    type: '(name, {base, ours, theirs}) => value',
    meaning:
      'Decides an attribute that two parallel requests changed: `base` is what both started from, `theirs` is in the store, `ours` is to be stored. `undefined` removes it. Attributes that only one of them changed are always kept as that one left them.',
  },
]

export type TranscoderChoice = 'json' | 'msgpackr' | 'cbor' | Transcoder

/** As the application writes them. */
export interface EncodingOptions {
  transcoder?: TranscoderChoice | readonly TranscoderChoice[] | undefined
  customConverter?: readonly SessionConverter[] | undefined
  compression?:
    | false
    | CompressionAlgorithm
    | { algorithm: CompressionAlgorithm; threshold?: number | undefined }
    | undefined
  encryption?: false | EncryptionOption | undefined
  sessionSizeMax?: number | undefined
  mergeAttribute?: AttributeResolver | undefined
}

/** After checking. */
export interface EncodingSettings {
  encodings: readonly EncodingChoice[]
  converters: readonly SessionConverter[]
  compression: Compression | undefined
  encryption: EncryptionSettings | undefined
  sessionBytesMax: number
  mergeAttribute: AttributeResolver | undefined
}

/** Throws TypeError naming the option that is wrong, or the package that is missing. */
export function parseEncodingOptions(given: GivenOptions): EncodingSettings {
  const sessionBytesMax = integerOption(given, 'sessionSizeMax', SESSION_BYTES_MAX_DEFAULT)
  if (sessionBytesMax < 1 || sessionBytesMax > SIZE_MAX) {
    throw new TypeError(`option sessionSizeMax must be 1 to ${SIZE_MAX} bytes`)
  }
  return {
    encodings: encodingsOption(given.get('transcoder')),
    converters: convertersOption(given.get('customConverter')),
    compression: compressionOption(given.get('compression')),
    encryption: parseEncryption(given.get('encryption')),
    sessionBytesMax,
    mergeAttribute: resolverOption(given.get('mergeAttribute')),
  }
}

/** Times EXPANSION_MAX it still fits the header’s 32 bits and a string. */
const SIZE_MAX: number = 32 * 1024 * 1024
const TRANSCODER_NAME = /^[\w.-]{1,32}$/
const CONVERTER_NAME = /^[\w.-]{1,40}$/

function encodingsOption(value: unknown): EncodingChoice[] {
  const list: unknown[] = Array.isArray(value) ? value : [value ?? JSON_ENCODING]
  if (list.length === 0) throw new TypeError('option transcoder: the array is empty')
  const choices = list.map(encodingChoice)
  const names = new Set(choices.map(({ name }) => name))
  if (names.size !== choices.length) throw new TypeError('option transcoder: a name occurs twice')
  return choices
}

function encodingChoice(value: unknown): EncodingChoice {
  if (value === JSON_ENCODING) return { name: JSON_ENCODING }
  if (value === 'msgpackr') return builtIn(loadMessagePack())
  if (value === 'cbor') return builtIn(loadCbor())
  const { name, encode, decode } = members(value)
  if (typeof name !== 'string' || typeof encode !== 'function' || typeof decode !== 'function') {
    throw new TypeError(
      'option transcoder must be "json", "msgpackr", "cbor" or {name, encode, decode}',
    )
  }
  if (!TRANSCODER_NAME.test(name) || [JSON_ENCODING, 'msgpackr', 'cbor'].includes(name)) {
    throw new TypeError(`option transcoder: the name ${name} is taken or not 1 to 32 of [\\w.-]`)
  }
  return { name, transcoder: value as Transcoder, takesAny: true }
}

function builtIn(transcoder: Transcoder): EncodingChoice {
  return { name: transcoder.name, transcoder, takesAny: false }
}

function convertersOption(value: unknown): readonly SessionConverter[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw new TypeError('option customConverter must be an array')
  const list: unknown[] = value
  const names = new Set<string>(BUILT_IN_TAGS)
  for (const one of list) {
    const { name, test, encode, decode } = members(one)
    const areFunctions = [test, encode, decode].every((member) => typeof member === 'function')
    if (typeof name !== 'string' || !CONVERTER_NAME.test(name) || !areFunctions) {
      throw new TypeError(
        'option customConverter: each is {name, test, encode, decode}, the name 1 to 40 of [\\w.-]',
      )
    }
    if (names.has(name)) throw new TypeError(`option customConverter: the name ${name} is taken`)
    names.add(name)
  }
  return list as SessionConverter[]
}

function compressionOption(value: unknown): Compression | undefined {
  if (value === undefined || value === false) return undefined
  const given = typeof value === 'string' ? { algorithm: value } : members(value)
  const { algorithm: name, threshold = COMPRESSION_THRESHOLD_BYTES_DEFAULT } = given
  const algorithm = COMPRESSION_ALGORITHMS.find((one) => one === name)
  if (algorithm === undefined) {
    throw new TypeError(`option compression: one of ${COMPRESSION_ALGORITHMS.join(', ')}, or false`)
  }
  if (typeof threshold !== 'number' || !Number.isSafeInteger(threshold) || threshold < 0) {
    throw new TypeError('option compression.threshold must be a whole number of bytes')
  }
  return { algorithm, thresholdBytes: threshold }
}

function resolverOption(value: unknown): AttributeResolver | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'function') throw new TypeError('option mergeAttribute must be a function')
  return (name, sides) => value(name, sides) as unknown
}

function members(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
