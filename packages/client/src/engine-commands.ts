/**
 * Memcached operations as engine commands, written straight from the request's bytes.
 *
 * Engine key = `{tag}` + key, engine value = 12 byte header + data. Most operations are one plain
 * command, the others one call of the function library (engine-functions.ts).
 */
import {
  type ByteWriter,
  ITEM_HEADER_BYTES,
  Op,
  writeArrayHeader,
  writeBulk,
  writeBulkAscii,
  writeItemHeader,
} from '@holdfast/protocol'
import { TAG_PREFIXES } from '@holdfast/topology'
import type { Operation } from './operation.ts'

const EMPTY: Buffer = Buffer.alloc(0)
const STAMP_BYTES = 8

/** What a serialized operation needs beside itself. */
export interface CommandOptions {
  valueBytesMax: number
}

/** Appends exactly one command for `operation`. */
export function writeOperation(
  writer: ByteWriter,
  operation: Operation,
  options: CommandOptions,
): void {
  switch (operation.kind) {
    case Op.Get:
    case Op.Gets:
      writer.ascii('*2\r\n$3\r\nGET\r\n')
      writeKey(writer, operation)
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
      writeFunction(writer, 'holdfast_cas', operation, 3)
      writeStamp(writer, operation.casHi, operation.casLo)
      writeItem(writer, operation)
      writeBulkAscii(writer, String(operation.ttlMs))
      break
    case Op.Incr:
    case Op.Decr: {
      const name = operation.kind === Op.Incr ? 'holdfast_incr' : 'holdfast_decr'
      writeFunction(writer, name, operation, 2)
      writeStamp(writer, operation.stampHi, operation.stampLo)
      writeBulkAscii(writer, operation.delta.toString())
      break
    }
    case Op.Append:
    case Op.Prepend: {
      const name = operation.kind === Op.Append ? 'holdfast_append' : 'holdfast_prepend'
      writeFunction(writer, name, operation, 3)
      writeStamp(writer, operation.stampHi, operation.stampLo)
      writeBulk(writer, operation.buf, operation.valueStart, operation.valueEnd)
      writeBulkAscii(writer, String(options.valueBytesMax))
      break
    }
    default:
      throw new Error(`bug: operation kind ${operation.kind} has no engine command`)
  }
}

/**
 * Appends the two commands that open a write connection: a write that needs this engine to be a
 * writable primary and that every later WAIT on the connection covers, and its removal. The key
 * has no memcached key behind its tag, so it can never be a client's.
 */
export function writeFence(writer: ByteWriter, vBucket: number): void {
  const tag = TAG_PREFIXES[vBucket] ?? EMPTY
  writer.ascii('*3\r\n$3\r\nSET\r\n')
  writeBulk(writer, tag, 0, tag.length)
  writer.ascii('$1\r\n0\r\n')
  writer.ascii('*2\r\n$3\r\nDEL\r\n')
  writeBulk(writer, tag, 0, tag.length)
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
  writeArrayHeader(writer, 3 + (conditional ? 1 : 0) + (ttlMs > 0 ? 2 : 0))
  writer.ascii('$3\r\nSET\r\n')
  writeKey(writer, operation)
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
    writer.ascii('*2\r\n$6\r\nEXISTS\r\n')
    writeKey(writer, operation)
    return
  }
  writeDelete(writer, operation)
}

function writeDelete(writer: ByteWriter, operation: Operation): void {
  writer.ascii('*2\r\n$3\r\nDEL\r\n')
  writeKey(writer, operation)
}

/** PERSIST alone cannot tell a missing item from one that never expires; GETEX can. */
function writeTouch(writer: ByteWriter, operation: Operation): void {
  if (operation.ttlMs < 0) {
    writer.ascii('*3\r\n$5\r\nGETEX\r\n')
    writeKey(writer, operation)
    writer.ascii('$7\r\nPERSIST\r\n')
  } else if (operation.ttlMs === 0) {
    writeDelete(writer, operation)
  } else {
    writer.ascii('*3\r\n$7\r\nPEXPIRE\r\n')
    writeKey(writer, operation)
    writeBulkAscii(writer, String(operation.ttlMs))
  }
}

function writeGetAndTouch(writer: ByteWriter, operation: Operation): void {
  if (operation.ttlMs < 0) {
    writer.ascii('*3\r\n$5\r\nGETEX\r\n')
    writeKey(writer, operation)
    writer.ascii('$7\r\nPERSIST\r\n')
  } else if (operation.ttlMs === 0) {
    writer.ascii('*2\r\n$6\r\nGETDEL\r\n')
    writeKey(writer, operation)
  } else {
    writer.ascii('*4\r\n$5\r\nGETEX\r\n')
    writeKey(writer, operation)
    writer.ascii('$2\r\nPX\r\n')
    writeBulkAscii(writer, String(operation.ttlMs))
  }
}

function writeFunction(writer: ByteWriter, name: string, operation: Operation, args: number): void {
  writeArrayHeader(writer, 4 + args)
  writer.ascii('$5\r\nFCALL\r\n')
  writeBulkAscii(writer, name)
  writer.ascii('$1\r\n1\r\n')
  writeKey(writer, operation)
}

function writeKey(writer: ByteWriter, operation: Operation): void {
  const { buf, keyStart, keyEnd } = operation
  const tag = TAG_PREFIXES[operation.vBucket] ?? EMPTY
  writer.ascii('$')
  writer.int(tag.length + keyEnd - keyStart)
  writer.ascii('\r\n')
  writer.bytes(tag, 0, tag.length)
  writer.bytes(buf, keyStart, keyEnd)
  writer.ascii('\r\n')
}

function writeItem(writer: ByteWriter, operation: Operation): void {
  const { buf, valueStart, valueEnd } = operation
  writer.ascii('$')
  writer.int(ITEM_HEADER_BYTES + valueEnd - valueStart)
  writer.ascii('\r\n')
  writeItemHeader(writer, operation.flags, operation.stampHi, operation.stampLo)
  writer.bytes(buf, valueStart, valueEnd)
  writer.ascii('\r\n')
}

function writeStamp(writer: ByteWriter, hi: number, lo: number): void {
  writer.ascii('$')
  writer.int(STAMP_BYTES)
  writer.ascii('\r\n')
  writer.u32be(hi)
  writer.u32be(lo)
  writer.ascii('\r\n')
}
