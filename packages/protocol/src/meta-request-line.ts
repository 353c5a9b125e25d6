// Reads one line of the meta commands (mg ms md ma mn me) into the reused MemcachedRequest. Called
// by text-request-line.ts, since a connection mixes text and meta commands as it likes.
//
// Errors, their order and the limits of key (250 bytes as sent, base64 or not), opaque and number
// of flags are memcached 1.6.18's, compared against it where the replies are tested. Beyond it the
// flags of its successors are known: E, x of md, N of an appending ms. Deliberate differences:
// control bytes in a key, base64 with anything behind its padding, numbers of more bits than their
// field and an over-long opaque (memcached counts first, then complains) are refused; the value
// after an over-long key or too many flags is swallowed, not read as a command.

import { parseUnsigned } from './decimal.ts'
import { KEY_BYTES_MAX } from './limits.ts'
import { decodeKey, MetaFlags, MetaLetter } from './meta-request-line-flags.ts'
import { Dialect, Extra, type MemcachedRequest, NO_VALUE, Op, refuseRequest } from './request.ts'
import { hasControlByte, skipBlanks, skipWord } from './text-request-line-words.ts'

const INT32_MAX = 0x7fff_ffff
/** Most flags of a command, and of ms, whose length word counts as one. */
const FLAGS_MAX = 17
/** Longest O word in bytes, its letter included. */
const OPAQUE_WORD_BYTES_MAX = 32

const BAD_FORMAT = 'CLIENT_ERROR bad command line format'
const BAD_FLAG = 'CLIENT_ERROR invalid or duplicate flag'
const TOO_MANY_FLAGS = 'CLIENT_ERROR options flags too long'

/** Second byte of the commands. */
const GET = 103
const SET = 115
const DELETE = 100
const ARITHMETIC = 97
const NOOP = 110
const DEBUG = 101

/** Decodes meta command lines into the request it was made with. */
export class MetaRequestLine {
  /** After an invalid ms: bytes after the line that are its value and must be skipped. */
  swallowBytes = 0

  readonly #request: MemcachedRequest
  readonly #flags: MetaFlags
  readonly #valueBytesMax: number
  /** Words after the key. */
  #wordCount = 0

  constructor(request: MemcachedRequest, valueBytesMax: number) {
    this.#request = request
    this.#flags = new MetaFlags(request)
    this.#valueBytesMax = valueBytesMax
  }

  /**
   * Reads the words after the command, of which `letter` is the second byte; returns the length of
   * the value to come or `NO_VALUE`.
   */
  parse(letter: number, from: number, end: number): number {
    const request = this.#request
    request.dialect = Dialect.Meta
    request.flags = 0
    request.exptime = 0
    request.casHi = 0
    request.casLo = 0
    request.metaStart = end
    request.metaEnd = end
    this.swallowBytes = 0
    switch (letter) {
      case GET:
        return this.#parseGet(from, end)
      case SET:
        return this.#parseSet(from, end)
      case DELETE:
        return this.#parseDelete(from, end)
      case ARITHMETIC:
        return this.#parseArithmetic(from, end)
      case DEBUG:
        return this.#parseDebug(from, end)
      case NOOP:
        request.op = Op.Noop
        return NO_VALUE
      default:
        return refuseRequest(request, 'ERROR')
    }
  }

  #parseGet(from: number, end: number): number {
    const request = this.#request
    const flags = this.#flags
    if (!this.#takeKey(from, end)) return NO_VALUE
    if (this.#wordCount > FLAGS_MAX) {
      return refuseRequest(request, 'CLIENT_ERROR options flags are too long')
    }
    if (!flags.read()) return refuseRequest(request, flags.error)
    let extras = this.#extraIf(MetaLetter.Ttl, Extra.WantTtl)
    extras |= this.#extraIf(MetaLetter.Hit, Extra.WantAccess)
    extras |= this.#extraIf(MetaLetter.LastAccess, Extra.WantAccess)
    extras |= this.#extraIf(MetaLetter.NoAccess, Extra.NoAccess)
    extras |= this.#extraIf(MetaLetter.NewTtl, Extra.Touch)
    extras |= this.#extraIf(MetaLetter.Vivify, Extra.Vivify)
    extras |= this.#extraIf(MetaLetter.Recache, Extra.Recache)
    extras |= this.#extraIf(MetaLetter.NewCas, Extra.NewCas)
    if (!flags.has(MetaLetter.Value) && !flags.has(MetaLetter.Size)) extras |= Extra.NoValue
    return this.#accept(flags.has(MetaLetter.Cas) ? Op.Gets : Op.Get, extras)
  }

