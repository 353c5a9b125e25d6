// The message of memcached's text protocol as a server sees it. One object is reused for every
// request of a connection, and keys and values are offsets into the bytes that arrived, so a
// request costs no allocation. Filled by text-request-line.ts, framed by text-request-parser.ts.

/** What a request asks for. */
export const Op = {
  Get: 1,
  Gets: 2,
  Gat: 3,
  Gats: 4,
  Set: 5,
  Add: 6,
  Replace: 7,
  Append: 8,
  Prepend: 9,
  Cas: 10,
  Incr: 11,
  Decr: 12,
  Delete: 13,
  Touch: 14,
  FlushAll: 15,
  Version: 16,
  Verbosity: 17,
  Stats: 18,
  Quit: 19,
  Invalid: 20,
} as const

/** What a request asks for. */
export type Op = (typeof Op)[keyof typeof Op]

/**
 * One request. The object and its key arrays are valid only during the callback; `buf` is never
 * overwritten, so `buf` with offsets into it may be kept.
 */
export interface TextRequest {
  op: Op
  /** The bytes that all offsets point into. */
  buf: Buffer
  /** 1 for keyed commands, 1 or more for the get family, else 0. */
  keyCount: number
  keyStarts: Int32Array
  keyEnds: Int32Array
  /** Client flags, unsigned 32 bit. */
  flags: number
  /** As sent: 0, relative or unix seconds, perhaps negative; see `ttlFromExptime`. */
  exptime: number
  /** The value without its line end; both 0 when the command has none. */
  valueStart: number
  valueEnd: number
  /** The expected CAS of a cas command, as two unsigned 32 bit halves. */
  casHi: number
  casLo: number
  /** Amount of incr and decr, unsigned 64 bit. */
  delta: bigint
  /** Send no reply, not even to an invalid request. */
  noreply: boolean
  /** The words after stats or verbosity. */
  args: string
  /** Of `Op.Invalid`: the reply line without its line end. */
  error: string
  /** Of `Op.Invalid`: reply (whatever `noreply` says) and close; the parser has stopped. */
  fatal: boolean
}
