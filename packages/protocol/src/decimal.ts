// Decimal numbers straight from bytes, without a string in between. The syntax is strtol's as far
// as memcached's clients use it: an optional sign and digits, the whole token, nothing else.
// (memcached also takes white space around the digits of a token; that stays an error here.)

const PLUS = 43
const MINUS = 45
const ZERO = 48

/** Most digits that always fit a safe integer. */
const SAFE_DIGITS_MAX = 15

/** Where `parseUint64` leaves its result: reused, so read it at once. */
export interface Uint64Halves {
  hi: number
  lo: number
}

/** Reads an unsigned decimal of up to 15 significant digits; -1 when the bytes are none. */
export function parseUnsigned(buf: Uint8Array, start: number, end: number): number {
  let at = start < end && buf[start] === PLUS ? start + 1 : start
  if (at >= end) return -1
  while (at < end - 1 && buf[at] === ZERO) at++
  if (end - at > SAFE_DIGITS_MAX) return -1
  let value = 0
  for (; at < end; at++) {
    const digit = (buf[at] ?? 0) - ZERO
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

/** Reads a signed decimal of up to 15 significant digits; NaN when the bytes are none. */
export function parseSigned(buf: Uint8Array, start: number, end: number): number {
  const negative = start < end && buf[start] === MINUS
  if (negative && buf[start + 1] === PLUS) return Number.NaN
  const value = parseUnsigned(buf, negative ? start + 1 : start, end)
  if (value < 0) return Number.NaN
  return negative && value > 0 ? -value : value
}

/** Reads an unsigned 64 bit decimal into two 32 bit halves; false when it is none or too large. */
export function parseUint64(
  buf: Uint8Array,
  start: number,
  end: number,
  out: Uint64Halves,
): boolean {
  let at = start < end && buf[start] === PLUS ? start + 1 : start
  if (at >= end) return false
  let hi = 0
  let lo = 0
  for (; at < end; at++) {
    const digit = (buf[at] ?? 0) - ZERO
    if (digit < 0 || digit > 9) return false
    const sum = lo * 10 + digit
    lo = sum >>> 0
    hi = hi * 10 + (sum - lo) / 0x1_0000_0000
    if (hi > 0xffff_ffff) return false
  }
  out.hi = hi
  out.lo = lo
  return true
}
