// The value as the engine and the embedded store keep it: 12 bytes of header, then the client's
// bytes. All big endian; the engine's function library reads the same layout.
//
//   0-3 client flags | 4-11 CAS word: 4 bits of marks, 60 bits of CAS stamp | 12- data
//
// Marks, from the top: stored by us (always set), stale (meta I), won (somebody was told to fill
// the item again), read before (by a meta command that asked). CAS stamps of cas-clock.ts leave
// these bits free, and readers never show them. A client's own CAS (meta E) keeps its lower 60
// bits.
//
// A value without the first mark, or shorter than a header, was written by somebody else. The mark
// is the top bit of the fifth byte, so no ASCII text can have it by chance; binary can.

import { readUint32 } from './binary.ts'
import type { ByteWriter } from './byte-writer.ts'

/** Length of the header before the client's bytes. */
export const ITEM_HEADER_BYTES = 12

/** Bits of the upper half of the CAS word that are no part of the CAS. */
export const ITEM_MARKS = 0xf000_0000

/** The mark of everything that we store. */
export const ITEM_OURS = 0x8000_0000

/** Marks that change in an item's life. */
export const ITEM_STALE = 0x4000_0000
export const ITEM_WON = 0x2000_0000
export const ITEM_READ = 0x1000_0000

/** The part of the upper half of the CAS word that is CAS. */
export const CAS_HI_MAX = 0x0fff_ffff

/** Appends the header of a fresh item. */
export function writeItemHeader(w: ByteWriter, flags: number, casHi: number, casLo: number): void {
  w.u32be(flags)
  w.u32be(casHi | ITEM_OURS)
  w.u32be(casLo)
}

/** Whether the value is one of ours, with a header. */
export function isOurItem(buf: Uint8Array, start: number, end: number): boolean {
  return end - start >= ITEM_HEADER_BYTES && (buf[start + 4] ?? 0) >= 0x80
}

/** Reads the client flags of the item at `start`. */
export function readFlags(buf: Uint8Array, start: number): number {
  return readUint32(buf, start)
}

/** Reads the upper half of the CAS of the item at `start`, without its marks. */
export function readCasHi(buf: Uint8Array, start: number): number {
  return readUint32(buf, start + 4) & CAS_HI_MAX
}

/** Reads the lower half of the CAS of the item at `start`. */
export function readCasLo(buf: Uint8Array, start: number): number {
  return readUint32(buf, start + 8)
}

/** Reads the marks of the item at `start`, at their places in the upper half of the CAS word. */
export function readMarks(buf: Uint8Array, start: number): number {
  return ((buf[start + 4] ?? 0) & 0xf0) << 24
}
