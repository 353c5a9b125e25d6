// The constants and the 24 byte header of memcached's binary protocol (protocol_binary.h of
// memcached 1.4 and, for the statuses above 0x08, Membase's). Both sides use them: the server side
// parser and reply renderer, and the client towards vBucket buckets.
//
//   0 magic | 1 opcode | 2-3 key length | 4 extras length | 5 data type | 6-7 vBucket or status
//   8-11 body length (extras + key + value) | 12-15 opaque | 16-23 CAS; all big endian

import type { ByteWriter } from './byte-writer.ts'

/** Length of the header before every body. */
export const BINARY_HEADER_BYTES = 24

/** First byte of a binary request, by which the protocol of a connection is told. */
export const BINARY_REQUEST_MAGIC = 0x80

/** First byte of a binary response. */
export const BINARY_RESPONSE_MAGIC = 0x81

/** First byte of a request with frames (Couchbase): byte 2 is their length, byte 3 the key's. */
export const BINARY_FLEXIBLE_REQUEST_MAGIC = 0x08

/** First byte of what a server says unasked (Couchbase). */
export const BINARY_SERVER_REQUEST_MAGIC = 0x82

/** Where the fields of a header begin. */
export const BinaryOffset = {
  Magic: 0,
  Opcode: 1,
  KeyBytes: 2,
  ExtrasBytes: 4,
  DataType: 5,
  VBucket: 6,
  Status: 6,
  BodyBytes: 8,
  Opaque: 12,
  Cas: 16,
} as const

/** The opcodes of memcached 1.4, and those of Membase that a proxy sends or refuses. */
export const Opcode = {
  Get: 0x00,
  Set: 0x01,
  Add: 0x02,
  Replace: 0x03,
  Delete: 0x04,
  Incr: 0x05,
  Decr: 0x06,
  Quit: 0x07,
  Flush: 0x08,
  GetQ: 0x09,
  Noop: 0x0a,
  Version: 0x0b,
  GetK: 0x0c,
  GetKQ: 0x0d,
  Append: 0x0e,
  Prepend: 0x0f,
  Stat: 0x10,
  SetQ: 0x11,
  AddQ: 0x12,
  ReplaceQ: 0x13,
  DeleteQ: 0x14,
  IncrQ: 0x15,
  DecrQ: 0x16,
  QuitQ: 0x17,
  FlushQ: 0x18,
  AppendQ: 0x19,
  PrependQ: 0x1a,
  Verbosity: 0x1b,
  Touch: 0x1c,
  Gat: 0x1d,
  GatQ: 0x1e,
  Hello: 0x1f,
  SaslMechanisms: 0x20,
  SaslAuth: 0x21,
  SaslStep: 0x22,
  GatK: 0x23,
  GatKQ: 0x24,
  GetReplica: 0x83,
  SelectBucket: 0x89,
  ObserveSeqno: 0x91,
  Observe: 0x92,
  GetLocked: 0x94,
  Unlock: 0x95,
  GetMeta: 0xa0,
  GetClusterConfig: 0xb5,
  GetErrorMap: 0xfe,
} as const

/** The statuses of responses. */
export const BinaryStatus = {
  Success: 0x00,
  KeyNotFound: 0x01,
  KeyExists: 0x02,
  TooLarge: 0x03,
  InvalidArguments: 0x04,
  NotStored: 0x05,
  NotNumeric: 0x06,
  NotMyVBucket: 0x07,
  NoBucket: 0x08,
  Locked: 0x09,
  NotLocked: 0x0e,
  AuthError: 0x20,
  AuthContinue: 0x21,
  NoAccess: 0x24,
  UnknownFrame: 0x80,
  UnknownCommand: 0x81,
  OutOfMemory: 0x82,
  NotSupported: 0x83,
  InternalError: 0x84,
  Busy: 0x85,
  TemporaryFailure: 0x86,
  DurabilityInvalidLevel: 0xa0,
  DurabilityImpossible: 0xa1,
  SyncWriteAmbiguous: 0xa3,
} as const

/** `initial` is not used and a missing counter is not made: the expiry of incr and decr says so. */
export const NO_VIVIFY_EXPTIME = 0xffff_ffff

/** The fields of a header; one object may be reused for many. */
export interface BinaryHeader {
  opcode: number
  keyBytes: number
  extrasBytes: number
  /** Of a request the vBucket, of a response the status. */
  vBucketOrStatus: number
  /** Extras, key and value together. */
  bodyBytes: number
  /** Unsigned 32 bit, comes back as it was sent. */
  opaque: number
  casHi: number
  casLo: number
}

/** A header of zeros. */
export function createBinaryHeader(): BinaryHeader {
  return {
    opcode: 0,
    keyBytes: 0,
    extrasBytes: 0,
    vBucketOrStatus: 0,
    bodyBytes: 0,
    opaque: 0,
    casHi: 0,
    casLo: 0,
  }
}

/** Appends a request's header and makes room for its body. */
export function writeBinaryRequestHeader(w: ByteWriter, header: BinaryHeader): void {
  writeHeader(w, BINARY_REQUEST_MAGIC, header)
}

/** Appends a response's header and makes room for its body. */
export function writeBinaryResponseHeader(w: ByteWriter, header: BinaryHeader): void {
  writeHeader(w, BINARY_RESPONSE_MAGIC, header)
}

/** Appends the header of what a server says unasked, and makes room for its body. */
export function writeBinaryServerRequestHeader(w: ByteWriter, header: BinaryHeader): void {
  writeHeader(w, BINARY_SERVER_REQUEST_MAGIC, header)
}

/** Reads the header at `start`, but for its magic and data type, into `out`. */
export function readBinaryHeader(buf: Uint8Array, start: number, out: BinaryHeader): void {
  out.opcode = buf[start + BinaryOffset.Opcode] ?? 0
  out.keyBytes = readUint16(buf, start + BinaryOffset.KeyBytes)
  out.extrasBytes = buf[start + BinaryOffset.ExtrasBytes] ?? 0
  out.vBucketOrStatus = readUint16(buf, start + BinaryOffset.Status)
  out.bodyBytes = readUint32(buf, start + BinaryOffset.BodyBytes)
  out.opaque = readUint32(buf, start + BinaryOffset.Opaque)
  out.casHi = readUint32(buf, start + BinaryOffset.Cas)
  out.casLo = readUint32(buf, start + BinaryOffset.Cas + 4)
}

/** Reads two bytes, most significant first. */
export function readUint16(buf: Uint8Array, at: number): number {
  return ((buf[at] ?? 0) << 8) | (buf[at + 1] ?? 0)
}

/** Reads four bytes, most significant first, as an unsigned number. */
export function readUint32(buf: Uint8Array, at: number): number {
  const upper = ((buf[at] ?? 0) << 24) | ((buf[at + 1] ?? 0) << 16)
  return (upper | ((buf[at + 2] ?? 0) << 8) | (buf[at + 3] ?? 0)) >>> 0
}

function writeHeader(w: ByteWriter, magic: number, header: BinaryHeader): void {
  w.ensure(BINARY_HEADER_BYTES + header.bodyBytes)
  w.u32be((magic << 24) | (header.opcode << 16) | header.keyBytes)
  w.u32be((header.extrasBytes << 24) | header.vBucketOrStatus)
  w.u32be(header.bodyBytes)
  w.u32be(header.opaque)
  w.u32be(header.casHi)
  w.u32be(header.casLo)
}
