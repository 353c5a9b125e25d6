/**
 * Operations as calls of the engine's function library (engine-functions.ts, which documents the
 * calls and their option letters).
 */
import { type ByteWriter, Dialect, Extra, Op, writeBulk, writeBulkAscii } from '@holdfast/protocol'
import {
  writeExpectedStamp,
  writeFunction,
  writeItem,
  writeOwnStamp,
  writePlain,
} from './engine-arguments.ts'
import { stepsOf } from './meta-steps.ts'
import type { Operation } from './operation.ts'
import { recacheSeconds, vivifyTtlMs } from './write-stamp.ts'

/** What a plain GET cannot tell or do. */
const READ_BY_FUNCTION: number =
  Extra.Touch | Extra.Vivify | Extra.Recache | Extra.WantTtl | Extra.WantAccess

/** Extras of incr and decr whose reply is more than the number. */
const COUNT_BEYOND_NUMBER: number = Extra.Touch | Extra.Vivify | Extra.WantTtl

/** Whether a get has to be a call of `holdfast_read`. */
export function needsReadFunction(operation: Operation): boolean {
  return (operation.extras & READ_BY_FUNCTION) !== 0
}

/** Appends `holdfast_read`. */
export function writeRead(writer: ByteWriter, operation: Operation): void {
  const { extras, kind } = operation
  const touches = kind === Op.Touch
  let options = replayOption(operation)
  if ((extras & Extra.Vivify) !== 0) options += 'N'
  if ((extras & Extra.NoAccess) !== 0) options += 'u'
  if ((extras & Extra.NoValue) !== 0 || touches) options += 'h'
  // Only the meta protocol hands out the right to fill a stale item again.
  if (kind === Op.Debug || operation.dialect !== Dialect.Meta) options += 'd'
  writeFunction(writer, 'holdfast_read', operation, 6)
  writeBulkAscii(writer, options)
  writeBulkAscii(writer, touches ? 'T' : stepsOf(operation))
  writeOwnStamp(writer, operation)
  writeBulkAscii(writer, String(operation.ttlMs))
  writeBulkAscii(writer, String(vivifyTtlMs(operation)))
  writeBulkAscii(writer, String(recacheSeconds(operation)))
}

/** Appends `holdfast_cas`. */
export function writeCas(writer: ByteWriter, operation: Operation): void {
  let options = replayOption(operation)
  if ((operation.extras & Extra.Invalidate) !== 0) options += 'I'
  writeFunction(writer, 'holdfast_cas', operation, 4)
  writeExpectedStamp(writer, operation)
  writeItem(writer, operation)
  writeBulkAscii(writer, String(operation.ttlMs))
  writeBulkAscii(writer, options)
}

/** Appends `holdfast_append` or `holdfast_prepend`. */
export function writeExtend(writer: ByteWriter, operation: Operation, valueBytesMax: number): void {
  const name = operation.kind === Op.Append ? 'holdfast_append' : 'holdfast_prepend'
  const plain = operation.extras === 0
  writeFunction(writer, name, operation, plain ? 4 : 6)
  writeOwnStamp(writer, operation)
  writeBulk(writer, operation.buf, operation.valueStart, operation.valueEnd)
  writeBulkAscii(writer, String(valueBytesMax))
  writeBulkAscii(writer, replayOption(operation) + conditionOptions(operation))
  if (plain) return
  writeExpectedStamp(writer, operation)
  writeBulkAscii(writer, String(vivifyTtlMs(operation)))
}

/** Appends `holdfast_incr` or `holdfast_decr`. */
export function writeCount(writer: ByteWriter, operation: Operation): void {
  const name = operation.kind === Op.Incr ? 'holdfast_incr' : 'holdfast_decr'
  const plain = operation.extras === 0
  let options = replayOption(operation) + conditionOptions(operation)
  if ((operation.extras & COUNT_BEYOND_NUMBER) !== 0) options += 't'
  writeFunction(writer, name, operation, plain ? 3 : 8)
  writeOwnStamp(writer, operation)
  writeBulkAscii(writer, operation.delta.toString())
  writeBulkAscii(writer, options)
  if (plain) return
  writeExpectedStamp(writer, operation)
  writeBulkAscii(writer, operation.special.initial.toString())
  writeBulkAscii(writer, String(vivifyTtlMs(operation)))
  writeBulkAscii(writer, String(operation.ttlMs))
  writeBulkAscii(writer, stepsOf(operation))
}

/** Appends `holdfast_delete`, or a plain DEL when that does the same. */
export function writeDeleteFunction(writer: ByteWriter, operation: Operation): void {
  const { extras } = operation
  if ((extras & (Extra.Compare | Extra.Invalidate | Extra.ValueOnly)) === 0) {
    writePlain(writer, 'DEL', operation, 0)
    return
  }
  let options = replayOption(operation) + conditionOptions(operation)
  if ((extras & Extra.Invalidate) !== 0) options += 'I'
  if ((extras & Extra.Touch) !== 0) options += 'T'
  if ((extras & Extra.ValueOnly) !== 0) options += 'x'
  if ((extras & Extra.NewCas) !== 0) options += 'E'
  writeFunction(writer, 'holdfast_delete', operation, 5)
  writeBulkAscii(writer, options)
  writeExpectedStamp(writer, operation)
  writeOwnStamp(writer, operation)
  writeBulkAscii(writer, String(operation.ttlMs))
  FLAGS.writeUInt32BE(operation.flags)
  writeBulk(writer, FLAGS, 0, FLAGS.length)
}

/** Appends `holdfast_lock`. */
export function writeLock(writer: ByteWriter, operation: Operation): void {
  writeFunction(writer, 'holdfast_lock', operation, 3)
  writeBulkAscii(writer, replayOption(operation))
  writeOwnStamp(writer, operation)
  writeBulkAscii(writer, String(operation.ttlMs))
}

/** Appends `holdfast_unlock`. */
export function writeUnlock(writer: ByteWriter, operation: Operation): void {
  writeFunction(writer, 'holdfast_unlock', operation, 2)
  writeBulkAscii(writer, replayOption(operation))
  writeExpectedStamp(writer, operation)
}

function replayOption(operation: Operation): string {
  return operation.attempts > 0 ? 'r' : ''
}

function conditionOptions(operation: Operation): string {
  const compares = (operation.extras & Extra.Compare) !== 0
  const makes = (operation.extras & Extra.Vivify) !== 0
  return (compares ? 'C' : '') + (makes ? 'N' : '')
}

/** Copied by the writer at once, so one will do. */
const FLAGS: Buffer = Buffer.alloc(4)
