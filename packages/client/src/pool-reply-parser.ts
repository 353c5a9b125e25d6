/**
 * Reads the replies of one memcached connection straight into the operations that they answer: no
 * object and no string per reply. Values stay in the chunk that they arrived in; a reply that lies
 * in several chunks is collected in a buffer of its own, of exactly its length once that is known.
 *
 * A line of several gets is answered by VALUE items in the order of its keys, without those that
 * missed, and one END. So each item belongs to the first operation from the front whose key it
 * has, and the operations before that one have missed.
 *
 * Bytes that are no reply to what is in flight throw `ProtocolError`; the connection is of no use
 * then, because it is not known which reply belongs to what.
 */
import {
  Dialect,
  ProtocolError,
  parseUint64,
  REPLY_LINE_BYTES_MAX,
  type Uint64Halves,
} from '@holdfast/protocol'
import type { Operation } from './operation.ts'
import { Outcome } from './outcome.ts'
import { type InFlight, ReplyShape } from './pool-in-flight.ts'
import {
  decideByErrorLine,
  decideByLine,
  isErrorLine,
  isUnknownCommand,
} from './pool-line-reply.ts'
import { decideByMeta, type MetaReply } from './pool-meta-reply.ts'
import { PartialReply } from './pool-partial-reply.ts'
import {
  beginsItem,
  digitAt,
  findLineFeed,
  INCOMPLETE,
  isCount,
  keyStandsAt,
  LETTER_E,
  LINE_FEED,
  SHORT_LINE_BYTES,
  SPACE,
  unexpected,
} from './pool-reply-bytes.ts'
import type { ReadSlab } from './read-slab.ts'

/** Reply to a meta command that the server does not know. */
export const NO_META_LINE = 'SERVER_ERROR server does not speak meta commands'

const TOO_LARGE_LINE = 'SERVER_ERROR object too large for proxy'
/** memcached's own limit of what an item may be configured to be. */
const PASSED_OVER_BYTES_MAX: number = 1024 * 1024 * 1024
const EMPTY: Buffer = Buffer.alloc(0)
const CARRIAGE_RETURN = 13
const LETTER_D = 68
const LETTER_N = 78
const LETTER_V = 86
const END_BYTES = 5
/** `VALUE ` */
const VALUE_WORD_BYTES = 6
const FLAGS_MAX = 0xffff_ffff
const CAS_DIGITS_MAX = 20

/** What a parser is made with. */
export interface PoolReplyParserOptions {
  inFlight: InFlight
  valueBytesMax: number
  /** A line that was announced by `expectGreetings`, without its line end. */
  onGreeting(line: string): void
  /** A meta command was understood, or not. */
  onMetaSpoken(spoken: boolean): void
}

export class PoolReplyParser {
  readonly #options: PoolReplyParserOptions
  readonly #inFlight: InFlight
  readonly #cas: Uint64Halves = { hi: 0, lo: 0 }
  readonly #metaReply: MetaReply = { buf: EMPTY, start: 0, end: 0, valueStart: 0, valueEnd: 0 }
  #chunk: Buffer = EMPTY
  #slab: ReadSlab | undefined = undefined
  readonly #partial: PartialReply = new PartialReply()
  /** Length of the incomplete reply, 0 while its line is incomplete. */
  #needed = 0
  #skipBytes = 0
  #greetings = 0
  /** The last get of a line has its item, the END of the line is due. */
  #endDue = false
  #stopped = false

  constructor(options: PoolReplyParserOptions) {
    this.#options = options
    this.#inFlight = options.inFlight
  }

  /** Bytes of an incomplete reply that the parser holds. */
  get bufferedBytes(): number {
    return this.#partial.bytes
  }

  /** The next `count` lines are handed over as they are. */
  expectGreetings(count: number): void {
    this.#greetings += count
  }

  /** Ignores everything from here on, also what is left of the chunk being read. */
  stop(): void {
    this.#stopped = true
    this.#partial.drop()
  }