  #parseSet(from: number, end: number): number {
    const request = this.#request
    const flags = this.#flags
    const keyTaken = this.#takeKey(from, end)
    const lengthStart = request.metaStart
    const lengthEnd = skipWord(request.buf, lengthStart, end)
    const valueBytes = parseUnsigned(request.buf, lengthStart, lengthEnd)
    const lengthValid = valueBytes >= 0 && valueBytes <= INT32_MAX - 2
    if (lengthValid) this.swallowBytes = valueBytes + 2
    if (!keyTaken) return NO_VALUE
    if (this.#wordCount > FLAGS_MAX) return refuseRequest(request, TOO_MANY_FLAGS)
    if (!lengthValid) return refuseRequest(request, BAD_FORMAT)
    request.metaStart = skipBlanks(request.buf, lengthEnd, end)
    if (!flags.read()) return refuseRequest(request, flags.error)
    const op = storeOp(flags)
    if (op === Op.Invalid) {
      return refuseRequest(request, 'CLIENT_ERROR invalid mode for ms M token')
    }
    this.#accept(op, this.#storeExtras(op))
    if (request.keyCount === 0) return NO_VALUE
    if (valueBytes > this.#valueBytesMax) {
      return refuseRequest(request, 'SERVER_ERROR object too large for cache')
    }
    this.swallowBytes = 0
    return valueBytes
  }

