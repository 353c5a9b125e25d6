// CRC-32 with zlib's polynomial over a slice, as the vBucket hash needs it: no subarray, no copy.

const TABLE: Int32Array = Int32Array.from({ length: 256 }, (_, index) => {
  let crc = index
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1
  return crc
})

/** CRC-32 (zlib) of `buf[start..end)`, unsigned. */
export function crc32(buf: Uint8Array, start = 0, end: number = buf.length): number {
  let crc = -1
  for (let at = start; at < end; at++) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (buf[at] ?? 0)) & 0xff] ?? 0)
  }
  return ~crc >>> 0
}