  /** Settles what the chunk completes. Results stay in it, counted in `slab` if it is used again. */
  push(chunk: Buffer, slab?: ReadSlab): void {
    this.#chunk = chunk
    this.#slab = slab
    let at = this.#skipBytes > 0 ? this.#skip(chunk, 0) : 0
    if (this.#partial.bytes > 0) at = this.#continue(chunk, at)
    while (at < chunk.length && !this.#stopped) {
      const next = this.#read(chunk, at, chunk.length)
      if (next === INCOMPLETE) {
        this.#keep(chunk, at)
        return
      }
      at = this.#skipBytes > 0 ? this.#skip(chunk, next) : next
    }
  }

  /** Reads the line or item at `at`; returns where the next one begins. */
  #read(buf: Buffer, at: number, end: number): number {
    const shape = this.#inFlight.headShape
    this.#needed = 0
    if (this.#endDue) return this.#readGroupEnd(buf, at, end)
    if (shape === ReplyShape.Value || shape === ReplyShape.LastValue) {
      return buf[at] === LETTER_V ? this.#readValue(buf, at, end) : this.#readGroupEnd(buf, at, end)
    }
    const lineFeed = findLineFeed(buf, at, end)
    if (lineFeed < 0) return INCOMPLETE
    const lineEnd = buf[lineFeed - 1] === CARRIAGE_RETURN ? lineFeed - 1 : lineFeed
    if (shape === ReplyShape.Line) {
      this.#readLine(buf, at, lineEnd)
      return lineFeed + 1
    }
    if (shape === ReplyShape.Meta) return this.#readMeta(buf, at, lineEnd, end)
    if (this.#greetings === 0) throw new ProtocolError('a reply that nothing asked for')
    this.#greetings--
    this.#options.onGreeting(buf.toString('latin1', at, lineEnd))
    return lineFeed + 1
  }

  #readLine(buf: Buffer, at: number, lineEnd: number): void {
    const operation = this.#head
    if (!operation.settled && !decideByLine(operation, buf, at, lineEnd)) throw unexpected('line')
    if (!operation.settled) this.#hold(operation)
    this.#settleHead()
  }

  /** `VALUE key flags bytes[ cas]`, then the value. */
  #readValue(buf: Buffer, at: number, end: number): number {
    if (end - at < SHORT_LINE_BYTES * 4 && findLineFeed(buf, at, end) < 0) return INCOMPLETE
    if (!beginsItem(buf, at)) throw unexpected('line among values')
    const keyStart = at + VALUE_WORD_BYTES
    const place = this.#findGet(buf, keyStart)
    const operation = this.#operationAt(place)
    let p = keyStart + operation.keyEnd - operation.keyStart + 1
    const flagsStart = p
    let flags = 0
    for (; buf[p] !== SPACE; p++) flags = flags * 10 + digitAt(buf, p)
    if (!isCount(flagsStart, p) || flags > FLAGS_MAX) throw unexpected('number')
    const bytesStart = ++p
    let valueBytes = 0
    for (; (buf[p] ?? 0) > SPACE; p++) valueBytes = valueBytes * 10 + digitAt(buf, p)
    if (!isCount(bytesStart, p)) throw unexpected('number')
    const casStart = p + 1
    if (buf[p] === SPACE) {
      for (p++; (buf[p] ?? 0) > SPACE; p++);
      const isCas = p - casStart <= CAS_DIGITS_MAX && parseUint64(buf, casStart, p, this.#cas)
      if (!isCas) throw unexpected('CAS')
      operation.resultCasHi = this.#cas.hi
      operation.resultCasLo = this.#cas.lo
    }
    if (buf[p] !== CARRIAGE_RETURN || buf[p + 1] !== LINE_FEED) throw unexpected('VALUE line')
    for (let missed = 0; missed < place; missed++) settleMiss(this.#inFlight.shift())
    const valueStart = p + 2
    const valueEnd = valueStart + valueBytes
    if (valueBytes > this.#options.valueBytesMax) {
      this.#endDue = this.#inFlight.headShape === ReplyShape.LastValue
      this.#passOver(valueBytes)
      return valueStart
    }
    if (valueEnd + 2 > end) {
      this.#needed = valueEnd + 2 - at
      return INCOMPLETE
    }
    if (buf[valueEnd] !== CARRIAGE_RETURN || buf[valueEnd + 1] !== LINE_FEED) {
      throw unexpected('end of a value')
    }
    this.#endDue = this.#inFlight.headShape === ReplyShape.LastValue
    this.#inFlight.shift()
    if (operation.settled) return valueEnd + 2
    operation.resultBuf = buf
    this.#hold(operation)
    operation.resultStart = valueStart
    operation.resultEnd = valueEnd
    operation.resultFlags = flags
    if (operation.dialect === Dialect.Text) {
      operation.rawStart = at
      operation.rawEnd = valueEnd + 2
    }
    operation.decide(Outcome.Hit)
    operation.settle()
    return valueEnd + 2
  }

  /** The place of the first get of the line whose key stands at `keyStart`. */
  #findGet(buf: Buffer, keyStart: number): number {
    const inFlight = this.#inFlight
    for (let place = 0; ; place++) {
      if (keyStandsAt(buf, keyStart, this.#operationAt(place))) return place
      if (inFlight.shapeAt(place) !== ReplyShape.Value) throw unexpected('key')
    }
  }

  #operationAt(place: number): Operation {
    const operation = this.#inFlight.at(place)
    if (operation === undefined) throw unexpected('VALUE')
    return operation
  }

  /** END, or an error in its place. */
  #readGroupEnd(buf: Buffer, at: number, end: number): number {
    if (
      buf[at + 2] === LETTER_D &&
      buf[at + 1] === LETTER_N &&
      buf[at] === LETTER_E &&
      buf[at + 3] === CARRIAGE_RETURN &&
      buf[at + 4] === LINE_FEED &&
      end - at >= END_BYTES
    ) {
      if (!this.#endDue) this.#missGroup()
      this.#endDue = false
      return at + END_BYTES
    }
    const lineFeed = findLineFeed(buf, at, end)
    if (lineFeed < 0) return INCOMPLETE
    const lineEnd = buf[lineFeed - 1] === CARRIAGE_RETURN ? lineFeed - 1 : lineFeed
    if (!this.#endDue) this.#failGroup(buf, at, lineEnd)
    else if (!isErrorLine(buf, at, lineEnd)) throw unexpected('line among values')
    this.#endDue = false
    return lineFeed + 1
  }

  #missGroup(): void {
    for (let last = false; !last && this.#inFlight.length > 0; ) {
      last = this.#inFlight.headShape === ReplyShape.LastValue
      settleMiss(this.#inFlight.shift())
    }
  }

  #failGroup(buf: Buffer, at: number, lineEnd: number): void {
    for (let last = false; !last && this.#inFlight.length > 0; ) {
      last = this.#inFlight.headShape === ReplyShape.LastValue
      const operation = this.#head
      if (!operation.settled && !decideByErrorLine(operation, buf, at, lineEnd)) {
        throw unexpected('line among values')
      }
      this.#settleHead()
    }
  }

  /** A value beyond the limit is not kept, and its operation fails. */
  #passOver(valueBytes: number): void {
    if (valueBytes > PASSED_OVER_BYTES_MAX) throw unexpected('length of a value')
    this.#skipBytes = valueBytes + 2
    this.#inFlight.shift().fail(TOO_LARGE_LINE)
  }

  #readMeta(buf: Buffer, at: number, lineEnd: number, end: number): number {
    const next = lineEnd + (buf[lineEnd] === CARRIAGE_RETURN ? 2 : 1)
    let valueStart = 0
    let valueEnd = 0
    if (buf[at] === LETTER_V && buf[at + 2] === SPACE) {
      let p = at + 3
      let valueBytes = 0
      for (; p < lineEnd && buf[p] !== SPACE; p++) valueBytes = valueBytes * 10 + digitAt(buf, p)
      if (!isCount(at + 3, p)) throw unexpected('number')
      if (valueBytes > this.#options.valueBytesMax) {
        this.#passOver(valueBytes)
        return next
      }
      valueStart = next
      valueEnd = next + valueBytes
      if (valueEnd + 2 > end) {
        this.#needed = valueEnd + 2 - at
        return INCOMPLETE
      }
      if (buf[valueEnd] !== CARRIAGE_RETURN || buf[valueEnd + 1] !== LINE_FEED) {
        throw unexpected('end of a value')
      }
    }
    const operation = this.#head
    const reply = this.#metaReply
    reply.buf = buf
    reply.start = at
    reply.end = lineEnd
    reply.valueStart = valueStart
    reply.valueEnd = valueEnd
    if (!operation.settled) this.#decideMeta(operation, reply)
    reply.buf = EMPTY
    this.#settleHead()
    return valueEnd > 0 ? valueEnd + 2 : next
  }

