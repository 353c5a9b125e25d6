// The value as the engine stores it: 12 bytes of header (flags, then the CAS stamp, big endian),
// then the client's bytes. The engine's function library reads the same layout.

import type { ByteWriter } from './byte-writer.ts'

/** Length of the header before the client's bytes. */
export const ITEM_HEADER_BYTES = 12

/** Appends the header. */
export function writeItemHeader(w: ByteWriter, flags: number, casHi: number, casLo: number): void {
  w.u32be(flags)
  w.u32be(casHi)
  w.u32be(casLo)
}

/** Reads the client flags of the item at `start`. */
export function readFlags(buf: Uint8Array, start: number): number {
  return readUint32(buf, start)
}

/** Reads the upper half of the CAS stamp of the item at `start`. */
export function readCasHi(buf: Uint8Array, start: number): number {
  return readUint32(buf, start + 4)
}

/** Reads the lower half of the CAS stamp of the item at `start`. */
export function readCasLo(buf: Uint8Array, start: number): number {
  return readUint32(buf, start + 8)
}

function readUint32(buf: Uint8Array, at: number): number {
  const upper = ((buf[at] ?? 0) << 24) | ((buf[at + 1] ?? 0) << 16)
  return (upper | ((buf[at + 2] ?? 0) << 8) | (buf[at + 3] ?? 0)) >>> 0
}
