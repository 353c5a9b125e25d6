// Every bound of the wire formats in one place. The values are memcached's own where it has one
// (protocol.txt, memcached 1.6: 250 byte keys, 30 days) and Membase's where the store decides
// (20 MB items). Parsers refuse what exceeds them instead of growing.

/** Longest key in bytes, as in memcached. */
export const KEY_BYTES_MAX = 250

/** Longest value in bytes unless configured: Membase's item limit of 20 MB. */
export const VALUE_BYTES_MAX_DEFAULT: number = 20 * 1024 * 1024

/** Longest command line in bytes of everything but get, gets, gat and gats, as in memcached. */
export const PLAIN_LINE_BYTES_MAX = 2048

/** Most keys of one get, gets, gat or gats. */
export const KEYS_PER_GET_MAX = 10_000

/** Longest command line in bytes: of the get family, room for all its keys. */
export const LINE_BYTES_MAX: number = (KEYS_PER_GET_MAX + 1) * (KEY_BYTES_MAX + 1)

/** Expiry times up to 30 days are relative, larger ones are unix times. */
export const RELATIVE_EXPTIME_MAX_SECONDS = 2_592_000

/** Longest bulk string in bytes that a RESP parser takes unless configured: a value and its header. */
export const BULK_BYTES_MAX_DEFAULT: number = VALUE_BYTES_MAX_DEFAULT + 64 * 1024

/** Most elements of one RESP array with all the arrays in it. */
export const ARRAY_ITEMS_MAX = 1_048_576

/** Most bytes of all bulk strings in one RESP array. */
export const ARRAY_BYTES_MAX: number = 256 * 1024 * 1024

/** Deepest nesting of RESP arrays. */
export const ARRAY_DEPTH_MAX = 16

/** Longest RESP header line, simple string or error in bytes. */
export const RESP_LINE_BYTES_MAX: number = 64 * 1024

/** Longest reply line in bytes that a memcached client takes. */
export const REPLY_LINE_BYTES_MAX: number = 8 * 1024

/** Most VALUE or STAT items of one reply that a memcached client takes. */
export const REPLY_ITEMS_MAX = 100_000

/** Most bytes of all values in one reply that a memcached client takes. */
export const REPLY_BYTES_MAX: number = 256 * 1024 * 1024
