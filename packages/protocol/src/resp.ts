// RESP2, the engine's protocol, client side: replies handed over as offsets into the bytes that
// arrived, commands written into a ByteWriter.
//
// A top-level reply that is no array costs no allocation: the reply object is reused. Elements of
// arrays are objects of their own. What is incomplete is copied: a header line or a bulk string;
// the finished elements of an unfinished array stay where they are, so no byte is parsed twice
// whatever the split. Errors of the engine are replies; bytes that are no RESP throw.

import type { ByteWriter } from './byte-writer.ts'
import { parseSigned } from './decimal.ts'
import {
  ARRAY_BYTES_MAX,
  ARRAY_DEPTH_MAX,
  ARRAY_ITEMS_MAX,
  BULK_BYTES_MAX_DEFAULT,
  RESP_LINE_BYTES_MAX,
} from './limits.ts'
import { ProtocolError } from './protocol-error.ts'

/** What a reply is. */
export const RespKind = { Simple: 1, Error: 2, Int: 3, Bulk: 4, Null: 5, Array: 6 } as const

/** What a reply is. */
export type RespKind = (typeof RespKind)[keyof typeof RespKind]

/**
 * One reply. At top level the object is valid only during the callback (not so the elements of
 * `items`); `buf` is never overwritten, so `buf` with offsets into it may be kept.
 */
export interface RespReply {
  kind: RespKind
  buf: Buffer
  /** The text of a simple string, error or integer, or the bytes of a bulk string. */
  start: number
  end: number
  /** Value of an integer; beyond 2^53 it is rounded, the digits are at `start`. */
  int: number
  /** Elements of an array. */
  items: readonly RespReply[]
}

/** Options of `RespParser`. */
export interface RespParserOptions {
  /** Longest bulk string in bytes. */
  bulkBytesMax?: number
}

interface OpenArray {
  items: RespReply[]
  left: number
}

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const FIRST_BYTES_MAX = 1024 * 1024
const EMPTY: Buffer = Buffer.alloc(0)
const NO_ITEMS: readonly RespReply[] = []
const INCOMPLETE = -1

/**
 * Client side parser of RESP2.
 *
 * @example
 * const parser = new RespParser()
 * socket.on('data', (chunk) => parser.push(chunk, (reply) => handle(reply)))
 */
export class RespParser {
  readonly #bulkBytesMax: number
  readonly #reply: RespReply = emptyReply()
  readonly #open: OpenArray[] = []
  /** Elements announced and bytes held by the arrays in `#open`. */
  #openItems = 0
  #openBytes = 0
  #partial: Buffer = EMPTY
  #partialBytes = 0
  /** Length of the bulk string in `#partial` with its header; 0 while the header is incomplete. */
  #neededBytes = 0

  constructor(options: RespParserOptions = {}) {
    this.#bulkBytesMax = options.bulkBytesMax ?? BULK_BYTES_MAX_DEFAULT
  }

  /** Bytes of an incomplete element that the parser holds. */
  get bufferedBytes(): number {
    return this.#partialBytes
  }

