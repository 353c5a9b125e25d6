/**
 * Damage for fuzz inputs: valid messages of a grammar, glued, then bent in the ways that parsers
 * get wrong: bits flipped, bytes replaced, parts cut out, repeated or moved, numbers put at their
 * limits, as digits and as binary words. Everything is drawn by fast-check, so it shrinks to the
 * least damage that still shows a defect.
 */
import fc from 'fast-check'

/** Decimal numbers at and beyond the limits that parsers have. */
export const LIMIT_NUMBERS: readonly string[] = [
  ...['', '0', '-0', '-1', '1', '00', '249', '250', '251', '1023', '1024', '2047', '2048', '2049'],
  ...['65535', '65536', '1048575', '1048576', '2592000', '2592001', '20971520', '20971521'],
  ...['2147483647', '2147483648', '-2147483648', '4294967295', '4294967296', '9007199254740993'],
  ...['9223372036854775807', '9223372036854775808', '18446744073709551615'],
  ...['18446744073709551616', '99999999999999999999', '1e3', '0x10', `1${'0'.repeat(40)}`],
]

const LIMIT_BYTES = [0, 1, 9, 10, 13, 32, 34, 39, 44, 45, 48, 58, 61, 92, 123, 127, 128, 129, 255]
const LIMIT_WORDS = [0, 1, 8, 20, 24, 250, 251, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff]
const WORD_BYTES = [1, 2, 4, 8]
const REPEATS_MAX = 24
/** Growth by repeating stops here, so that an input stays cheap. */
const GROWN_BYTES_MAX = 64 * 1024

const KINDS = [
  ...['flip', 'replace', 'remove', 'repeat', 'insert', 'copy'],
  ...['number', 'cut', 'word'],
] as const

interface Damage {
  readonly kind: (typeof KINDS)[number]
  readonly at: number
  readonly span: number
  readonly pick: number
}

const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom(...KINDS),
  at: fc.nat(0xffff),
  span: fc.nat(40),
  pick: fc.nat(0xffff),
})

/** Up to `messagesMax` messages, glued and, most of the time, damaged. */
export function damagedBytes(message: fc.Arbitrary<Buffer>, messagesMax = 6): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.array(message, { maxLength: messagesMax }), fc.array(damage, { maxLength: 4 }))
    .map(([messages, damages]) => damages.reduce(applyDamage, Buffer.concat(messages)))
}

/** A text and, most of the time, damage done to its UTF-8 bytes. */
export function damagedText(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return damagedBytes(
    text.map((valid) => Buffer.from(valid)),
    1,
  ).map((bytes) => bytes.toString('utf8'))
}

/** Numbers that matter, and some others. */
export function numberText(): fc.Arbitrary<string> {
  return fc.oneof(fc.constantFrom(...LIMIT_NUMBERS), fc.nat(300).map(String))
}

function applyDamage(bytes: Buffer, { kind, at: place, span, pick }: Damage): Buffer {
  const at = bytes.length === 0 ? 0 : place % bytes.length
  const end = Math.min(bytes.length, at + span)
  const before = bytes.subarray(0, at)
  switch (kind) {
    case 'flip':
      return splice(bytes, at, at + 1, Buffer.from([(bytes[at] ?? 0) ^ (1 << (pick & 7))]))
    case 'replace':
      return splice(bytes, at, at + 1, Buffer.from([LIMIT_BYTES[pick % LIMIT_BYTES.length] ?? 0]))
    case 'remove':
      return splice(bytes, at, end, Buffer.alloc(0))
    case 'repeat':
      return repeat(bytes, at, end, 1 + (pick % REPEATS_MAX))
    case 'insert':
      return splice(bytes, at, at, noise(span, pick))
    case 'copy': {
      const to = bytes.length === 0 ? 0 : pick % bytes.length
      return splice(bytes, to, to, Buffer.from(bytes.subarray(at, end)))
    }
    case 'number':
      return replaceNumber(bytes, at, LIMIT_NUMBERS[pick % LIMIT_NUMBERS.length] ?? '')
    case 'cut':
      return Buffer.from(before)
    case 'word':
      return overwriteWord(bytes, at, pick)
    default:
      throw new Error(`bug: unknown damage ${kind satisfies never}`)
  }
}

function splice(bytes: Buffer, from: number, to: number, put: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(to)])
}

function repeat(bytes: Buffer, from: number, to: number, times: number): Buffer {
  if (bytes.length + (to - from) * times > GROWN_BYTES_MAX) return bytes
  const part = bytes.subarray(from, to)
  return splice(bytes, from, from, Buffer.concat(new Array<Buffer>(times).fill(part)))
}

function noise(length: number, seed: number): Buffer {
  let state = seed + 1
  return Buffer.from(
    Array.from({ length }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return state >>> 24
    }),
  )
}

/** Puts another number in the place of the first digits from `from` on. */
function replaceNumber(bytes: Buffer, from: number, text: string): Buffer {
  let start = from
  while (start < bytes.length && !isDigit(bytes[start])) start++
  let end = start
  while (end < bytes.length && isDigit(bytes[end])) end++
  return start === end ? bytes : splice(bytes, start, end, Buffer.from(text))
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57
}

/** Puts a big-endian number of 1, 2, 4 or 8 bytes over what is there. */
function overwriteWord(bytes: Buffer, at: number, pick: number): Buffer {
  const length = Math.min(WORD_BYTES[pick & 3] ?? 1, bytes.length - at)
  const value = LIMIT_WORDS[(pick >> 2) % LIMIT_WORDS.length] ?? 0
  const word = Buffer.alloc(8)
  word.writeBigUInt64BE(BigInt(value))
  return splice(bytes, at, at + length, word.subarray(8 - length))
}
