// CRC-16/XMODEM over a slice: the hash by which an engine in cluster mode finds a key's slot.

/** Slots of an engine cluster. */
export const SLOTS = 16_384

const TABLE: Uint16Array = Uint16Array.from({ length: 256 }, (_, index) => {
  let crc = index << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

const OPEN_BRACE = 123
const CLOSE_BRACE = 125

/** CRC-16 (XMODEM) of `buf[start..end)`. */
export function crc16(buf: Uint8Array, start = 0, end: number = buf.length): number {
  let crc = 0
  for (let at = start; at < end; at++) {
    crc = ((crc << 8) & 0xffff) ^ (TABLE[(crc >>> 8) ^ (buf[at] ?? 0)] ?? 0)
  }
  return crc
}

/** The engine's slot of a key, by its hash tag if it has one (Redis cluster specification). */
export function slotOf(buf: Uint8Array, start = 0, end: number = buf.length): number {
  for (let open = start; open < end; open++) {
    if (buf[open] !== OPEN_BRACE) continue
    let close = open + 1
    while (close < end && buf[close] !== CLOSE_BRACE) close++
    const tagged = close < end && close > open + 1
    return (tagged ? crc16(buf, open + 1, close) : crc16(buf, start, end)) % SLOTS
  }
  return crc16(buf, start, end) % SLOTS
}
