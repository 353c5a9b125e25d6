/**
 * Small steps over the bytes of a memcached reply, for pool-reply-parser.ts: pure, no allocation.
 */
import { ProtocolError } from '@holdfast/protocol'
import type { Operation } from './operation.ts'

/** No whole line or item yet. */
export const INCOMPLETE = -1
export const LINE_FEED = 10
export const SPACE = 32
const ZERO = 48
const LETTER_A = 65
export const LETTER_E = 69
const LETTER_L = 76
const LETTER_U = 85
const COUNT_DIGITS_MAX = 10
/** How far a byte loop looks for a line end before the native search takes over. */
export const SHORT_LINE_BYTES = 96

/** Whether the operation's key stands at `at`, with a space behind it. */
export function keyStandsAt(buf: Buffer, at: number, operation: Operation): boolean {
  const { buf: asked, keyStart, keyEnd } = operation
  const shift = at - keyStart
  if (buf[shift + keyEnd] !== SPACE) return false
  for (let i = keyStart; i < keyEnd; i++) {
    if (buf[shift + i] !== asked[i]) return false
  }
  return true
}

/** `VALUE `, to the byte, because an application may be given the item as it came. */
export function beginsItem(buf: Buffer, at: number): boolean {
  return (
    buf[at + 1] === LETTER_A &&
    buf[at + 2] === LETTER_L &&
    buf[at + 3] === LETTER_U &&
    buf[at + 4] === LETTER_E &&
    buf[at + 5] === SPACE
  )
}

/** Whether digits are some, and so few that their line lies within the bound of a short one. */
export function isCount(start: number, end: number): boolean {
  return end > start && end - start <= COUNT_DIGITS_MAX
}

/** The digit at `at`; anything else is no reply. */
export function digitAt(buf: Buffer, at: number): number {
  const digit = (buf[at] ?? 0) - ZERO
  if (digit < 0 || digit > 9) throw unexpected('digit')
  return digit
}

/** Where the next line feed before `end` is, or `INCOMPLETE`. */
export function findLineFeed(buf: Buffer, from: number, end: number): number {
  const near = Math.min(end, from + SHORT_LINE_BYTES)
  for (let at = from; at < near; at++) {
    if (buf[at] === LINE_FEED) return at
  }
  if (near === end) return INCOMPLETE
  const found = buf.indexOf(LINE_FEED, near)
  return found < end ? found : INCOMPLETE
}

/** What to throw when a server sends something else than it was asked for. */
export function unexpected(what: string): ProtocolError {
  return new ProtocolError(`unexpected ${what} in a reply`)
}
