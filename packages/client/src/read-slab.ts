/**
 * Memory for what sockets read. A socket reads into a buffer that all sockets of the thread share
 * and that the next read overwrites; what arrived is copied from there into a slab, and handed out
 * as a slice that is never written again. One large allocation then serves thousands of small
 * reads, where a buffer per read would cost about a fifth more CPU.
 *
 * Replies of servers are many and large, and most are done with at the end of the turn. They are
 * read straight into slabs that are used again; whoever needs a part for longer holds its slab.
 */

/** Largest read; also what one socket may take at a time. */
export const READ_BYTES_MAX: number = 64 * 1024
const SLAB_BYTES: number = 256 * 1024
/** Copies of at least this much get memory of their own, so that they pin nothing else. */
const LARGE_BYTES: number = 32 * 1024

/** Most that may be asked of `roomForTurn`. */
export const SLAB_ROOM_BYTES_MAX: number = READ_BYTES_MAX

/** The buffer that sockets of this thread read into. */
export const READ_BUFFER: Buffer = Buffer.allocUnsafeSlow(READ_BYTES_MAX)

let slab: Buffer = Buffer.alloc(0)
let at = 0

/** Copies `count` bytes at `start` of `source` to memory that is the caller's from then on. */
export function keepBytes(source: Buffer, start: number, count: number): Buffer {
  if (count >= LARGE_BYTES) {
    const own = Buffer.allocUnsafeSlow(count)
    source.copy(own, 0, start, start + count)
    return own
  }
  if (slab.length - at < count) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
    at = 0
  }
  source.copy(slab, at, start, start + count)
  const kept = slab.subarray(at, at + count)
  at += count
  return kept
}

/** Memory that several reads share; used again when no result in it is held. */
export interface ReadSlab {
  readonly memory: Buffer
  at: number
  /** Operations whose results lie in it and whose replies are not written. */
  held: number
}

const SPARE_SLABS_MAX = 16
const LEFT_SLABS_MAX = 64

const spare: ReadSlab[] = []
/** Slabs of `READ_BYTES_MAX` that sockets read straight into and have left, the oldest first. */
const left: ReadSlab[] = []
let current: ReadSlab | undefined
let latest: ReadSlab | undefined

/** The slab of the latest `keepForTurn`, `roomForTurn` or `readInto`. */
export function currentReadSlab(): ReadSlab | undefined {
  return latest
}

/** A slab for the next read of a socket: the same again, when nothing in it is held. */
export function slabToRead(own: ReadSlab | undefined): ReadSlab {
  if (own !== undefined) {
    if (own.held === 0) return own
    left.push(own)
    if (left.length > LEFT_SLABS_MAX) left.shift()
  }
  const free = left.findIndex(({ held }) => held === 0)
  const found = free < 0 ? undefined : left.splice(free, 1)[0]
  return found ?? { memory: Buffer.allocUnsafeSlow(READ_BYTES_MAX), at: 0, held: 0 }
}

/** What a socket has read into its slab. */
export function readInto(slab: ReadSlab, count: number): Buffer {
  latest = slab
  return slab.memory.subarray(0, count)
}

/**
 * As `keepBytes`, but the memory is used again soon: whoever keeps a part of it beyond the call
 * that hands it out counts itself in `currentReadSlab().held`, or copies it.
 */
export function keepForTurn(source: Buffer, start: number, count: number): Buffer {
  const kept = roomForTurn(count)
  source.copy(kept, 0, start, start + count)
  return kept
}

/** The same for bytes that are still to come, `SLAB_ROOM_BYTES_MAX` at most. */
export function roomForTurn(count: number): Buffer {
  let into = current
  if (into === undefined || into.memory.length - into.at < count) into = nextSlab()
  latest = into
  const room = into.memory.subarray(into.at, into.at + count)
  into.at += count
  return room
}

/** The same slab from its beginning, one that is free again, or a fresh one. */
function nextSlab(): ReadSlab {
  if (current !== undefined && current.held > 0) {
    spare.push(current)
    if (spare.length > SPARE_SLABS_MAX) spare.shift()
    const free = spare.findIndex(({ held }) => held === 0)
    current = free < 0 ? undefined : spare.splice(free, 1)[0]
  }
  current ??= { memory: Buffer.allocUnsafeSlow(SLAB_BYTES), at: 0, held: 0 }
  current.at = 0
  return current
}
