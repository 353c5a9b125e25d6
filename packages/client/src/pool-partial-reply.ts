/**
 * The begin of a reply that goes on in the next chunk, for pool-reply-parser.ts. It is collected in
 * memory that is used again (read-slab.ts) where the chunks lie in such memory too and the length
 * of the reply is known, else in a buffer of its own.
 */
import { currentReadSlab, type ReadSlab, roomForTurn, SLAB_ROOM_BYTES_MAX } from './read-slab.ts'

const EMPTY: Buffer = Buffer.alloc(0)

export class PartialReply {
  buf: Buffer = EMPTY
  /** How much of `buf` has come. */
  bytes = 0
  /** Memory of `buf` that is used again; held until the reply is dropped. */
  slab: ReadSlab | undefined = undefined

  /** Keeps what the chunk has from `at` on; `needed` is the length of the reply, 0 if unknown. */
  begin(chunk: Buffer, at: number, needed: number, slab: ReadSlab | undefined): void {
    const bytes = chunk.length - at
    const room = Math.max(needed, bytes)
    if (slab !== undefined && room <= SLAB_ROOM_BYTES_MAX) {
      this.buf = roomForTurn(room)
      this.#hold(currentReadSlab())
    } else {
      this.buf = Buffer.allocUnsafe(room)
    }
    chunk.copy(this.buf, 0, at)
    this.bytes = bytes
  }

  append(chunk: Buffer, at: number, count: number, needed: number): void {
    const bytes = this.bytes + count
    if (bytes > this.buf.length) {
      const larger = Buffer.allocUnsafe(Math.max(bytes, needed))
      this.buf.copy(larger, 0, 0, this.bytes)
      this.buf = larger
      this.#hold(undefined)
    }
    chunk.copy(this.buf, this.bytes, at, at + count)
    this.bytes = bytes
  }

  drop(): void {
    this.buf = EMPTY
    this.bytes = 0
    this.#hold(undefined)
  }

  #hold(slab: ReadSlab | undefined): void {
    if (this.slab !== undefined) this.slab.held--
    if (slab !== undefined) slab.held++
    this.slab = slab
  }
}
