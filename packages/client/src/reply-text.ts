/**
 * Replies in memcached's text protocol (protocol.txt), from operations that have an outcome.
 */
import { type ByteWriter, Op, writeValue } from '@holdfast/protocol'
import type { Operation } from './operation.ts'
import { Outcome } from './outcome.ts'

const REPLY_LINES: readonly string[] = [
  '',
  'STORED\r\n',
  'NOT_STORED\r\n',
  'EXISTS\r\n',
  'NOT_FOUND\r\n',
  'DELETED\r\n',
  'TOUCHED\r\n',
  'OK\r\n',
  '',
  'END\r\n',
]

/** Appends the reply. */
export function writeTextReply(operation: Operation, writer: ByteWriter): void {
  const { outcome } = operation
  if (outcome === Outcome.Hit) {
    writeTextValue(operation, writer)
    writer.ascii('END\r\n')
  } else if (outcome === Outcome.Counted) {
    writer.bytes(operation.resultBuf, operation.resultStart, operation.resultEnd)
    writer.ascii('\r\n')
  } else if (outcome >= Outcome.Refused) {
    writer.ascii(operation.line)
    writer.ascii('\r\n')
  } else {
    writer.ascii(REPLY_LINES[outcome] ?? '')
  }
}

/** Appends the VALUE line and data of a hit, without END. */
export function writeTextValue(operation: Operation, writer: ByteWriter): void {
  if (operation.rawEnd > 0) {
    writer.bytes(operation.resultBuf, operation.rawStart, operation.rawEnd)
    return
  }
  const { buf, keyStart, keyEnd, resultFlags, resultBuf, resultStart, resultEnd } = operation
  if (operation.kind === Op.Gets || operation.kind === Op.Gats) {
    const { resultCasHi, resultCasLo } = operation
    writeValue(
      writer,
      buf,
      keyStart,
      keyEnd,
      resultFlags,
      resultBuf,
      resultStart,
      resultEnd,
      resultCasHi,
      resultCasLo,
    )
    return
  }
  writeValue(writer, buf, keyStart, keyEnd, resultFlags, resultBuf, resultStart, resultEnd)
}