  #decideMeta(operation: Operation, reply: MetaReply): void {
    const { buf, start, end } = reply
    if (decideByMeta(operation, reply)) {
      this.#hold(operation)
      this.#options.onMetaSpoken(true)
    } else if (isUnknownCommand(buf, start, end)) {
      this.#options.onMetaSpoken(false)
      operation.decide(Outcome.Failed, NO_META_LINE)
    } else if (!decideByErrorLine(operation, buf, start, end)) {
      throw unexpected('meta line')
    }
  }

  get #head(): Operation {
    const operation = this.#inFlight.head
    if (operation === undefined) throw new Error('bug: a reply without an operation in flight')
    return operation
  }

  /** Only what is decided leaves the queue, so that a broken connection still owes the rest. */
  #settleHead(): void {
    const operation = this.#inFlight.shift()
    if (!operation.settled) operation.settle()
  }

  /** The result lies in memory that is to be used again. */
  #hold(operation: Operation): void {
    if (this.#slab === undefined || operation.resultBuf !== this.#chunk) return
    operation.resultSlab = this.#slab
    this.#slab.held++
  }

  #skip(chunk: Buffer, from: number): number {
    const skipped = Math.min(this.#skipBytes, chunk.length - from)
    this.#skipBytes -= skipped
    return from + skipped
  }

  /** Keeps the incomplete reply at `at`, with room for all of it when its length is known. */
  #keep(chunk: Buffer, at: number): void {
    const bytes = chunk.length - at
    if (this.#needed === 0 && bytes > REPLY_LINE_BYTES_MAX) throw unexpected('length of a line')
    this.#partial.begin(chunk, at, this.#needed, this.#slab)
  }

  /** Reads what was collected; results stay there as they do in a chunk. */
  #readPartial(): number {
    const chunk = this.#chunk
    const slab = this.#slab
    const { buf, bytes } = this.#partial
    this.#chunk = buf
    this.#slab = this.#partial.slab
    const next = this.#read(buf, 0, bytes)
    this.#chunk = chunk
    this.#slab = slab
    return next
  }

  /** Completes the kept reply as far as the chunk goes; returns where the next one begins. */
  #continue(chunk: Buffer, from: number): number {
    let at = from
    while (this.#partial.bytes > 0 && at < chunk.length) {
      const lineFeed = this.#needed > 0 ? 0 : chunk.indexOf(LINE_FEED, at)
      const wanted = this.#needed - this.#partial.bytes
      const lineBytes = (lineFeed < 0 ? chunk.length : lineFeed + 1) - at
      const taken = Math.min(this.#needed > 0 ? wanted : lineBytes, chunk.length - at)
      this.#append(chunk, at, taken)
      at += taken
      if (this.#needed > 0 ? taken < wanted : lineFeed < 0) return at
      if (this.#readPartial() === INCOMPLETE) continue
      this.#partial.drop()
      if (this.#skipBytes > 0) at = this.#skip(chunk, at)
    }
    return at
  }

  #append(chunk: Buffer, at: number, count: number): void {
    const bytes = this.#partial.bytes + count
    if (this.#needed === 0 && bytes > REPLY_LINE_BYTES_MAX) throw unexpected('length of a line')
    this.#partial.append(chunk, at, count, this.#needed)
  }
}

function settleMiss(operation: Operation): void {
  if (operation.settled) return
  operation.decide(Outcome.Miss)
  operation.settle()
}
