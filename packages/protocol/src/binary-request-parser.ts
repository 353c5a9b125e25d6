// Frames memcached's binary protocol on the server side: finds headers and bodies in chunks of any
// size and hands each request over in the reused MemcachedRequest. What a header and its key and
// extras ask for is binary-request-header.ts's matter.
//
// A request that lies wholly in one chunk is read in place; a partial one is collected in a buffer
// of its own that grows with the bytes that arrive. A header that is refused is answered at once:
// its body is skipped as it comes, or the connection ends when the body is beyond all bounds.
// Memory held: one request, bounded.

import { BINARY_HEADER_BYTES } from './binary.ts'
import { BinaryRequestHeader } from './binary-request-header.ts'
import { VALUE_BYTES_MAX_DEFAULT } from './limits.ts'
import { type MemcachedRequest, Op } from './request.ts'

const PARTIAL_FIRST_BYTES_MAX = 1024 * 1024
const EMPTY: Buffer = Buffer.alloc(0)

/** Options of `BinaryRequestParser`. */
export interface BinaryRequestParserOptions {
  /** Longest value in bytes; longer ones are swallowed and answered with an error. */
  valueBytesMax?: number
  /** Takes what is sent to a vBucket port: Couchbase's opcodes, and requests with frames. */
  vBuckets?: boolean
}

/**
 * Server side parser of memcached's binary protocol. Stops by itself after quit or a fatal error.
 *
 * @example
 * const parser = new BinaryRequestParser()
 * socket.on('data', (chunk) => parser.push(chunk, (request) => handle(request)))
 */
export class BinaryRequestParser {
  readonly #header: BinaryRequestHeader
  /** Header and body so far of the request that is arriving. */
  #partial: Buffer = EMPTY
  #partialBytes = 0
  #swallowBytes = 0
  #stopped = false

  constructor(options: BinaryRequestParserOptions = {}) {
    this.#header = new BinaryRequestHeader(
      options.valueBytesMax ?? VALUE_BYTES_MAX_DEFAULT,
      options.vBuckets ?? false,
    )
  }

  /** Bytes of an incomplete request that the parser holds. */
  get bufferedBytes(): number {
    return this.#partialBytes
  }

  /** True between two requests: nothing of the bytes so far matters to those to come. */
  get idle(): boolean {
    return this.#partialBytes === 0 && this.#swallowBytes === 0 && !this.#stopped
  }

  /** Ignores everything from here on, also what is left of the chunk being parsed. */
  stop(): void {
    this.#stopped = true
    this.#drop()
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
    let at = from
    if (this.#swallowBytes > 0) at = this.#swallow(chunk, at)
    if (this.#partialBytes > 0) at = this.#continue(chunk, at, onRequest)
    while (at < until && !this.#stopped) at = this.#parse(chunk, at, onRequest)
    return at
  }

  /** Reads the request at `from`, or keeps its part; returns where the next one starts. */
  #parse(buf: Buffer, from: number, onRequest: (request: MemcachedRequest) => void): number {
    const here = buf.length - from
    if (here < BINARY_HEADER_BYTES && this.#header.begins(buf[from])) {
      return this.#keep(buf, from, BINARY_HEADER_BYTES)
    }
    if (!this.#header.accept(buf, from)) return this.#refuse(buf, from, onRequest)
    const needed = BINARY_HEADER_BYTES + this.#header.bodyBytes
    if (here < needed) return this.#keep(buf, from, needed)
    this.#report(buf, from, onRequest)
    return from + needed
  }

  #report(buf: Buffer, from: number, onRequest: (request: MemcachedRequest) => void): void {
    const request = this.#header.request
    this.#header.read(buf, from)
    onRequest(request)
    if (request.op === Op.Quit || request.fatal) this.stop()
  }

  /** Reports a request whose header says that it is wrong, and skips its body. */
  #refuse(buf: Buffer, from: number, onRequest: (request: MemcachedRequest) => void): number {
    const request = this.#header.request
    this.#swallowBytes = this.#header.bodyBytes
    onRequest(request)
    if (request.fatal) this.stop()
    return this.#swallow(buf, Math.min(buf.length, from + BINARY_HEADER_BYTES))
  }

  #keep(buf: Buffer, from: number, needed: number): number {
    const here = buf.length - from
    const room = Math.max(here, Math.min(needed, PARTIAL_FIRST_BYTES_MAX))
    this.#partial = Buffer.allocUnsafe(room)
    buf.copy(this.#partial, 0, from)
    this.#partialBytes = here
    return buf.length
  }

  #continue(chunk: Buffer, from: number, onRequest: (request: MemcachedRequest) => void): number {
    let at = from
    if (this.#partialBytes < BINARY_HEADER_BYTES) {
      at = this.#collect(chunk, at, BINARY_HEADER_BYTES)
      if (this.#partialBytes < BINARY_HEADER_BYTES) return at
    }
    const partial = this.#partial
    if (!this.#header.accept(partial, 0)) {
      this.#drop()
      this.#refuse(partial, 0, onRequest)
      return this.#swallow(chunk, at)
    }
    const needed = BINARY_HEADER_BYTES + this.#header.bodyBytes
    at = this.#collect(chunk, at, needed)
    if (this.#partialBytes < needed) return at
    const whole = this.#partial
    this.#drop()
    this.#report(whole, 0, onRequest)
    return at
  }

  /** Moves bytes of the chunk to the partial request until it has `needed`. */
  #collect(chunk: Buffer, from: number, needed: number): number {
    const held = this.#partialBytes
    const taken = Math.min(needed - held, chunk.length - from)
    if (held + taken > this.#partial.length) {
      const room = Math.min(needed, Math.max(held + taken, this.#partial.length * 2))
      const larger = Buffer.allocUnsafe(room)
      this.#partial.copy(larger, 0, 0, held)
      this.#partial = larger
    }
    chunk.copy(this.#partial, held, from, from + taken)
    this.#partialBytes = held + taken
    return from + taken
  }

  #swallow(buf: Buffer, from: number): number {
    const skipped = Math.min(this.#swallowBytes, buf.length - from)
    this.#swallowBytes -= skipped
    return from + skipped
  }

  #drop(): void {
    this.#partial = EMPTY
    this.#partialBytes = 0
  }
}
