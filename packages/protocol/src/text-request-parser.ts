// Frames memcached's text protocol on the server side: finds command lines and the values after
// them in chunks of any size, and hands each request over in the reused MemcachedRequest.
//
// A request that lies wholly in one chunk is read in place. A partial line is copied and joined
// with the chunk that completes it; a partial value is collected in a buffer of its own that grows
// with the bytes that arrive (so a client that only announces 20 MB costs nothing). The result does
// not depend on how the bytes were split. Memory held: one line or one value, both bounded.

import { LINE_BYTES_MAX, PLAIN_LINE_BYTES_MAX, VALUE_BYTES_MAX_DEFAULT } from './limits.ts'
import { Dialect, type MemcachedRequest, NO_VALUE, Op, refuseRequest } from './request.ts'
import { RequestLine } from './text-request-line.ts'

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
/** How far a byte loop looks before the native search takes over. */
const SHORT_LINE_BYTES = 128
const LEADING_BLANKS_MAX = 100
const VALUE_FIRST_BYTES_MAX = 1024 * 1024
const EMPTY: Buffer = Buffer.alloc(0)

/** Options of `TextRequestParser`. */
export interface TextRequestParserOptions {
  /** Longest value in bytes; longer ones are swallowed and answered with an error. */
  valueBytesMax?: number
}

/**
 * Server side parser of memcached's text protocol. Stops by itself after quit or a fatal error.
 *
 * @example
 * const parser = new TextRequestParser()
 * socket.on('data', (chunk) => parser.push(chunk, (request) => handle(request)))
 */
export class TextRequestParser {
  readonly #line: RequestLine
  #partialLine: Buffer = EMPTY
  #partialLineBytes = 0
  /** Key, meta flags, value and line end of the request in `#line` whose value is arriving. */
  #partialValue: Buffer = EMPTY
  #partialValueStart = 0
  #partialValueBytes = 0
  #partialValueNeeded = 0
  #swallowBytes = 0
  #stopped = false

  constructor(options: TextRequestParserOptions = {}) {
    this.#line = new RequestLine(options.valueBytesMax ?? VALUE_BYTES_MAX_DEFAULT)
  }

  /** Bytes of an incomplete request that the parser holds. */
  get bufferedBytes(): number {
    return this.#partialLineBytes + this.#partialValueBytes
  }

  /** True between two requests: nothing of the bytes so far matters to those to come. */
  get idle(): boolean {
    return this.bufferedBytes === 0 && this.#swallowBytes === 0 && !this.#stopped
  }

  /** Ignores everything from here on, also what is left of the chunk being parsed. */
  stop(): void {
    this.#stopped = true
    this.#partialLine = EMPTY
    this.#partialLineBytes = 0
    this.#partialValue = EMPTY
    this.#partialValueBytes = 0
    this.#partialValueNeeded = 0
  }

