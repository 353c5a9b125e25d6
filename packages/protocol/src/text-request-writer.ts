// Serializes requests of memcached's text protocol for a client. Keys are checked here, because a
// blank or line end in a key would be read as another command by the server.

import { KEY_BYTES_MAX, KEYS_PER_GET_MAX } from './limits.ts'

/** A key: text is sent as UTF-8. */
export type TextKey = string | Buffer

/** The commands that carry a value. */
export type StoreCommand = 'set' | 'add' | 'replace' | 'append' | 'prepend'

/** Options of `serializeStore` and `serializeCas`. */
export interface StoreOptions {
  /** Unsigned 32 bit, default 0. */
  flags?: number
  /** As in memcached: 0 is never, up to 30 days relative seconds, else unix time. */
  exptime?: number
  noreply?: boolean
}

/** Options of the commands without a value. */
export interface NoreplyOptions {
  noreply?: boolean
}

const UINT64_MAX = 0xffff_ffff_ffff_ffffn
const LINE_END: Buffer = Buffer.from('\r\n')

/** Checks a key and returns its bytes; throws a TypeError that names the bad byte. */
export function keyBytes(key: TextKey): Buffer {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key
  if (bytes.length === 0) throw new TypeError('key is empty')
  if (bytes.length > KEY_BYTES_MAX) {
    throw new TypeError(`key of ${bytes.length} bytes is longer than ${KEY_BYTES_MAX}`)
  }
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (byte <= 32 || byte === 127) {
      const hex = byte.toString(16).padStart(2, '0')
      throw new TypeError(`key has a blank or control byte 0x${hex} at ${at}`)
    }
  }
  return bytes
}

/** `get`, or `gets` for items with their CAS. */
export function serializeGet(keys: readonly TextKey[], withCas = false): Buffer {
  return Buffer.concat([Buffer.from(withCas ? 'gets' : 'get'), ...keyWords(keys), LINE_END])
}

/** `gat`, or `gats` for items with their CAS: reads and sets a new expiry time. */
export function serializeGat(keys: readonly TextKey[], exptime: number, withCas = false): Buffer {
  const word = Buffer.from(`${withCas ? 'gats' : 'gat'} ${integer(exptime, 'exptime')}`)
  return Buffer.concat([word, ...keyWords(keys), LINE_END])
}

/** set, add, replace, append or prepend. */
export function serializeStore(
  command: StoreCommand,
  key: TextKey,
  value: Buffer,
  options: StoreOptions = {},
): Buffer {
  return storeRequest(command, key, value, options, '')
}

/** Stores if the item's CAS is still this one. */
export function serializeCas(
  key: TextKey,
  value: Buffer,
  cas: bigint | string,
  options: StoreOptions = {},
): Buffer {
  return storeRequest('cas', key, value, options, ` ${uint64(cas, 'cas')}`)
}

/** incr or decr. */
export function serializeDelta(
  command: 'incr' | 'decr',
  key: TextKey,
  delta: bigint | number,
  options: NoreplyOptions = {},
): Buffer {
  return keyRequest(command, key, ` ${uint64(BigInt(delta), 'delta')}`, options)
}

/** delete. */
export function serializeDelete(key: TextKey, options: NoreplyOptions = {}): Buffer {
  return keyRequest('delete', key, '', options)
}

/** touch: sets a new expiry time. */
export function serializeTouch(
  key: TextKey,
  exptime: number,
  options: NoreplyOptions = {},
): Buffer {
  return keyRequest('touch', key, ` ${integer(exptime, 'exptime')}`, options)
}

/** version. */
export function serializeVersion(): Buffer {
  return Buffer.from('version\r\n')
}

/** stats, with an optional argument. */
export function serializeStats(args = ''): Buffer {
  return Buffer.from(args === '' ? 'stats\r\n' : `stats ${keyBytes(args).toString()}\r\n`)
}

/** flush_all, at once or in so many seconds. */
export function serializeFlushAll(delaySeconds = 0, options: NoreplyOptions = {}): Buffer {
  const delay = delaySeconds === 0 ? '' : ` ${integer(delaySeconds, 'delay')}`
  return Buffer.from(`flush_all${delay}${noreplyWord(options)}\r\n`)
}

function storeRequest(
  command: string,
  key: TextKey,
  value: Buffer,
  options: StoreOptions,
  cas: string,
): Buffer {
  const flags = integer(options.flags ?? 0, 'flags')
  if (flags < 0 || flags > 0xffff_ffff) throw new TypeError(`flags ${flags} exceed 32 bits`)
  const exptime = integer(options.exptime ?? 0, 'exptime')
  const words = ` ${flags} ${exptime} ${value.length}${cas}${noreplyWord(options)}\r\n`
  return Buffer.concat([
    Buffer.from(`${command} `),
    keyBytes(key),
    Buffer.from(words),
    value,
    LINE_END,
  ])
}

function keyRequest(command: string, key: TextKey, words: string, options: NoreplyOptions): Buffer {
  const rest = Buffer.from(`${words}${noreplyWord(options)}\r\n`)
  return Buffer.concat([Buffer.from(`${command} `), keyBytes(key), rest])
}

function keyWords(keys: readonly TextKey[]): Buffer[] {
  if (keys.length === 0) throw new TypeError('get needs a key')
  if (keys.length > KEYS_PER_GET_MAX) {
    throw new TypeError(`get of ${keys.length} keys exceeds ${KEYS_PER_GET_MAX}`)
  }
  return keys.flatMap((key) => [Buffer.from(' '), keyBytes(key)])
}

function noreplyWord(options: NoreplyOptions): string {
  return options.noreply === true ? ' noreply' : ''
}

function integer(value: number, name: string): number {
  if (!Number.isSafeInteger(value)) throw new TypeError(`${name} ${value} is not an integer`)
  return value
}

function uint64(value: bigint | string, name: string): string {
  const text = String(value)
  if (!/^[0-9]{1,20}$/.test(text) || BigInt(text) > UINT64_MAX) {
    throw new TypeError(`${name} is not an unsigned 64 bit number`)
  }
  return text
}
