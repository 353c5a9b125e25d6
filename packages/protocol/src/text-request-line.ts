// Reads one command line of the text protocol into the reused MemcachedRequest. Pure and without
// state between lines but for the reused object; text-request-parser.ts finds the lines and the
// values, meta-request-line.ts reads the lines of meta commands.
//
// Which line gets which error is memcached 1.6.18's behaviour, compared against it in
// text-request-memcached.test.ts. Deliberate differences, all stricter: control bytes in a key and
// flags of more than 32 bits are a bad format, gat without a key is ERROR, numbers take no white
// space. One is kinder: the value after an over-long key is swallowed, not read as a command.

import { parseSigned, parseUint64, parseUnsigned, type Uint64Halves } from './decimal.ts'
import { KEY_BYTES_MAX, KEYS_PER_GET_MAX } from './limits.ts'
import { MetaRequestLine } from './meta-request-line.ts'
import {
  createRequest,
  Dialect,
  type MemcachedRequest,
  NO_VALUE,
  Op,
  refuseRequest,
} from './request.ts'
import { equalsWord, hasControlByte, skipBlanks, skipWord } from './text-request-line-words.ts'

const SPACE = 32
/** First byte of the meta commands, which have two. */
const META = 109
const INT32_MAX = 0x7fff_ffff
const TOKENS_MAX = 8
const KEYS_INITIAL = 16

const BAD_FORMAT = 'CLIENT_ERROR bad command line format'
const BAD_DELETE = 'CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]'
const BAD_DELTA = 'CLIENT_ERROR invalid numeric delta argument'
const BAD_EXPTIME = 'CLIENT_ERROR invalid exptime argument'
const TOO_LARGE = 'SERVER_ERROR object too large for cache'
const TOO_MANY_KEYS = 'CLIENT_ERROR too many keys'
const NOREPLY: Buffer = Buffer.from('noreply')

interface Command {
  word: Buffer
  op: Op
}

const COMMANDS_BY_LENGTH: readonly (readonly Command[])[] = commandsByLength({
  get: Op.Get,
  gets: Op.Gets,
  gat: Op.Gat,
  gats: Op.Gats,
  set: Op.Set,
  add: Op.Add,
  replace: Op.Replace,
  append: Op.Append,
  prepend: Op.Prepend,
  cas: Op.Cas,
  incr: Op.Incr,
  decr: Op.Decr,
  delete: Op.Delete,
  touch: Op.Touch,
  flush_all: Op.FlushAll,
  version: Op.Version,
  verbosity: Op.Verbosity,
  stats: Op.Stats,
  quit: Op.Quit,
})

/** Decodes command lines into one reused request. */
export class RequestLine {
  readonly request: MemcachedRequest = createRequest(KEYS_INITIAL)
  /** After an invalid line: bytes after it that are its value and must be skipped. */
  swallowBytes = 0

  readonly #valueBytesMax: number
  readonly #meta: MetaRequestLine
  readonly #starts = new Int32Array(TOKENS_MAX)
  readonly #ends = new Int32Array(TOKENS_MAX)
  readonly #uint64: Uint64Halves = { hi: 0, lo: 0 }
  #tokenCount = 0

  constructor(valueBytesMax: number) {
    this.#valueBytesMax = valueBytesMax
    this.#meta = new MetaRequestLine(this.request, valueBytesMax)
  }

  /** Reads the line without its line end; returns the length of the value to come or `NO_VALUE`. */
  parse(buf: Buffer, start: number, end: number): number {
    const request = this.request
    request.buf = buf
    request.keyCount = 0
    request.valueStart = 0
    request.valueEnd = 0
    request.noreply = false
    request.quiet = false
    request.keyEncoded = false
    request.extras = 0
    this.swallowBytes = 0
    const wordStart = skipBlanks(buf, start, end)
    const wordEnd = skipWord(buf, wordStart, end)
    if (wordEnd - wordStart === 2 && buf[wordStart] === META) {
      const valueBytes = this.#meta.parse(buf[wordStart + 1] ?? 0, wordEnd, end)
      this.swallowBytes = this.#meta.swallowBytes
      return valueBytes
    }
    request.dialect = Dialect.Text
    request.op = opOf(buf, wordStart, wordEnd)
    switch (request.op) {
      case Op.Get:
      case Op.Gets:
        return this.#parseKeys(buf, wordEnd, end)
      case Op.Gat:
      case Op.Gats:
        return this.#parseGetAndTouch(buf, wordEnd, end)
      default:
        this.#tokenize(buf, wordEnd, end)
        return this.#parseTokens(buf, wordEnd, end)
    }
  }

