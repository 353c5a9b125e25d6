/**
 * Memory for what sockets read. A socket reads into a buffer that all sockets of the thread share
 * and that the next read overwrites; what arrived is copied from there into a slab, and handed out
 * as a slice that is never written again. One large allocation then serves thousands of small
 * reads, where a buffer per read would cost about a fifth more CPU.
 */

/** Largest read; also what one socket may take at a time. */
export const READ_BYTES_MAX: number = 64 * 1024
const SLAB_BYTES: number = 256 * 1024
/** Copies of at least this much get memory of their own, so that they pin nothing else. */
const LARGE_BYTES: number = 32 * 1024

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
