/**
 * Memcached operations as engine commands, written straight from the request's bytes.
 *
 * Engine key = `{tag}` + key, engine value = 12 byte header + data. Most operations are one plain
 * command, the others one call of the function library (engine-functions.ts); which of them the
 * meta and binary protocols need is in engine-function-calls.ts.
 */
import {
  type ByteWriter,
  Dialect,
  Extra,
  Op,
  writeArrayHeader,
  writeBulk,
  writeBulkAscii,
} from '@holdfast/protocol'
import { writeFunction, writeItem, writeKey, writePlain } from './engine-arguments.ts'
import {
  needsReadFunction,
  writeCas,
  writeCount,
  writeDeleteFunction,
  writeExtend,
  writeLock,
  writeRead,
  writeUnlock,
} from './engine-function-calls.ts'
import type { Operation } from './operation.ts'

/** What a serialized operation needs beside itself. */
export interface CommandOptions {
  valueBytesMax: number
}

/** Commands of a fence. */
export const FENCE_REPLIES = 2

/** Appends exactly one command for `operation`. */
export function writeOperation(
  writer: ByteWriter,
  operation: Operation,
  options: CommandOptions,
): void {
  switch (operation.kind) {
    case Op.Get:
    case Op.Gets:
      if (operation.extras !== 0 && needsReadFunction(operation)) {
        writeRead(writer, operation)
        break
      }
      writer.ascii('*2\r\n$3\r\nGET\r\n')
      writeKey(writer, operation)
      break
    case Op.Debug:
      writeRead(writer, operation)
      break
    case Op.Set:
    case Op.Add:
    case Op.Replace:
      writeStore(writer, operation)
      break
    case Op.Gat:
    case Op.Gats:
      writeGetAndTouch(writer, operation)
      break
    case Op.Touch:
      writeTouch(writer, operation)
      break
    case Op.Delete:
      writeDelete(writer, operation)
      break
    case Op.FlushAll:
      writer.ascii('*1\r\n$8\r\nFLUSHALL\r\n')
      break
    case Op.Cas:
      writeCas(writer, operation)
      break
    case Op.Incr:
    case Op.Decr:
      writeCount(writer, operation)
      break
    case Op.Append:
    case Op.Prepend:
      writeExtend(writer, operation, options.valueBytesMax)
      break
    case Op.GetLocked:
      writeLock(writer, operation)
      break
    case Op.Unlock:
      writeUnlock(writer, operation)
      break
    default:
      throw new Error(`bug: operation kind ${operation.kind} has no engine command`)
  }
}

/**
 * Appends the two commands that open a write connection: a write that needs this engine to be a
 * writable primary and that every later WAIT on the connection covers, and its removal. The key
 * has no memcached key behind its tag, so it can never be a client's.
 */
export function writeFence(writer: ByteWriter, key: Buffer): void {
  writer.ascii('*3\r\n$3\r\nSET\r\n')
  writeBulk(writer, key, 0, key.length)
  writer.ascii('$1\r\n0\r\n')
  writer.ascii('*2\r\n$3\r\nDEL\r\n')
  writeBulk(writer, key, 0, key.length)
}

/** A fence that leaves no trace: asks as much of the engine, but no WAIT builds on it. */
export function writeTracelessFence(writer: ByteWriter, key: Buffer): void {
  writer.ascii('*1\r\n$4\r\nPING\r\n')
  writer.ascii('*2\r\n$3\r\nDEL\r\n')
  writeBulk(writer, key, 0, key.length)
}

/** Appends `WAIT replicas timeout`. */
export function writeWait(writer: ByteWriter, replicas: number, timeoutMs: number): void {
  writeArrayHeader(writer, 3)
  writer.ascii('$4\r\nWAIT\r\n')
  writeBulkAscii(writer, String(replicas))
  writeBulkAscii(writer, String(timeoutMs))
}

function writeStore(writer: ByteWriter, operation: Operation): void {
  const { kind, ttlMs } = operation
  if (kind !== Op.Set && (operation.extras & Extra.Compare) !== 0) {
    writeCas(writer, operation)
    return
  }
  if (kind === Op.Add && operation.attempts > 0) {
    writeFunction(writer, 'holdfast_add', operation, 2)
    writeItem(writer, operation)
    writeBulkAscii(writer, String(ttlMs))
    return
  }
  if (ttlMs === 0) {
    writeExpiredStore(writer, operation)
    return
  }
  const conditional = kind !== Op.Set
  writePlain(writer, 'SET', operation, 1 + (conditional ? 1 : 0) + (ttlMs > 0 ? 2 : 0))
  writeItem(writer, operation)
  if (conditional) writer.ascii(kind === Op.Add ? '$2\r\nNX\r\n' : '$2\r\nXX\r\n')
  if (ttlMs > 0) {
    writer.ascii('$2\r\nPX\r\n')
    writeBulkAscii(writer, String(ttlMs))
  }
}

/** An item that is stored already expired leaves nothing behind; add only looks. */
function writeExpiredStore(writer: ByteWriter, operation: Operation): void {
  if (operation.kind === Op.Add) {
    writePlain(writer, 'EXISTS', operation, 0)
    return
  }
  writeDelete(writer, operation)
}

function writeDelete(writer: ByteWriter, operation: Operation): void {
  if (operation.extras !== 0 && operation.kind === Op.Delete) {
    writeDeleteFunction(writer, operation)
    return
  }
  writePlain(writer, 'DEL', operation, 0)
}

/**
 * PERSIST alone cannot tell a missing item from one that never expires; GETEX can. A binary touch
 * answers the CAS as well.
 */
function writeTouch(writer: ByteWriter, operation: Operation): void {
  if (operation.dialect === Dialect.Binary) {
    writeRead(writer, operation)
  } else if (operation.ttlMs < 0) {
    writePlain(writer, 'GETEX', operation, 1)
    writer.ascii('$7\r\nPERSIST\r\n')
  } else if (operation.ttlMs === 0) {
    writeDelete(writer, operation)
  } else {
    writePlain(writer, 'PEXPIRE', operation, 1)
    writeBulkAscii(writer, String(operation.ttlMs))
  }
}

function writeGetAndTouch(writer: ByteWriter, operation: Operation): void {
  if (operation.ttlMs < 0) {
    writePlain(writer, 'GETEX', operation, 1)
    writer.ascii('$7\r\nPERSIST\r\n')
  } else if (operation.ttlMs === 0) {
    writePlain(writer, 'GETDEL', operation, 0)
  } else {
    writePlain(writer, 'GETEX', operation, 2)
    writer.ascii('$2\r\nPX\r\n')
    writeBulkAscii(writer, String(operation.ttlMs))
  }
}
