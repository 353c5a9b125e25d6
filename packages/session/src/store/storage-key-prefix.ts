/*
 * The setting `storageKeyPrefix`: keeps the sessions of two applications in one bucket apart.
 *
 * Pure. Tokens separated by commas; their values are joined with `:` and end in `_`, as in
 * memcached-session-manager: `static:shop,webappVersion` makes `shop:7_<id>`. An empty value is
 * left out. A Node process has no servlet context, so what `host`, `context` and `webappVersion`
 * stand for comes from options of their own. It is never the machine's name: all servers of an
 * application must make the same key.
 */
import { createHash } from 'node:crypto'

/** Prefix, `_` and the longest id (sid, node id, route) together stay below a key's 250 bytes. */
export const KEY_PREFIX_CHARS_MAX = 40

/** What the tokens that name the application stand for. */
export interface PrefixValues {
  hostName: string | undefined
  contextName: string | undefined
  webappVersion: string | undefined
}

const RESERVED = ['lock', 'bak', 'validity', 'gone', 'user']
const HASH_CHARS = 8
const TOKENS: ReadonlyMap<string, { option: keyof PrefixValues; hashed: boolean }> = new Map([
  ['host', { option: 'hostName', hashed: false }],
  ['host.hash', { option: 'hostName', hashed: true }],
  ['context', { option: 'contextName', hashed: false }],
  ['context.hash', { option: 'contextName', hashed: true }],
])

/** The text before each key; without the option it is the `webappVersion`, if there is one. */
export function parseStorageKeyPrefix(value: unknown, values: PrefixValues): string {
  const given = value ?? 'webappVersion'
  if (typeof given !== 'string') throw new TypeError('option storageKeyPrefix must be a string')
  const words = given
    .split(',')
    .map((token) => token.trim())
    .filter((token) => token !== '')
    .map((token) => tokenValue(token, values))
    .filter((word) => word !== '')
  if (words.length === 0) return ''
  const prefix = `${words.join(':')}_`
  if (prefix.length > KEY_PREFIX_CHARS_MAX) {
    throw new TypeError(`option storageKeyPrefix is longer than ${KEY_PREFIX_CHARS_MAX} characters`)
  }
  return prefix
}

function tokenValue(token: string, values: PrefixValues): string {
  const known = TOKENS.get(token)
  if (known !== undefined) {
    const text = values[known.option]
    if (text === undefined) {
      throw new TypeError(
        `option storageKeyPrefix: token "${token}" needs option ${known.option}, ` +
          'the same on all servers of the application; or use static:<text>',
      )
    }
    if (text === '') return ''
    return known.hashed ? hashOf(text) : checkedWord(text, `option ${known.option}`)
  }
  if (token === 'webappVersion') {
    return checkedWord(values.webappVersion ?? '', 'option webappVersion')
  }
  const text = token.startsWith('static:') ? token.slice('static:'.length) : token
  return checkedWord(text, 'option storageKeyPrefix')
}

function checkedWord(text: string, option: string): string {
  if (!/^[\x21-\x2b\x2d-\x39\x3b-\x7e]*$/.test(text)) {
    throw new TypeError(`${option}: "${text}" holds a ":" or a character that a key must not have`)
  }
  if (RESERVED.includes(text)) throw new TypeError(`${option}: "${text}" is reserved`)
  return text
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARS)
}
