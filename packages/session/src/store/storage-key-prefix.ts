/*
 * The setting `storageKeyPrefix`: keeps the sessions of two applications in one bucket apart.
 *
 * Pure. Tokens separated by commas; `static:<x>` is x and a plain word is itself. Their values
 * are joined with `:` and end in `_`, as in memcached-session-manager: `static:shop` makes the
 * key `shop_<id>`. The original's tokens that read the servlet context have no meaning here and
 * are refused by name.
 */
/** Prefix, `_` and the longest id (sid, node id, route) together stay below a key's 250 bytes. */
export const KEY_PREFIX_CHARS_MAX = 40

const RESERVED = ['lock', 'bak', 'validity']
const SERVLET_TOKENS = ['host', 'host.hash', 'context', 'context.hash', 'webappVersion']

export function parseStorageKeyPrefix(value: unknown): string {
  if (value === undefined || value === '') return ''
  if (typeof value !== 'string') throw new TypeError('option storageKeyPrefix must be a string')
  const words = value
    .split(',')
    .map((token) => token.trim())
    .filter((token) => token !== '')
    .map(tokenValue)
    .filter((word) => word !== '')
  if (words.length === 0) return ''
  const prefix = `${words.join(':')}_`
  if (prefix.length > KEY_PREFIX_CHARS_MAX) {
    throw new TypeError(`option storageKeyPrefix is longer than ${KEY_PREFIX_CHARS_MAX} characters`)
  }
  return prefix
}

function tokenValue(token: string): string {
  if (SERVLET_TOKENS.includes(token)) {
    throw new TypeError(
      `option storageKeyPrefix: token "${token}" has no meaning here; use static:<text>`,
    )
  }
  const text = token.startsWith('static:') ? token.slice('static:'.length) : token
  if (!/^[\x21-\x2b\x2d-\x39\x3b-\x7e]*$/.test(text)) {
    throw new TypeError(
      `option storageKeyPrefix: "${token}" holds a ":" or a character that a key must not have`,
    )
  }
  if (RESERVED.includes(text)) {
    throw new TypeError(`option storageKeyPrefix: "${text}" is reserved`)
  }
  return text
}