  #storeExtras(op: Op): number {
    const extras = this.#extraIf(MetaLetter.NewCas, Extra.NewCas)
    if (op === Op.Cas) return extras | this.#extraIf(MetaLetter.Invalidate, Extra.Invalidate)
    if (op !== Op.Append && op !== Op.Prepend) return extras
    return extras | this.#compareUnlessZero() | this.#extraIf(MetaLetter.Vivify, Extra.Vivify)
  }

  #parseDelete(from: number, end: number): number {
    const request = this.#request
    if (!this.#takeKey(from, end)) return NO_VALUE
    if (this.#wordCount > FLAGS_MAX) return refuseRequest(request, TOO_MANY_FLAGS)
    if (!this.#flags.read()) return refuseRequest(request, BAD_FLAG)
    let extras = this.#extraIf(MetaLetter.NewCas, Extra.NewCas)
    extras |= this.#extraIf(MetaLetter.CompareCas, Extra.Compare)
    extras |= this.#extraIf(MetaLetter.ValueOnly, Extra.ValueOnly)
    extras |= this.#extraIf(MetaLetter.Invalidate, Extra.Invalidate)
    if ((extras & Extra.Invalidate) !== 0) extras |= this.#extraIf(MetaLetter.NewTtl, Extra.Touch)
    return this.#accept(Op.Delete, extras)
  }

  #parseArithmetic(from: number, end: number): number {
    const request = this.#request
    if (!this.#takeKey(from, end)) return NO_VALUE
    if (this.#wordCount > FLAGS_MAX) return refuseRequest(request, TOO_MANY_FLAGS)
    request.delta = 1n
    request.special.initial = 0n
    if (!this.#flags.read()) return refuseRequest(request, BAD_FLAG)
    const op = deltaOp(this.#flags.mode)
    if (op === Op.Invalid) {
      return refuseRequest(request, 'CLIENT_ERROR invalid mode for ma M token')
    }
    let extras = this.#extraIf(MetaLetter.NewCas, Extra.NewCas)
    extras |= this.#compareUnlessZero()
    extras |= this.#extraIf(MetaLetter.Vivify, Extra.Vivify)
    extras |= this.#extraIf(MetaLetter.NewTtl, Extra.Touch)
    extras |= this.#extraIf(MetaLetter.Ttl, Extra.WantTtl)
    return this.#accept(op, extras)
  }

  /** Only b, and only as the first flag, means something to me. */
  #parseDebug(from: number, end: number): number {
    const request = this.#request
    if (!this.#takeKey(from, end)) return refuseRequest(request, BAD_FORMAT)
    const { buf, metaStart } = request
    const isEncoded =
      buf[metaStart] === MetaLetter.Base64 && skipWord(buf, metaStart, end) === metaStart + 1
    if (isEncoded && !decodeKey(request)) return refuseRequest(request, BAD_FORMAT)
    request.op = Op.Debug
    request.extras = Extra.NoAccess | Extra.WantTtl | Extra.WantAccess
    return NO_VALUE
  }

  /** Finds the key and what follows it; refuses and returns false without a fitting key. */
  #takeKey(from: number, end: number): boolean {
    const request = this.#request
    const { buf } = request
    const keyStart = skipBlanks(buf, from, end)
    const keyEnd = skipWord(buf, keyStart, end)
    request.metaStart = skipBlanks(buf, keyEnd, end)
    this.#wordCount = countWords(buf, request.metaStart, end)
    if (keyStart === end) {
      refuseRequest(request, 'ERROR')
      return false
    }
    if (keyEnd - keyStart > KEY_BYTES_MAX || hasControlByte(buf, keyStart, keyEnd)) {
      refuseRequest(request, BAD_FORMAT)
      return false
    }
    request.keyStarts[0] = keyStart
    request.keyEnds[0] = keyEnd
    request.keyCount = 1
    return true
  }

  #accept(op: Op, extras: number): number {
    const request = this.#request
    request.op = op
    request.extras = extras
    request.quiet = this.#flags.has(MetaLetter.Quiet)
    if (!this.#flags.has(MetaLetter.Opaque)) return NO_VALUE
    const { buf, metaEnd } = request
    let start = request.metaStart
    while (start < metaEnd) {
      const end = skipWord(buf, start, metaEnd)
      if (buf[start] === MetaLetter.Opaque && end - start > OPAQUE_WORD_BYTES_MAX) {
        return refuseRequest(request, 'CLIENT_ERROR opaque token too long')
      }
      start = skipBlanks(buf, end, metaEnd)
    }
    return NO_VALUE
  }

  /** Of arithmetic and appending, a CAS of 0 compares with nothing. */
  #compareUnlessZero(): number {
    return (this.#request.casHi | this.#request.casLo) === 0 ? 0 : Extra.Compare
  }

  #extraIf(letter: number, extra: number): number {
    return this.#flags.has(letter) ? extra : 0
  }
}

/** The op of an ms. A replace with a CAS is a cas; a CAS means nothing to an add. */
function storeOp(flags: MetaFlags): Op {
  const withCas = flags.has(MetaLetter.CompareCas)
  switch (flags.mode === 0 ? 'S' : String.fromCharCode(flags.mode)) {
    case 'S':
      return withCas ? Op.Cas : Op.Set
    case 'R':
      return withCas ? Op.Cas : Op.Replace
    case 'E':
      return Op.Add
    case 'A':
      return Op.Append
    case 'P':
      return Op.Prepend
    default:
      return Op.Invalid
  }
}

function deltaOp(mode: number): Op {
  switch (mode === 0 ? 'I' : String.fromCharCode(mode)) {
    case 'I':
    case '+':
      return Op.Incr
    case 'D':
    case '-':
      return Op.Decr
    default:
      return Op.Invalid
  }
}

function countWords(buf: Buffer, from: number, end: number): number {
  let count = 0
  let at = from
  while (at < end) {
    count++
    at = skipBlanks(buf, skipWord(buf, at, end), end)
  }
  return count
}