  /**
   * Takes ownership of the chunk and reports the replies that it completes, in order. Throws
   * `ProtocolError` at bytes that are no RESP2; the parser is of no use after that.
   */
  push(chunk: Buffer, onReply: (reply: RespReply) => void): void {
    let at = 0
    while (this.#partialBytes > 0 && at < chunk.length) {
      at = this.#extendPartial(chunk, at)
      const bytes = this.#partialBytes
      const lineDone = this.#neededBytes === 0 && this.#partial[bytes - 1] === LINE_FEED
      if (!lineDone && (this.#neededBytes === 0 || bytes < this.#neededBytes)) return
      const element = this.#partial.subarray(0, bytes)
      this.#partial = EMPTY
      this.#partialBytes = 0
      this.#parse(element, 0, onReply)
    }
    if (at < chunk.length) this.#parse(chunk, at, onReply)
  }

  #parse(buf: Buffer, from: number, onReply: (reply: RespReply) => void): void {
    let at = from
    while (at < buf.length) {
      const reply = this.#open.length === 0 ? this.#reply : emptyReply()
      const next = this.#parseElement(buf, at, reply)
      if (next === INCOMPLETE) {
        this.#keep(buf, at)
        return
      }
      at = next
      this.#deliver(reply, onReply)
    }
  }

  /** Puts a finished element into its array, and finished arrays into theirs or the callback. */
  #deliver(element: RespReply, onReply: (reply: RespReply) => void): void {
    let reply = element
    if (reply.kind === RespKind.Array && reply.int > 0) {
      if (this.#open.length >= ARRAY_DEPTH_MAX) throw new ProtocolError('arrays nested too deep')
      this.#openItems += reply.int
      if (this.#openItems > ARRAY_ITEMS_MAX) throw new ProtocolError('array too long')
      this.#open.push({ items: [], left: reply.int })
      return
    }
    for (;;) {
      const open = this.#open.at(-1)
      if (open === undefined) {
        onReply(reply)
        return
      }
      this.#openBytes += reply.end - reply.start
      if (this.#openBytes > ARRAY_BYTES_MAX) throw new ProtocolError('array too large')
      open.items.push(reply)
      if (--open.left > 0) return
      this.#open.pop()
      if (this.#open.length === 0) {
        this.#openItems = 0
        this.#openBytes = 0
      }
      reply = this.#open.length === 0 ? this.#reply : emptyReply()
      reply.kind = RespKind.Array
      reply.buf = EMPTY
      reply.start = 0
      reply.end = 0
      reply.int = open.items.length
      reply.items = open.items
    }
  }

  /** Reads one element (of an array: its header); returns where the next starts or `INCOMPLETE`. */
  #parseElement(buf: Buffer, at: number, reply: RespReply): number {
    const lineFeed = findLineFeed(buf, at)
    if (lineFeed < 0) {
      if (buf.length - at > RESP_LINE_BYTES_MAX) throw new ProtocolError('line too long')
      this.#neededBytes = 0
      return INCOMPLETE
    }
    const end = lineFeed - 1
    if (end <= at || buf[end] !== CARRIAGE_RETURN) throw new ProtocolError('bad line end')
    if (end - at > RESP_LINE_BYTES_MAX) throw new ProtocolError('line too long')
    reply.buf = buf
    reply.start = at + 1
    reply.end = end
    reply.items = NO_ITEMS
    switch (buf[at]) {
      case 43:
        reply.kind = RespKind.Simple
        return lineFeed + 1
      case 45:
        reply.kind = RespKind.Error
        return lineFeed + 1
      case 58:
        reply.kind = RespKind.Int
        reply.int = parseInteger(buf, at + 1, end)
        return lineFeed + 1
      case 36:
        return this.#parseBulk(buf, at, lineFeed + 1, reply)
      case 42:
        reply.kind = RespKind.Array
        reply.int = this.#parseLength(buf, at + 1, end, ARRAY_ITEMS_MAX)
        if (reply.int < 0) reply.kind = RespKind.Null
        return lineFeed + 1
      default:
        throw new ProtocolError(`unknown type byte ${buf[at]}`)
    }
  }

  #parseBulk(buf: Buffer, from: number, start: number, reply: RespReply): number {
    const bytes = this.#parseLength(buf, from + 1, start - 2, this.#bulkBytesMax)
    if (bytes < 0) {
      reply.kind = RespKind.Null
      return start
    }
    const end = start + bytes
    if (end + 2 > buf.length) {
      this.#neededBytes = end + 2 - from
      return INCOMPLETE
    }
    if (buf[end] !== CARRIAGE_RETURN || buf[end + 1] !== LINE_FEED) {
      throw new ProtocolError('bad end of bulk string')
    }
    reply.kind = RespKind.Bulk
    reply.start = start
    reply.end = end
    return end + 2
  }

  /** A length of 0..max, or -1 for null. */
  #parseLength(buf: Buffer, start: number, end: number, max: number): number {
    const length = parseSigned(buf, start, end)
    if (!(length >= -1)) throw new ProtocolError('bad length')
    if (length > max) throw new ProtocolError(`length ${length} exceeds ${max}`)
    return length
  }

