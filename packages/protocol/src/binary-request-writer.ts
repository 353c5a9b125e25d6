// The requests that a client sends in memcached's binary protocol, written straight from the bytes
// of the request that asked for them. One command object is reused for all requests of a
// connection, so that writing costs no allocation. What the fields mean for an operation is decided
// above; here is only the wire.

import { type BinaryHeader, createBinaryHeader, writeBinaryRequestHeader } from './binary.ts'
import type { ByteWriter } from './byte-writer.ts'
import { RELATIVE_EXPTIME_MAX_SECONDS } from './limits.ts'

const STORE_EXTRAS_BYTES = 8
const EXPIRY_EXTRAS_BYTES = 4
const COUNTER_EXTRAS_BYTES = 20
const UINT32_MAX = 0xffff_ffff
/** The first second that is read as a unix time, and long past. */
const EXPIRED = RELATIVE_EXPTIME_MAX_SECONDS + 1
const EMPTY: Buffer = Buffer.alloc(0)
const scratch: BinaryHeader = createBinaryHeader()

/** What every request has; one object may be reused for many. */
export interface BinaryCommand {
  opcode: number
  vBucket: number
  opaque: number
  casHi: number
  casLo: number
  /** What the offsets point into. */
  buf: Buffer
  keyStart: number
  keyEnd: number
  /** Both 0 when there is no value. */
  valueStart: number
  valueEnd: number
}

/** A command of zeros. */
export function createBinaryCommand(): BinaryCommand {
  return {
    opcode: 0,
    vBucket: 0,
    opaque: 0,
    casHi: 0,
    casLo: 0,
    buf: EMPTY,
    keyStart: 0,
    keyEnd: 0,
    valueStart: 0,
    valueEnd: 0,
  }
}

/** Appends a request without extras: get, delete, append, noop, SASL. */
export function writeBinaryCommand(w: ByteWriter, command: BinaryCommand): void {
  writeHeader(w, command, 0)
  writeKeyAndValue(w, command)
}

/** Appends set, add or replace; `exptime` as `binaryExptime` gives it. */
export function writeBinaryStore(
  w: ByteWriter,
  command: BinaryCommand,
  flags: number,
  exptime: number,
): void {
  writeHeader(w, command, STORE_EXTRAS_BYTES)
  w.u32be(flags)
  w.u32be(exptime)
  writeKeyAndValue(w, command)
}

/** Appends touch, get and touch, or a delayed flush. */
export function writeBinaryExpiry(w: ByteWriter, command: BinaryCommand, exptime: number): void {
  writeHeader(w, command, EXPIRY_EXTRAS_BYTES)
  w.u32be(exptime)
  writeKeyAndValue(w, command)
}

/** Appends incr or decr; `exptime` NO_VIVIFY_EXPTIME makes no missing counter. */
export function writeBinaryCounter(
  w: ByteWriter,
  command: BinaryCommand,
  counter: { delta: bigint; initial: bigint },
  exptime: number,
): void {
  writeHeader(w, command, COUNTER_EXTRAS_BYTES)
  writeUint64(w, counter.delta)
  writeUint64(w, counter.initial)
  w.u32be(exptime)
  writeKeyAndValue(w, command)
}

/**
 * A text exptime as the unsigned 32 bit of the binary protocol, which has no negative times: what
 * is expired already becomes a unix time long past.
 */
export function binaryExptime(exptime: number): number {
  if (exptime < 0) return EXPIRED
  return Math.min(exptime, UINT32_MAX)
}

function writeHeader(w: ByteWriter, command: BinaryCommand, extrasBytes: number): void {
  const keyBytes = command.keyEnd - command.keyStart
  scratch.opcode = command.opcode
  scratch.keyBytes = keyBytes
  scratch.extrasBytes = extrasBytes
  scratch.vBucketOrStatus = command.vBucket
  scratch.bodyBytes = extrasBytes + keyBytes + command.valueEnd - command.valueStart
  scratch.opaque = command.opaque
  scratch.casHi = command.casHi
  scratch.casLo = command.casLo
  writeBinaryRequestHeader(w, scratch)
}

function writeKeyAndValue(w: ByteWriter, command: BinaryCommand): void {
  w.bytes(command.buf, command.keyStart, command.keyEnd)
  if (command.valueEnd > command.valueStart) {
    w.bytes(command.buf, command.valueStart, command.valueEnd)
  }
}

function writeUint64(w: ByteWriter, value: bigint): void {
  w.u32be(Number(value >> 32n))
  w.u32be(Number(value & 0xffff_ffffn))
}
