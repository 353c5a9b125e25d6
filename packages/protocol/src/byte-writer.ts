// The growable output buffer behind every reply and command. Bytes are written into a slab; `take`
// hands out what was written and goes on in the rest of the slab, so small flushes cost no
// allocation of their own and nothing handed out is ever overwritten. `sendTo` does the same for
// sockets, and uses the memory again that they have sent (send-slab.ts).

import { SEND_SLAB_BYTES, SendSlab, takeSendSlab } from './send-slab.ts'

/** A writer begins with small slabs, for the many connections that are mostly idle. */
const FIRST_SLAB_BYTES = 4096
/** Room behind a large value for what ends its reply. */
const BEHIND_BYTES = 64
const EMPTY: SendSlab = new SendSlab(0)
/** Below this a byte loop beats the native copy. */
const SHORT_COPY_BYTES = 40
const ZERO = 48
const DOLLAR = 36
const CARRIAGE_RETURN = 13
const LINE_FEED = 10

/** Where a writer's bytes go: it holds the slab for as long as it needs them. */
export interface ByteSink {
  /** Bytes written that are not sent yet. */
  readonly backlogBytes: number
  write(chunk: Buffer, slab: SendSlab): void
}

/**
 * Growable output buffer of one connection.
 *
 * @example
 * writer.ascii('STORED\r\n')
 * socket.write(writer.take())
 */
export class ByteWriter {
  #slabOwner: SendSlab = EMPTY
  /** Memory of `#slabOwner`. */
  #slab: Buffer = EMPTY.memory
  #nextSlabBytes = FIRST_SLAB_BYTES
  #start = 0
  #at = 0

  /** Bytes written since the last `take`. */
  get length(): number {
    return this.#at - this.#start
  }

  /** Makes room for this many more bytes, so that they end up contiguous. */
  ensure(bytes: number): void {
    if (this.#at + bytes > this.#slab.length) this.#grow(bytes)
  }

  /** Appends one byte. */
  byte(value: number): void {
    this.ensure(1)
    this.#slab[this.#at++] = value
  }

  /** Appends a slice. */
  bytes(buf: Buffer, start = 0, end: number = buf.length): void {
    const count = end - start
    this.ensure(count)
    const slab = this.#slab
    let at = this.#at
    if (count < SHORT_COPY_BYTES) {
      for (let from = start; from < end; from++) slab[at++] = buf[from] ?? 0
    } else {
      buf.copy(slab, at, start, end)
      at += count
    }
    this.#at = at
  }

  /** Appends prefix and slice as one bulk string of RESP; both short, as keys are. */
  shortBulk(prefix: Uint8Array, buf: Uint8Array, start: number, end: number): void {
    const prefixBytes = prefix.length
    const count = prefixBytes + end - start
    this.ensure(count + 24)
    const slab = this.#slab
    slab[this.#at++] = DOLLAR
    this.#digits(count, count < 10 ? 1 : count < 100 ? 2 : digitsOf(count))
    let at = this.#at
    slab[at++] = CARRIAGE_RETURN
    slab[at++] = LINE_FEED
    for (let from = 0; from < prefixBytes; from++) slab[at++] = prefix[from] ?? 0
    for (let from = start; from < end; from++) slab[at++] = buf[from] ?? 0
    slab[at++] = CARRIAGE_RETURN
    slab[at++] = LINE_FEED
    this.#at = at
  }

  /** Appends a string of ASCII characters. */
  ascii(text: string): void {
    const count = text.length
    this.ensure(count)
    if (count > 64) {
      this.#at += this.#slab.write(text, this.#at, 'latin1')
      return
    }
    const slab = this.#slab
    const at = this.#at
    for (let index = 0; index < count; index++) slab[at + index] = text.charCodeAt(index)
    this.#at = at + count
  }

  /** Appends a safe integer in decimal. */
  int(value: number): void {
    this.ensure(20)
    let rest = value
    if (rest < 0) {
      this.#slab[this.#at++] = 45
      rest = -rest
    }
    this.#digits(rest, digitsOf(rest))
  }

  /** Appends an unsigned 64 bit number, given as two halves, in decimal. */
  u64(hi: number, lo: number): void {
    if (hi < 0x20_0000) {
      this.int(hi * 0x1_0000_0000 + lo)
      return
    }
    // Long division by 10^9 in 16 bit steps: quotient and remainder are both safe integers.
    let rest = hi >>> 16
    let quotient = 0
    for (const limb of [hi & 0xffff, lo >>> 16, lo & 0xffff]) {
      rest = rest * 0x1_0000 + limb
      const step = Math.floor(rest / 1e9)
      quotient = quotient * 0x1_0000 + step
      rest -= step * 1e9
    }
    this.int(quotient)
    this.ensure(9)
    this.#digits(rest, 9)
  }

  /** Appends four bytes, most significant first. */
  u32be(value: number): void {
    this.ensure(4)
    const slab = this.#slab
    const at = this.#at
    slab[at] = value >>> 24
    slab[at + 1] = value >>> 16
    slab[at + 2] = value >>> 8
    slab[at + 3] = value
    this.#at = at + 4
  }

  /** Hands out what was written since the last call; the caller owns those bytes. */
  take(): Buffer {
    const taken = this.#slab.subarray(this.#start, this.#at)
    this.#slabOwner.hold()
    this.#goOn()
    return taken
  }

  /** Sends what was written. Memory that the sink does not hold then is used again. */
  sendTo(sink: ByteSink): void {
    const slab = this.#slabOwner
    const sent = this.#slab.subarray(this.#start, this.#at)
    sink.write(sent, slab)
    if (!slab.held) this.#at = 0
    else if (sink.backlogBytes === 0) this.#at = this.#start
    // What comes next is likely to be as long, and would have to be moved on the way.
    else if (this.#slab.length - this.#at < sent.length) this.#leave()
    this.#goOn()
  }

  #goOn(): void {
    this.#start = this.#at
    if (this.#slab.length > SEND_SLAB_BYTES) this.#leave()
  }

  #leave(): void {
    this.#slabOwner.leave()
    this.#slabOwner = EMPTY
    this.#slab = EMPTY.memory
    this.#start = 0
    this.#at = 0
  }

  #digits(value: number, count: number): void {
    const slab = this.#slab
    let rest = value
    let at = this.#at + count
    this.#at = at
    for (let left = count; left > 0; left--) {
      const next = rest < 0x8000_0000 ? (rest / 10) | 0 : Math.floor(rest / 10)
      slab[--at] = ZERO + (rest - next * 10)
      rest = next
    }
  }

  #grow(bytes: number): void {
    const written = this.#at - this.#start
    const needed = written + bytes
    let room = Math.max(this.#nextSlabBytes, needed + Math.max(written, BEHIND_BYTES))
    // Room beyond the largest slab only for those who need it: it is not kept.
    if (room > SEND_SLAB_BYTES / 2 && needed <= SEND_SLAB_BYTES) room = SEND_SLAB_BYTES
    const larger = takeSendSlab(room)
    this.#nextSlabBytes = Math.min(this.#nextSlabBytes * 2, SEND_SLAB_BYTES)
    this.#slab.copy(larger.memory, 0, this.#start, this.#at)
    this.#slabOwner.leave()
    this.#slabOwner = larger
    this.#slab = larger.memory
    this.#start = 0
    this.#at = written
  }
}

function digitsOf(value: number): number {
  let count = 1
  for (let limit = 10; value >= limit; limit *= 10) count++
  return count
}