  #keep(buf: Buffer, from: number): void {
    const bytes = buf.length - from
    const room = Math.max(bytes, Math.min(this.#neededBytes, FIRST_BYTES_MAX), 64)
    const kept = Buffer.allocUnsafe(room)
    buf.copy(kept, 0, from)
    this.#partial = kept
    this.#partialBytes = bytes
  }

  /** Adds the rest of the header line or bulk string; returns where the next element starts. */
  #extendPartial(chunk: Buffer, from: number): number {
    const held = this.#partialBytes
    let end = from + this.#neededBytes - held
    if (this.#neededBytes === 0) {
      const lineFeed = chunk.indexOf(LINE_FEED, from)
      end = lineFeed < 0 ? chunk.length : lineFeed + 1
      if (held + end - from > RESP_LINE_BYTES_MAX + 3) throw new ProtocolError('line too long')
    }
    end = Math.min(end, chunk.length)
    const bytes = held + end - from
    if (bytes > this.#partial.length) {
      const larger = Buffer.allocUnsafe(Math.max(bytes, this.#partial.length * 2))
      this.#partial.copy(larger, 0, 0, held)
      this.#partial = larger
    }
    chunk.copy(this.#partial, held, from, end)
    this.#partialBytes = bytes
    return end
  }
}

/** Appends a command; strings are UTF-8, numbers decimal. */
export function writeCommand(w: ByteWriter, args: readonly (string | Buffer | number)[]): void {
  writeArrayHeader(w, args.length)
  for (const arg of args) {
    if (typeof arg === 'number') writeBulkAscii(w, String(arg))
    else if (typeof arg === 'string') writeBulkText(w, arg)
    else writeBulk(w, arg, 0, arg.length)
  }
}

/** Appends the header of an array; its elements follow. */
export function writeArrayHeader(w: ByteWriter, items: number): void {
  writeHeader(w, 42, items)
}

/** Appends the header of a bulk string; exactly that many bytes and a line end must follow. */
export function writeBulkHeader(w: ByteWriter, bytes: number): void {
  writeHeader(w, 36, bytes)
}

/** Appends a slice as a bulk string. */
export function writeBulk(w: ByteWriter, buf: Buffer, start: number, end: number): void {
  writeHeader(w, 36, end - start)
  w.bytes(buf, start, end)
  w.byte(CARRIAGE_RETURN)
  w.byte(LINE_FEED)
}

/** Appends a string of ASCII characters as a bulk string. */
export function writeBulkAscii(w: ByteWriter, text: string): void {
  writeHeader(w, 36, text.length)
  w.ascii(text)
  w.byte(CARRIAGE_RETURN)
  w.byte(LINE_FEED)
}

function writeBulkText(w: ByteWriter, text: string): void {
  const bytes = Buffer.from(text)
  writeBulk(w, bytes, 0, bytes.length)
}

function writeHeader(w: ByteWriter, type: number, count: number): void {
  w.byte(type)
  w.int(count)
  w.byte(CARRIAGE_RETURN)
  w.byte(LINE_FEED)
}

function emptyReply(): RespReply {
  return { kind: RespKind.Null, buf: EMPTY, start: 0, end: 0, int: 0, items: NO_ITEMS }
}

function parseInteger(buf: Buffer, start: number, end: number): number {
  const value = parseSigned(buf, start, end)
  if (!Number.isNaN(value)) return value
  const digits = buf.toString('latin1', start, Math.min(end, start + 24))
  if (!/^-?[0-9]{1,20}$/.test(digits)) throw new ProtocolError('bad integer')
  return Number(digits)
}

function findLineFeed(buf: Buffer, from: number): number {
  const near = Math.min(buf.length, from + 32)
  for (let at = from; at < near; at++) {
    if (buf[at] === LINE_FEED) return at
  }
  return near < buf.length ? buf.indexOf(LINE_FEED, near) : -1
}
