// The replies of memcached's text protocol, server side: the constant ones as bytes, ready to be
// written, and VALUE items written into a ByteWriter without a string in between.

import type { ByteWriter } from './byte-writer.ts'

export const END: Buffer = Buffer.from('END\r\n')
export const STORED: Buffer = Buffer.from('STORED\r\n')
export const NOT_STORED: Buffer = Buffer.from('NOT_STORED\r\n')
export const EXISTS: Buffer = Buffer.from('EXISTS\r\n')
export const NOT_FOUND: Buffer = Buffer.from('NOT_FOUND\r\n')
export const DELETED: Buffer = Buffer.from('DELETED\r\n')
export const TOUCHED: Buffer = Buffer.from('TOUCHED\r\n')
export const OK: Buffer = Buffer.from('OK\r\n')
export const RESET: Buffer = Buffer.from('RESET\r\n')
export const ERROR: Buffer = Buffer.from('ERROR\r\n')
export const TOO_LARGE: Buffer = Buffer.from('SERVER_ERROR object too large for cache\r\n')

const VALUE: Buffer = Buffer.from('VALUE ')
const SPACE = 32

/** Appends the line end `\r\n`. */
export function writeLineEnd(w: ByteWriter): void {
  w.byte(13)
  w.byte(10)
}

/** Appends a reply line, `text` without its line end. */
export function writeLine(w: ByteWriter, text: string): void {
  w.ascii(text)
  writeLineEnd(w)
}

/** Appends one VALUE item of a get reply; with the CAS halves, one of a gets reply. */
export function writeValue(
  w: ByteWriter,
  key: Buffer,
  keyStart: number,
  keyEnd: number,
  flags: number,
  value: Buffer,
  valueStart: number,
  valueEnd: number,
  casHi?: number,
  casLo?: number,
): void {
  w.ensure(keyEnd - keyStart + valueEnd - valueStart + 64)
  w.bytes(VALUE)
  w.bytes(key, keyStart, keyEnd)
  w.byte(SPACE)
  w.int(flags)
  w.byte(SPACE)
  w.int(valueEnd - valueStart)
  if (casHi !== undefined && casLo !== undefined) {
    w.byte(SPACE)
    w.u64(casHi, casLo)
  }
  writeLineEnd(w)
  w.bytes(value, valueStart, valueEnd)
  writeLineEnd(w)
}

/** Appends one STAT item of a stats reply. */
export function writeStat(w: ByteWriter, name: string, value: string): void {
  writeLine(w, `STAT ${name} ${value}`)
}