  #parseTokens(buf: Buffer, argsStart: number, end: number): number {
    const request = this.request
    switch (request.op) {
      case Op.Set:
      case Op.Add:
      case Op.Replace:
      case Op.Append:
      case Op.Prepend:
        return this.#parseStore(buf, 4)
      case Op.Cas:
        return this.#parseStore(buf, 5)
      case Op.Incr:
      case Op.Decr:
        return this.#parseDelta(buf)
      case Op.Delete:
        return this.#parseDelete(buf)
      case Op.Touch:
        return this.#parseTouch(buf)
      case Op.FlushAll:
        return this.#parseFlushAll(buf)
      case Op.Verbosity:
        return this.#parseVerbosity(buf)
      case Op.Stats:
        request.args = buf.toString('latin1', argsStart, end).trim()
        return NO_VALUE
      case Op.Version:
      case Op.Quit:
        return NO_VALUE
      default:
        return refuseRequest(this.request, 'ERROR')
    }
  }

  #parseKeys(buf: Buffer, from: number, end: number): number {
    const request = this.request
    let starts = request.keyStarts
    let ends = request.keyEnds
    let count = 0
    for (let at = skipBlanks(buf, from, end); at < end; at = skipBlanks(buf, at, end)) {
      const keyStart = at
      while (at < end && (buf[at] ?? 0) > SPACE) at++
      if (at - keyStart > KEY_BYTES_MAX) return refuseRequest(this.request, BAD_FORMAT)
      if (at < end && buf[at] !== SPACE) return refuseRequest(this.request, BAD_FORMAT)
      if (count === starts.length) {
        if (count >= KEYS_PER_GET_MAX) return refuseRequest(this.request, TOO_MANY_KEYS)
        starts = request.keyStarts = grown(starts)
        ends = request.keyEnds = grown(ends)
      }
      starts[count] = keyStart
      ends[count++] = at
    }
    request.keyCount = count
    return count === 0 ? refuseRequest(this.request, 'ERROR') : NO_VALUE
  }

  #parseGetAndTouch(buf: Buffer, from: number, end: number): number {
    const timeStart = skipBlanks(buf, from, end)
    if (timeStart === end) return refuseRequest(this.request, 'ERROR')
    const timeEnd = skipWord(buf, timeStart, end)
    const exptime = parseSigned(buf, timeStart, timeEnd)
    if (Number.isNaN(exptime)) return refuseRequest(this.request, BAD_EXPTIME)
    this.request.exptime = exptime
    return this.#parseKeys(buf, timeEnd, end)
  }

  /** key, flags, exptime, length, [cas], [noreply]; `required` words must be there. */
  #parseStore(buf: Buffer, required: number): number {
    const request = this.request
    if (!this.#expectWords(required, required + 1)) return NO_VALUE
    this.#seeNoreply(buf)
    const flags = parseUnsigned(buf, this.#start(1), this.#end(1))
    const exptime = parseSigned(buf, this.#start(2), this.#end(2))
    const valueBytes = parseUnsigned(buf, this.#start(3), this.#end(3))
    const lengthValid = valueBytes >= 0 && valueBytes <= INT32_MAX - 2
    if (!this.#takeKey(buf)) {
      if (lengthValid) this.swallowBytes = valueBytes + 2
      return refuseRequest(this.request, BAD_FORMAT)
    }
    if (flags < 0 || flags > 0xffff_ffff || Number.isNaN(exptime) || !lengthValid) {
      return refuseRequest(this.request, BAD_FORMAT)
    }
    if (request.op === Op.Cas) {
      const cas = this.#uint64
      if (!parseUint64(buf, this.#start(4), this.#end(4), cas))
        return refuseRequest(this.request, BAD_FORMAT)
      request.casHi = cas.hi
      request.casLo = cas.lo
    }
    if (valueBytes > this.#valueBytesMax) {
      this.swallowBytes = valueBytes + 2
      return refuseRequest(this.request, TOO_LARGE)
    }
    request.flags = flags
    request.exptime = exptime
    return valueBytes
  }

  #parseDelta(buf: Buffer): number {
    if (!this.#expectWords(2, 3)) return NO_VALUE
    this.#seeNoreply(buf)
    if (!this.#takeKey(buf)) return refuseRequest(this.request, BAD_FORMAT)
    const delta = this.#uint64
    if (!parseUint64(buf, this.#start(1), this.#end(1), delta))
      return refuseRequest(this.request, BAD_DELTA)
    this.request.delta =
      delta.hi === 0 ? BigInt(delta.lo) : (BigInt(delta.hi) << 32n) | BigInt(delta.lo)
    return NO_VALUE
  }

  #parseDelete(buf: Buffer): number {
    if (!this.#expectWords(1, 3)) return NO_VALUE
    if (this.#tokenCount > 1) {
      const holdIsZero = this.#end(1) - this.#start(1) === 1 && buf[this.#start(1)] === 48
      this.#seeNoreply(buf)
      const noreply = this.request.noreply
      const valid = this.#tokenCount === 2 ? holdIsZero || noreply : holdIsZero && noreply
      if (!valid) return refuseRequest(this.request, BAD_DELETE)
    }
    return this.#takeKey(buf) ? NO_VALUE : refuseRequest(this.request, BAD_FORMAT)
  }

  #parseTouch(buf: Buffer): number {
    if (!this.#expectWords(2, 3)) return NO_VALUE
    this.#seeNoreply(buf)
    if (!this.#takeKey(buf)) return refuseRequest(this.request, BAD_FORMAT)
    return this.#takeExptime(buf, 1)
  }

  #parseFlushAll(buf: Buffer): number {
    if (!this.#expectWords(0, 2)) return NO_VALUE
    this.#seeNoreply(buf)
    this.request.exptime = 0
    if (this.#tokenCount === (this.request.noreply ? 1 : 0)) return NO_VALUE
    return this.#takeExptime(buf, 0)
  }

  #parseVerbosity(buf: Buffer): number {
    if (!this.#expectWords(1, 2)) return NO_VALUE
    this.#seeNoreply(buf)
    if (parseUnsigned(buf, this.#start(0), this.#end(0)) < 0)
      return refuseRequest(this.request, BAD_FORMAT)
    this.request.args = buf.toString('latin1', this.#start(0), this.#end(0))
    return NO_VALUE
  }

  #takeExptime(buf: Buffer, token: number): number {
    const exptime = parseSigned(buf, this.#start(token), this.#end(token))
    if (Number.isNaN(exptime)) return refuseRequest(this.request, BAD_EXPTIME)
    this.request.exptime = exptime
    return NO_VALUE
  }

  #takeKey(buf: Buffer): boolean {
    const start = this.#start(0)
    const end = this.#end(0)
    if (end - start > KEY_BYTES_MAX) return false
    if (hasControlByte(buf, start, end)) return false
    this.request.keyStarts[0] = start
    this.request.keyEnds[0] = end
    this.request.keyCount = 1
    return true
  }

  #expectWords(min: number, max: number): boolean {
    if (this.#tokenCount >= min && this.#tokenCount <= max) return true
    refuseRequest(this.request, 'ERROR')
    return false
  }

  /** As in memcached only the last word counts, whatever its place. */
  #seeNoreply(buf: Buffer): void {
    const last = this.#tokenCount - 1
    this.request.noreply = last >= 0 && equalsWord(buf, this.#start(last), this.#end(last), NOREPLY)
  }

  /** Splits the words after the command; more than `TOKENS_MAX` are counted as one too many. */
  #tokenize(buf: Buffer, from: number, end: number): void {
    let count = 0
    let at = skipBlanks(buf, from, end)
    while (at < end && count < TOKENS_MAX) {
      this.#starts[count] = at
      at = skipWord(buf, at, end)
      this.#ends[count++] = at
      at = skipBlanks(buf, at, end)
    }
    this.#tokenCount = count
  }

  #start(token: number): number {
    return this.#starts[token] ?? 0
  }

  #end(token: number): number {
    return this.#ends[token] ?? 0
  }
}

function opOf(buf: Buffer, start: number, end: number): Op {
  const candidates = COMMANDS_BY_LENGTH[end - start]
  if (candidates === undefined) return Op.Invalid
  for (let index = 0; index < candidates.length; index++) {
    const command = candidates[index]
    if (command !== undefined && equalsWord(buf, start, end, command.word)) return command.op
  }
  return Op.Invalid
}

function commandsByLength(ops: Record<string, Op>): Command[][] {
  const table: Command[][] = Array.from({ length: 16 }, () => [])
  for (const [word, op] of Object.entries(ops))
    table[word.length]?.push({ word: Buffer.from(word), op })
  return table
}

function grown(offsets: Int32Array): Int32Array {
  const larger = new Int32Array(Math.min(offsets.length * 2, KEYS_PER_GET_MAX))
  larger.set(offsets)
  return larger
}
