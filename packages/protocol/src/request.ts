// The message of memcached's protocols as a server sees it, whichever of the three dialects it came
// in. One object is reused for every request of a connection, and keys and values are offsets into
// the bytes that arrived, so a request costs no allocation. Filled by text-request-line.ts,
// meta-request-line.ts and binary-request-parser.ts.

/** How a request was written, and so how its reply has to be. */
export const Dialect = {
  Text: 0,
  Meta: 1,
  Binary: 2,
} as const

/** How a request was written, and so how its reply has to be. */
export type Dialect = (typeof Dialect)[keyof typeof Dialect]

/** What a request asks for. */
export const Op = {
  Get: 1,
  /** Get with the CAS in the reply: also meta mg with c, and every binary get. */
  Gets: 2,
  Gat: 3,
  /** Also every binary gat; a meta mg with T is a get with `Extra.Touch`. */
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
  /** Meta `mn`, binary NOOP. */
  Noop: 21,
  /** Meta `me`: what is known of an item. */
  Debug: 22,
  SaslMechanisms: 23,
  /** Key: the mechanism; value: the client's message. */
  SaslAuth: 24,
  SaslStep: 25,
  /** What follows is Couchbase's, and only a vBucket port takes it. Key: who asks; value: features. */
  Hello: 26,
  SelectBucket: 27,
  /** `args`: epoch and revision that the client has, when it says so. */
  ClusterConfig: 28,
  ErrorMap: 29,
  Observe: 30,
  /** `args`: the form of the reply that is wanted. */
  GetMeta: 31,
  GetReplica: 32,
  /** Gets that locks the item for `exptime` seconds; the lock is opened with the CAS answered. */
  GetLocked: 33,
  Unlock: 34,
} as const

/** What a request asks for. */
export type Op = (typeof Op)[keyof typeof Op]

/** What a request asks for beyond its op, as bits of `extras`; 0 is the plain operation. */
export const Extra = {
  /**
   * Only if the item's CAS is `casHi:casLo`. Meta C, binary CAS. Of append, prepend, incr, decr and
   * delete only: a set or replace with a CAS, and a binary add, is an `Op.Cas`.
   */
  Compare: 1,
  /** The item gets the CAS `special.newCas`. Meta E. */
  NewCas: 2,
  /**
   * A missing item is made, with `special.vivifyExptime`: of get empty, of incr and decr from
   * `special.initial`, of append and prepend from the value. Meta N, binary counters.
   */
  Vivify: 4,
  /** The first to see less than `special.recacheTtlSeconds` left wins the recache. Meta R. */
  Recache: 8,
  /** The item's expiry becomes `exptime`. Meta T of mg, ma and md. */
  Touch: 16,
  /** Of a delete: mark stale instead; of `Op.Cas`: an older CAS stores a stale item. Meta I. */
  Invalidate: 32,
  /** The reply needs the time to live. Meta t. */
  WantTtl: 64,
  /** The reply needs whether and when it was read before. Meta h and l. */
  WantAccess: 128,
  /** The reply needs neither the value nor its length. Meta mg without v and s. */
  NoValue: 256,
  /** A read that must not count as one. Meta u. */
  NoAccess: 512,
  /** Of a delete: only the value and flags go, the item stays. Meta x. */
  ValueOnly: 1024,
} as const

/** The rarer parameters of a request; meaningful as its `extras` say. */
export interface SpecialRequest {
  newCasHi: number
  newCasLo: number
  /** First value of a counter that incr or decr makes. Meta J. */
  initial: bigint
  /** Expiry of an item that is made; as sent, like `exptime`. */
  vivifyExptime: number
  recacheTtlSeconds: number
}

/**
 * One request. The object and its key arrays are valid only during the callback; `buf` is never
 * overwritten after the callback has seen it, so `buf` with offsets into it may be kept.
 */
export interface MemcachedRequest {
  dialect: Dialect
  op: Op
  /** The bytes that all offsets point into. */
  buf: Buffer
  /** 1 for keyed commands, 1 or more for the get family of the text protocol, else 0. */
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
  /** The CAS to compare with, as two unsigned 32 bit halves. */
  casHi: number
  casLo: number
  /** Amount of incr and decr, unsigned 64 bit. */
  delta: bigint
  /** Bits of `Extra`. */
  extras: number
  /** Reused like the request itself. */
  special: SpecialRequest
  /** Text: send no reply, not even to an invalid request. */
  noreply: boolean
  /** Meta q and binary quiet opcodes: the usual outcome is not answered, only the unusual one. */
  quiet: boolean
  /** Meta: the flag words after the key (and the length), from which the reply is made. */
  metaStart: number
  metaEnd: number
  /** Meta b: the key was sent as base64; `buf` holds it decoded, the reply encodes it again. */
  keyEncoded: boolean
  /** Binary: the opcode, and the opaque to send back as it came. */
  opcode: number
  opaque: number
  /** Binary: as sent; a vBucket port judges it. */
  vBucket: number
  /** Binary: bits of the data type, as sent. */
  dataType: number
  /** Of a vBucket port: 0, or what the durability frame asks, with its time or 0. */
  durabilityLevel: number
  durabilityTimeoutMs: number
  /** The words after stats or verbosity; binary: the key of STAT. */
  args: string
  /** Of `Op.Invalid`: the reply line without its line end; binary: the text of the reply. */
  error: string
  /** Of `Op.Invalid` in binary: the status of the reply. */
  errorStatus: number
  /** Of `Op.Invalid`: reply (whatever `noreply` says) and close; the parser has stopped. */
  fatal: boolean
}

/** A request object for a parser to reuse. */
export function createRequest(keysInitial: number): MemcachedRequest {
  return {
    dialect: Dialect.Text,
    op: Op.Invalid,
    buf: EMPTY,
    keyCount: 0,
    keyStarts: new Int32Array(keysInitial),
    keyEnds: new Int32Array(keysInitial),
    flags: 0,
    exptime: 0,
    valueStart: 0,
    valueEnd: 0,
    casHi: 0,
    casLo: 0,
    delta: 0n,
    extras: 0,
    special: { newCasHi: 0, newCasLo: 0, initial: 0n, vivifyExptime: 0, recacheTtlSeconds: 0 },
    noreply: false,
    quiet: false,
    metaStart: 0,
    metaEnd: 0,
    keyEncoded: false,
    opcode: 0,
    opaque: 0,
    vBucket: 0,
    dataType: 0,
    durabilityLevel: 0,
    durabilityTimeoutMs: 0,
    args: '',
    error: '',
    errorStatus: 0,
    fatal: false,
  }
}

/** What a line parser returns when no value follows. */
export const NO_VALUE = -1

/** Turns the request into an invalid one with the given error. */
export function refuseRequest(request: MemcachedRequest, error: string): typeof NO_VALUE {
  request.op = Op.Invalid
  request.error = error
  request.fatal = false
  request.keyCount = 0
  request.valueStart = 0
  request.valueEnd = 0
  request.extras = 0
  request.quiet = false
  return NO_VALUE
}

const EMPTY: Buffer = Buffer.alloc(0)
