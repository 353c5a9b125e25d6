// Client side parser of memcached's binary protocol: cuts a stream of chunks, split anywhere, into
// replies. A reply that lies in one chunk is reported in place; one that is split is gathered in a
// buffer of its own size, so a value is copied at most once. Which request a reply belongs to, and
// what it means, is its reader's business.

import {
  BINARY_HEADER_BYTES,
  BINARY_RESPONSE_MAGIC,
  BinaryOffset,
  readUint16,
  readUint32,
} from './binary.ts'
import { VALUE_BYTES_MAX_DEFAULT } from './limits.ts'
import { ProtocolError } from './protocol-error.ts'

/** Room for extras and a key beside the value. */
const BODY_BEYOND_VALUE_BYTES = 64 * 1024
const EMPTY: Buffer = Buffer.alloc(0)

/** One reply, reused for the next; `buf` is never overwritten, so offsets into it may be kept. */
export interface BinaryReply {
  opcode: number
  status: number
  opaque: number
  casHi: number
  casLo: number
  buf: Buffer
  extrasStart: number
  keyStart: number
  valueStart: number
  valueEnd: number
}

/** Options of `BinaryReplyParser`. */
export interface BinaryReplyParserOptions {
  /** Longest value in bytes. */
  valueBytesMax?: number
}

/**
 * Client side parser of memcached's binary protocol.
 *
 * @example
 * const parser = new BinaryReplyParser()
 * socket.on('data', (chunk) => parser.push(chunk, (reply) => settle(reply.opaque, reply.status)))
 */
export class BinaryReplyParser {
  readonly #bodyBytesMax: number
  readonly #reply: BinaryReply = {
    opcode: 0,
    status: 0,
    opaque: 0,
    casHi: 0,
    casLo: 0,
    buf: EMPTY,
    extrasStart: 0,
    keyStart: 0,
    valueStart: 0,
    valueEnd: 0,
  }
  /** The beginning of a reply that is split; as long as the whole reply once that is known. */
  #partial: Buffer = EMPTY
  #partialBytes = 0

  constructor(options: BinaryReplyParserOptions = {}) {
    this.#bodyBytesMax =
      (options.valueBytesMax ?? VALUE_BYTES_MAX_DEFAULT) + BODY_BEYOND_VALUE_BYTES
  }

  /** Bytes of an incomplete reply that the parser holds. */
  get bufferedBytes(): number {
    return this.#partialBytes
  }

  /**
   * Takes ownership of the chunk and reports the replies that it completes, in order. Throws
   * `ProtocolError` at bytes that are no reply; the parser is of no use after that.
   */
  push(chunk: Buffer, onReply: (reply: BinaryReply) => void): void {
    let at = this.#partialBytes > 0 ? this.#complete(chunk, onReply) : 0
    while (at < chunk.length) {
      const left = chunk.length - at
      const replyBytes = left < BINARY_HEADER_BYTES ? 0 : this.#replyBytes(chunk, at)
      if (replyBytes === 0 || left < replyBytes) {
        this.#partial = Buffer.allocUnsafe(Math.max(replyBytes, BINARY_HEADER_BYTES))
        this.#partialBytes = chunk.copy(this.#partial, 0, at)
        return
      }
      this.#report(chunk, at, replyBytes, onReply)
      at += replyBytes
    }
  }

  /** Goes on with the split reply; returns how much of the chunk that took. */
  #complete(chunk: Buffer, onReply: (reply: BinaryReply) => void): number {
    let at = 0
    if (this.#partialBytes < BINARY_HEADER_BYTES) {
      at = this.#gather(chunk, 0, BINARY_HEADER_BYTES)
      if (this.#partialBytes < BINARY_HEADER_BYTES) return at
      const whole = Buffer.allocUnsafe(this.#replyBytes(this.#partial, 0))
      this.#partial.copy(whole, 0, 0, BINARY_HEADER_BYTES)
      this.#partial = whole
    }
    at += this.#gather(chunk, at, this.#partial.length)
    if (this.#partialBytes < this.#partial.length) return at
    const whole = this.#partial
    this.#partial = EMPTY
    this.#partialBytes = 0
    this.#report(whole, 0, whole.length, onReply)
    return at
  }

  #gather(chunk: Buffer, from: number, upTo: number): number {
    const end = Math.min(chunk.length, from + upTo - this.#partialBytes)
    const copied = chunk.copy(this.#partial, this.#partialBytes, from, end)
    this.#partialBytes += copied
    return copied
  }

  #replyBytes(buf: Buffer, at: number): number {
    if (buf[at] !== BINARY_RESPONSE_MAGIC) throw new ProtocolError('not a binary reply')
    const bodyBytes = readUint32(buf, at + BinaryOffset.BodyBytes)
    if (bodyBytes > this.#bodyBytesMax) throw new ProtocolError('binary reply too long')
    const keyBytes = readUint16(buf, at + BinaryOffset.KeyBytes)
    const extrasBytes = buf[at + BinaryOffset.ExtrasBytes] ?? 0
    if (keyBytes + extrasBytes > bodyBytes)
      throw new ProtocolError('binary reply contradicts itself')
    return BINARY_HEADER_BYTES + bodyBytes
  }

  #report(buf: Buffer, at: number, bytes: number, onReply: (reply: BinaryReply) => void): void {
    const reply = this.#reply
    reply.opcode = buf[at + BinaryOffset.Opcode] ?? 0
    reply.status = readUint16(buf, at + BinaryOffset.Status)
    reply.opaque = readUint32(buf, at + BinaryOffset.Opaque)
    reply.casHi = readUint32(buf, at + BinaryOffset.Cas)
    reply.casLo = readUint32(buf, at + BinaryOffset.Cas + 4)
    reply.buf = buf
    reply.extrasStart = at + BINARY_HEADER_BYTES
    reply.keyStart = reply.extrasStart + (buf[at + BinaryOffset.ExtrasBytes] ?? 0)
    reply.valueStart = reply.keyStart + readUint16(buf, at + BinaryOffset.KeyBytes)
    reply.valueEnd = at + bytes
    onReply(reply)
  }
}
