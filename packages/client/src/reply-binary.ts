// Replies in memcached's binary protocol, from operations that have an outcome: which status,
// extras and body each gets and what a quiet opcode leaves out, as memcached 1.6.18 does; compared
// against it in replies-memcached.test.ts. Failures, which memcached has none of, get the statuses
// moxi gives them: busy for what timed out or found a queue full, internal error for the rest. At a
// vBucket port they say more: temporary failure for what was surely not carried out.

import {
  BinaryStatus,
  type ByteWriter,
  createBinaryHeader,
  Op,
  Opcode,
  parseUint64,
  writeBinaryResponseHeader,
  writeBinaryStatus,
} from '@holdfast/protocol'
import { LOCKED_LINE, NOT_LOCKED_LINE } from './engine-replies.ts'
import type { Operation } from './operation.ts'
import { Outcome } from './outcome.ts'

/** Opcodes that get their key back. */
const WITH_KEY: readonly number[] = [Opcode.GetK, Opcode.GetKQ, Opcode.GatK, Opcode.GatKQ]
const FLAGS_BYTES = 4
const COUNTER_BYTES = 8

const header = createBinaryHeader()
const counter = { hi: 0, lo: 0 }

/** Appends the reply. */
export function writeBinaryReply(operation: Operation, writer: ByteWriter): void {
  switch (operation.outcome) {
    case Outcome.Hit:
      writeHit(operation, writer)
      return
    case Outcome.Miss:
      if (!operation.quiet) writeMiss(operation, writer)
      return
    case Outcome.Counted:
      if (!operation.quiet) writeCount(operation, writer)
      return
    case Outcome.Touched:
      writeTouched(operation, writer)
      return
    case Outcome.NotStored:
      writeBinaryStatus(writer, operation, notStoredStatus(operation.kind))
      return
    case Outcome.Exists:
      writeBinaryStatus(writer, operation, BinaryStatus.KeyExists)
      return
    case Outcome.NotFound:
      writeBinaryStatus(writer, operation, BinaryStatus.KeyNotFound)
      return
    case Outcome.Refused:
    case Outcome.Failed:
      writeBinaryError(operation, writer)
      return
    default:
      if (!operation.quiet) writeSuccess(operation, writer)
  }
}

function writeHit(operation: Operation, writer: ByteWriter): void {
  const { buf, keyStart, keyEnd, resultBuf, resultStart, resultEnd } = operation
  const keyBytes = WITH_KEY.includes(operation.opcode) ? keyEnd - keyStart : 0
  begin(operation, BinaryStatus.Success)
  header.keyBytes = keyBytes
  header.extrasBytes = FLAGS_BYTES
  header.bodyBytes = FLAGS_BYTES + keyBytes + resultEnd - resultStart
  header.casHi = operation.resultCasHi
  header.casLo = operation.resultCasLo
  writeBinaryResponseHeader(writer, header)
  writer.u32be(operation.resultFlags)
  if (keyBytes > 0) writer.bytes(buf, keyStart, keyEnd)
  writer.bytes(resultBuf, resultStart, resultEnd)
}

function writeMiss(operation: Operation, writer: ByteWriter): void {
  if (!WITH_KEY.includes(operation.opcode)) {
    writeBinaryStatus(writer, operation, BinaryStatus.KeyNotFound)
    return
  }
  const { buf, keyStart, keyEnd } = operation
  begin(operation, BinaryStatus.KeyNotFound)
  header.keyBytes = keyEnd - keyStart
  header.bodyBytes = keyEnd - keyStart
  writeBinaryResponseHeader(writer, header)
  writer.bytes(buf, keyStart, keyEnd)
}