  /**
   * Takes ownership of the chunk and reports the requests that it completes, in order: all that
   * begin between `from` and `until`.
   *
   * @returns where to go on in the chunk
   */
  push(
    chunk: Buffer,
    onRequest: (request: MemcachedRequest) => void,
    from = 0,
    until: number = chunk.length,
  ): number {
    if (this.#stopped) return chunk.length
    let buf = chunk
    let at = from
    if (this.#swallowBytes > 0) at = this.#swallow(buf, at)
    if (this.#partialValueNeeded > 0) at = this.#continueValue(buf, at, onRequest)
    if (this.#partialLineBytes > 0) {
      if (chunk.indexOf(LINE_FEED, from) < 0) {
        this.#keepLine(chunk, from, onRequest)
        return chunk.length
      }
      buf = this.#joinLine(chunk, from)
      at = 0
    }
    const shift = buf.length - chunk.length
    while (at - shift < until && !this.#stopped) at = this.#parseRequest(buf, at, onRequest)
    return at - shift
  }

  /** Reads the request at `from`, or keeps its part; returns where the next one starts. */
  #parseRequest(buf: Buffer, from: number, onRequest: (request: MemcachedRequest) => void): number {
    const lineFeed = findLineFeed(buf, from)
    if (lineFeed < 0) {
      this.#keepLine(buf, from, onRequest)
      return buf.length
    }
    if (lineFeed - from > PLAIN_LINE_BYTES_MAX && lineTooLong(buf, from, lineFeed)) {
      this.#failLine(onRequest)
      return buf.length
    }
    const hasReturn = lineFeed > from && buf[lineFeed - 1] === CARRIAGE_RETURN
    const valueBytes = this.#line.parse(buf, from, hasReturn ? lineFeed - 1 : lineFeed)
    const next = lineFeed + 1
    if (valueBytes !== NO_VALUE) {
      if (buf.length - next < valueBytes + 2) {
        this.#keepValue(buf, next, valueBytes)
        return buf.length
      }
      this.#finishValue(next, valueBytes, onRequest)
      return next + valueBytes + 2
    }
    this.#swallowBytes = this.#line.swallowBytes
    onRequest(this.#line.request)
    if (this.#line.request.op === Op.Quit) this.stop()
    return this.#swallowBytes > 0 ? this.#swallow(buf, next) : next
  }

  /** As memcached: exactly the announced length and two bytes are consumed, right or wrong. */
  #finishValue(
    start: number,
    valueBytes: number,
    onRequest: (request: MemcachedRequest) => void,
  ): void {
    const request = this.#line.request
    const end = start + valueBytes
    request.valueStart = start
    request.valueEnd = end
    if (request.buf[end] !== CARRIAGE_RETURN || request.buf[end + 1] !== LINE_FEED) {
      refuseRequest(request, 'CLIENT_ERROR bad data chunk')
    }
    onRequest(request)
  }

  /** Copies what of the request is needed later: key, meta flags and the value so far. */
  #keepValue(buf: Buffer, valueStart: number, valueBytes: number): void {
    const request = this.#line.request
    const headStart = request.keyStarts[0] ?? 0
    const keyEnd = request.keyEnds[0] ?? 0
    const headEnd = request.dialect === Dialect.Meta ? request.metaEnd : keyEnd
    const headBytes = headEnd - headStart
    const needed = headBytes + valueBytes + 2
    const here = headBytes + buf.length - valueStart
    const room = Math.max(here, Math.min(needed, VALUE_FIRST_BYTES_MAX))
    const kept = Buffer.allocUnsafe(room)
    buf.copy(kept, 0, headStart, headEnd)
    buf.copy(kept, headBytes, valueStart)
    request.keyStarts[0] = 0
    request.keyEnds[0] = keyEnd - headStart
    request.metaStart -= headStart
    request.metaEnd -= headStart
    this.#partialValue = kept
    this.#partialValueStart = headBytes
    this.#partialValueBytes = here
    this.#partialValueNeeded = needed
  }

  #continueValue(
    chunk: Buffer,
    from: number,
    onRequest: (request: MemcachedRequest) => void,
  ): number {
    const needed = this.#partialValueNeeded
    const held = this.#partialValueBytes
    const taken = Math.min(needed - held, chunk.length - from)
    if (held + taken > this.#partialValue.length) {
      const room = Math.min(needed, Math.max(held + taken, this.#partialValue.length * 2))
      const larger = Buffer.allocUnsafe(room)
      this.#partialValue.copy(larger, 0, 0, held)
      this.#partialValue = larger
    }
    chunk.copy(this.#partialValue, held, from, from + taken)
    this.#partialValueBytes = held + taken
    if (held + taken < needed) return chunk.length
    const request = this.#line.request
    const start = this.#partialValueStart
    request.buf = this.#partialValue
    this.#partialValue = EMPTY
    this.#partialValueBytes = 0
    this.#partialValueNeeded = 0
    this.#finishValue(start, needed - start - 2, onRequest)
    return from + taken
  }

  #swallow(buf: Buffer, from: number): number {
    const skipped = Math.min(this.#swallowBytes, buf.length - from)
    this.#swallowBytes -= skipped
    return from + skipped
  }

  #keepLine(buf: Buffer, from: number, onRequest: (request: MemcachedRequest) => void): void {
    const added = buf.length - from
    const bytes = this.#partialLineBytes + added
    if (bytes > this.#partialLine.length) {
      const larger = Buffer.allocUnsafe(Math.max(bytes, this.#partialLine.length * 2))
      this.#partialLine.copy(larger, 0, 0, this.#partialLineBytes)
      this.#partialLine = larger
    }
    buf.copy(this.#partialLine, this.#partialLineBytes, from)
    this.#partialLineBytes = bytes
    if (bytes > PLAIN_LINE_BYTES_MAX && lineTooLong(this.#partialLine, 0, bytes)) {
      this.#failLine(onRequest)
    }
  }

  #joinLine(chunk: Buffer, from: number): Buffer {
    const joined = Buffer.allocUnsafe(this.#partialLineBytes + chunk.length - from)
    this.#partialLine.copy(joined, 0, 0, this.#partialLineBytes)
    chunk.copy(joined, this.#partialLineBytes, from)
    this.#partialLine = EMPTY
    this.#partialLineBytes = 0
    return joined
  }

  #failLine(onRequest: (request: MemcachedRequest) => void): void {
    const request = this.#line.request
    this.stop()
    refuseRequest(request, 'CLIENT_ERROR line too long')
    request.fatal = true
    request.noreply = false
    onRequest(request)
  }
}

function findLineFeed(buf: Buffer, from: number): number {
  const near = Math.min(buf.length, from + SHORT_LINE_BYTES)
  for (let at = from; at < near; at++) {
    if (buf[at] === LINE_FEED) return at
  }
  return near < buf.length ? buf.indexOf(LINE_FEED, near) : -1
}

/** memcached's rule: only the get family may be long, and not behind more than 100 blanks. */
function lineTooLong(buf: Buffer, from: number, end: number): boolean {
  if (end - from > LINE_BYTES_MAX) return true
  let at = from
  while (at - from <= LEADING_BLANKS_MAX && buf[at] === 32) at++
  if (at - from > LEADING_BLANKS_MAX) return true
  const word = buf.toString('latin1', at, at + 5)
  return !/^(?:get|gat)s? /.test(word)
}
