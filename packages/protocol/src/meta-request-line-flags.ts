// The flags of a meta command line: one letter each, some with a value behind it. Reads them into
// the request and tells which were there; what they mean together is meta-request-line.ts's matter.
//
// Errors are memcached 1.6.18's: an unknown or repeated flag ends the reading with its own error,
// of bad values the last one counts, and any known flag is taken by any command.

import { parseSigned, parseUint64, parseUnsigned, type Uint64Halves } from './decimal.ts'
import type { MemcachedRequest } from './request.ts'
import { skipBlanks, skipWord } from './text-request-line-words.ts'

const BAD_FORMAT = 'CLIENT_ERROR bad command line format'
const BAD_TOKEN = 'CLIENT_ERROR bad token in command line format'
const BAD_MODE_LENGTH = 'CLIENT_ERROR incorrect length for M token'
const BAD_INITIAL = 'CLIENT_ERROR invalid numeric initial value'
const BAD_DELTA = 'CLIENT_ERROR invalid numeric delta value'
const BAD_KEY_CODE = 'CLIENT_ERROR error decoding key'
const DUPLICATE_FLAG = 'CLIENT_ERROR duplicate flag'
const INVALID_FLAG = 'CLIENT_ERROR invalid flag'

const UINT32_MAX = 0xffff_ffff
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** Byte values of the letters of flags and commands. */
export const MetaLetter = {
  Base64: 98,
  Cas: 99,
  CompareCas: 67,
  Delta: 68,
  NewCas: 69,
  ClientFlags: 70,
  FlagsAsked: 102,
  Hit: 104,
  Invalidate: 73,
  Initial: 74,
  Key: 107,
  LastAccess: 108,
  Mode: 77,
  Vivify: 78,
  Opaque: 79,
  Quiet: 113,
  Recache: 82,
  Size: 115,
  Ttl: 116,
  NewTtl: 84,
  NoAccess: 117,
  Value: 118,
  ValueOnly: 120,
} as const

/** Flags without a value to read: `has` tells of them, or they mean nothing to a server (P, L). */
const PLAIN: readonly number[] = Array.from(Buffer.from('cfhklqstuvxIOPL'))

/** The flags of the line read last. */
export class MetaFlags {
  /** What is wrong with them, or nothing. */
  error = ''
  /** The byte after M, or 0. */
  mode = 0

  readonly #request: MemcachedRequest
  readonly #uint64: Uint64Halves = { hi: 0, lo: 0 }
  /** Bits by letter. */
  #lower = 0
  #upper = 0

  constructor(request: MemcachedRequest) {
    this.#request = request
  }

  /** Reads the flags of the request, whose key may be decoded by them; false with an `error`. */
  read(): boolean {
    const request = this.#request
    const { buf, metaEnd } = request
    this.#lower = 0
    this.#upper = 0
    this.mode = 0
    this.error = ''
    let start = request.metaStart
    while (start < metaEnd) {
      const end = skipWord(buf, start, metaEnd)
      if (!this.#readFlag(buf[start] ?? 0, start, end)) return false
      start = skipBlanks(buf, end, metaEnd)
    }
    return this.error === ''
  }

  /** True when the line had the flag. */
  has(letter: number): boolean {
    return ((letter >= 97 ? this.#lower : this.#upper) & (1 << (letter & 31))) !== 0
  }

  /** False when the flag is unknown or was there before: nothing after it is looked at. */
  #readFlag(letter: number, start: number, end: number): boolean {
    if (!this.#see(letter)) return this.#stopAt(DUPLICATE_FLAG)
    const request = this.#request
    switch (letter) {
      case MetaLetter.Base64:
        if (!decodeKey(request)) this.error = BAD_KEY_CODE
        return true
      case MetaLetter.Vivify:
        request.special.vivifyExptime = this.#readExptime(start + 1, end)
        return true
      case MetaLetter.NewTtl:
        request.exptime = this.#readExptime(start + 1, end)
        return true
      case MetaLetter.Recache:
        request.special.recacheTtlSeconds = this.#readExptime(start + 1, end)
        return true
      case MetaLetter.ClientFlags:
        this.#readClientFlags(start + 1, end)
        return true
      case MetaLetter.CompareCas:
      case MetaLetter.NewCas:
      case MetaLetter.Initial:
      case MetaLetter.Delta:
        this.#readUint64(letter, start + 1, end)
        return true
      case MetaLetter.Mode:
        if (end - start === 2) this.mode = request.buf[start + 1] ?? 0
        else this.error = BAD_MODE_LENGTH
        return true
      default:
        return PLAIN.includes(letter) || this.#stopAt(INVALID_FLAG)
    }
  }

  #readExptime(start: number, end: number): number {
    const exptime = parseSigned(this.#request.buf, start, end)
    if (!Number.isNaN(exptime)) return exptime
    this.error = BAD_TOKEN
    return 0
  }

  #readClientFlags(start: number, end: number): void {
    const flags = parseUnsigned(this.#request.buf, start, end)
    if (flags >= 0 && flags <= UINT32_MAX) this.#request.flags = flags
    else if (this.error === '') this.error = BAD_FORMAT
  }

  #readUint64(letter: number, start: number, end: number): void {
    const request = this.#request
    const number = this.#uint64
    const valid = parseUint64(request.buf, start, end, number)
    if (letter === MetaLetter.CompareCas) {
      request.casHi = number.hi
      request.casLo = number.lo
      if (!valid) this.error = BAD_TOKEN
    } else if (letter === MetaLetter.NewCas) {
      request.special.newCasHi = number.hi
      request.special.newCasLo = number.lo
      if (!valid) this.error = BAD_TOKEN
    } else if (letter === MetaLetter.Initial) {
      request.special.initial = toBigInt(number)
      if (!valid) this.error = BAD_INITIAL
    } else {
      request.delta = toBigInt(number)
      if (!valid) this.error = BAD_DELTA
    }
  }

  /** Notes a flag; false when it was there before or cannot be one. */
  #see(letter: number): boolean {
    if (letter >= 127) return false
    const bit = 1 << (letter & 31)
    if (letter >= 97 && letter <= 122) {
      if ((this.#lower & bit) !== 0) return false
      this.#lower |= bit
    } else if (letter >= 65 && letter <= 90) {
      if ((this.#upper & bit) !== 0) return false
      this.#upper |= bit
    }
    return true
  }

  #stopAt(error: string): false {
    this.error = error
    return false
  }
}

/** Decodes the request's key where it is; false when it is not base64. */
export function decodeKey(request: MemcachedRequest): boolean {
  const start = request.keyStarts[0] ?? 0
  const text = request.buf.toString('latin1', start, request.keyEnds[0])
  if (!BASE64.test(text)) return false
  request.keyEnds[0] = start + request.buf.write(text, start, 'base64')
  request.keyEncoded = true
  return true
}

function toBigInt(number: Uint64Halves): bigint {
  return (BigInt(number.hi) << 32n) | BigInt(number.lo)
}
