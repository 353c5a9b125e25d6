/**
 * The items of a shard as bytes, on the wire and in a backup's files: one frame for each item and
 * one that ends the stream, without which it was cut off. Pure. Numbers are big endian;
 * the expiry is Unix time in ms, 0 never.
 *
 *   item:  1 | key bytes u16 | value bytes u32 | flags u32 | expires at u64 | key | value
 *   end:   2 | items u64
 */

/** One item: what its client has stored. */
export interface ShardItem {
  key: Buffer
  value: Buffer
  flags: number
  /** Unix time in ms; 0 never expires. */
  expiresAtMs: number
}

/** Media type of such a stream. */
export const SHARD_MEDIA_TYPE = 'application/x-holdfast-items'

const ITEM = 1
const END = 2
const ITEM_HEAD_BYTES = 19
const END_BYTES = 9
/** Larger than any item that a bucket takes: more is no frame of ours. */
const VALUE_BYTES_MAX: number = 64 * 1024 * 1024

/** Raised for bytes that are no such stream. */
export class ShardFrameError extends Error {
  readonly code = 'HOLDFAST_SHARD_FRAME'
}

/** The bytes of one item. */
export function itemFrame({ key, value, flags, expiresAtMs }: ShardItem): Buffer {
  const frame = Buffer.allocUnsafe(ITEM_HEAD_BYTES + key.length + value.length)
  frame[0] = ITEM
  frame.writeUInt16BE(key.length, 1)
  frame.writeUInt32BE(value.length, 3)
  frame.writeUInt32BE(flags, 7)
  frame.writeBigUInt64BE(BigInt(expiresAtMs), 11)
  key.copy(frame, ITEM_HEAD_BYTES)
  value.copy(frame, ITEM_HEAD_BYTES + key.length)
  return frame
}

/** The bytes that end a stream of so many items. */
export function endFrame(items: number): Buffer {
  const frame = Buffer.allocUnsafe(END_BYTES)
  frame[0] = END
  frame.writeBigUInt64BE(BigInt(items), 1)
  return frame
}

/** Takes a stream apart, in whatever pieces it comes. Keeps no more than one item. */
export class ShardFrameReader {
  #rest: Buffer = Buffer.alloc(0)
  #items = 0
  #ended = false

  /** Items read. */
  get items(): number {
    return this.#items
  }

  /** The stream has ended as it should. */
  get ended(): boolean {
    return this.#ended
  }

  /** The items that are whole with this piece. Throws {@link ShardFrameError}. */
  *read(piece: Buffer): Generator<ShardItem> {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    let at = 0
    for (;;) {
      const next = this.#frameEnd(bytes, at)
      if (next === null) break
      if (bytes[at] === END) this.#end(Number(bytes.readBigUInt64BE(at + 1)))
      else {
        this.#items++
        yield itemAt(bytes, at)
      }
      at = next
    }
    this.#rest = Buffer.from(bytes.subarray(at))
  }

  /** Where the frame ends that begins at `at`; null when it is not all there. */
  #frameEnd(bytes: Buffer, at: number): number | null {
    const kind = bytes[at]
    if (kind === undefined) return null
    if (this.#ended) throw new ShardFrameError('there are bytes behind the end of the items')
    if (kind === END) return at + END_BYTES <= bytes.length ? at + END_BYTES : null
    if (kind !== ITEM) throw new ShardFrameError(`${kind} begins no item`)
    if (at + ITEM_HEAD_BYTES > bytes.length) return null
    const valueBytes = bytes.readUInt32BE(at + 3)
    if (valueBytes > VALUE_BYTES_MAX) throw new ShardFrameError(`a value of ${valueBytes} bytes`)
    const end = at + ITEM_HEAD_BYTES + bytes.readUInt16BE(at + 1) + valueBytes
    return end <= bytes.length ? end : null
  }

  #end(items: number): void {
    if (items !== this.#items) {
      throw new ShardFrameError(`${this.#items} items have come, ${items} were sent`)
    }
    this.#ended = true
  }
}

function itemAt(bytes: Buffer, at: number): ShardItem {
  const keyStart = at + ITEM_HEAD_BYTES
  const valueStart = keyStart + bytes.readUInt16BE(at + 1)
  return {
    key: bytes.subarray(keyStart, valueStart),
    value: bytes.subarray(valueStart, valueStart + bytes.readUInt32BE(at + 3)),
    flags: bytes.readUInt32BE(at + 7),
    expiresAtMs: Number(bytes.readBigUInt64BE(at + 11)),
  }
}