function writeCount(operation: Operation, writer: ByteWriter): void {
  const { resultBuf, resultStart, resultEnd } = operation
  parseUint64(resultBuf, resultStart, resultEnd, counter)
  begin(operation, BinaryStatus.Success)
  header.bodyBytes = COUNTER_BYTES
  header.casHi = operation.stampHi
  header.casLo = operation.stampLo
  writeBinaryResponseHeader(writer, header)
  writer.u32be(counter.hi)
  writer.u32be(counter.lo)
}

function writeTouched(operation: Operation, writer: ByteWriter): void {
  begin(operation, BinaryStatus.Success)
  header.extrasBytes = FLAGS_BYTES
  header.bodyBytes = FLAGS_BYTES
  header.casHi = operation.resultCasHi
  header.casLo = operation.resultCasLo
  writeBinaryResponseHeader(writer, header)
  writer.u32be(operation.resultFlags)
}

function writeSuccess(operation: Operation, writer: ByteWriter): void {
  begin(operation, BinaryStatus.Success)
  if (operation.outcome === Outcome.Stored) {
    header.casHi = operation.stampHi
    header.casLo = operation.stampLo
  }
  writeBinaryResponseHeader(writer, header)
}

/** Clears the header but for what every reply to the operation has. */
function begin(operation: Operation, status: number): void {
  header.opcode = operation.opcode
  header.opaque = operation.opaque
  header.vBucketOrStatus = status
  header.keyBytes = 0
  header.extrasBytes = 0
  header.bodyBytes = 0
  header.casHi = 0
  header.casLo = 0
}

function notStoredStatus(kind: Op): number {
  if (kind === Op.Add) return BinaryStatus.KeyExists
  return kind === Op.Replace ? BinaryStatus.KeyNotFound : BinaryStatus.NotStored
}

function writeBinaryError(operation: Operation, writer: ByteWriter): void {
  const { line } = operation
  const known = KNOWN_ERRORS.find(([start]) => line.startsWith(start))
  if (known !== undefined) {
    writeBinaryStatus(writer, operation, known[1])
    return
  }
  if (operation.direct) {
    writeBinaryStatus(writer, operation, directStatus(operation))
    return
  }
  const text = line.replace(/^(?:SERVER|CLIENT)_ERROR /, '')
  writeBinaryStatus(writer, operation, errorStatus(line), text)
}

/**
 * The status of a failure at a vBucket port, where clients repeat by themselves what is busy or a
 * temporary failure: what may have been carried out must be neither.
 */
function directStatus(operation: Operation): number {
  const { line, extendedErrors, attempts } = operation
  if (line === LOCKED_LINE) {
    return extendedErrors ? BinaryStatus.Locked : BinaryStatus.TemporaryFailure
  }
  if (line === NOT_LOCKED_LINE) {
    return extendedErrors ? BinaryStatus.NotLocked : BinaryStatus.TemporaryFailure
  }
  if (line.startsWith('CLIENT_ERROR')) return BinaryStatus.InvalidArguments
  if (operation.readsOnly || attempts === 0) return BinaryStatus.TemporaryFailure
  return operation.replicasWanted > 0 ? BinaryStatus.SyncWriteAmbiguous : BinaryStatus.InternalError
}

/** Lines of errors that memcached has a status and a text of its own for. */
const KNOWN_ERRORS: readonly [lineStart: string, status: number][] = [
  ['SERVER_ERROR object too large', BinaryStatus.TooLarge],
  ['SERVER_ERROR out of memory', BinaryStatus.OutOfMemory],
  ['CLIENT_ERROR cannot increment or decrement', BinaryStatus.NotNumeric],
  ['SERVER_ERROR unauthorized', BinaryStatus.AuthError],
]

function errorStatus(line: string): number {
  if (line.startsWith('CLIENT_ERROR')) return BinaryStatus.InvalidArguments
  if (/temporary failure|degraded|not_my_vbucket/.test(line)) return BinaryStatus.TemporaryFailure
  if (line.includes('timeout') || line.includes('timed out') || line.includes('queue')) {
    return BinaryStatus.Busy
  }
  return BinaryStatus.InternalError
}
