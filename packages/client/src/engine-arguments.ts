/**
 * The arguments of engine commands that are made from an operation's bytes: keys, items, stamps.
 */
import {
  type ByteWriter,
  ITEM_HEADER_BYTES,
  writeArrayHeader,
  writeBulkAscii,
  writeItemHeader,
} from '@holdfast/protocol'
import { TAG_PREFIXES } from '@holdfast/topology'
import type { Operation } from './operation.ts'

/** In place of a vBucket: the engine key is the client's key, without a tag. */
export const UNTAGGED = -1

const EMPTY: Buffer = Buffer.alloc(0)
const STAMP_BYTES = 8

/**
 * Appends the head of a function call; `args` arguments follow. That of an operation that locks
 * hold up is a call of the guard, which makes this one.
 */
export function writeFunction(
  writer: ByteWriter,
  name: string,
  operation: Operation,
  args: number,
): void {
  const { guarded } = operation
  writeArrayHeader(writer, (guarded ? 6 : 4) + args)
  writer.ascii('$5\r\nFCALL\r\n')
  writeBulkAscii(writer, guarded ? 'holdfast_guard' : name)
  writer.ascii('$1\r\n1\r\n')
  writeKey(writer, operation)
  if (!guarded) return
  writeExpectedStamp(writer, operation)
  writeBulkAscii(writer, name)
}

/** Appends the head of a plain command for the operation's key; `args` arguments follow. */
export function writePlain(
  writer: ByteWriter,
  name: string,
  operation: Operation,
  args: number,
): void {
  if (operation.guarded) {
    writeFunction(writer, name, operation, args)
    return
  }
  writeArrayHeader(writer, 2 + args)
  writeBulkAscii(writer, name)
  writeKey(writer, operation)
}

/** Appends the engine key. */
export function writeKey(writer: ByteWriter, operation: Operation): void {
  const { buf, keyStart, keyEnd, vBucket } = operation
  const tag = vBucket < 0 ? EMPTY : (TAG_PREFIXES[vBucket] ?? EMPTY)
  writer.shortBulk(tag, buf, keyStart, keyEnd)
}

/** Appends the item that a store makes: header and value. */
export function writeItem(writer: ByteWriter, operation: Operation): void {
  const { buf, valueStart, valueEnd } = operation
  writer.ascii('$')
  writer.int(ITEM_HEADER_BYTES + valueEnd - valueStart)
  writer.ascii('\r\n')
  writeItemHeader(writer, operation.flags, operation.stampHi, operation.stampLo)
  writer.bytes(buf, valueStart, valueEnd)
  writer.ascii('\r\n')
}

/** Appends the CAS that the operation gives. */
export function writeOwnStamp(writer: ByteWriter, operation: Operation): void {
  writeStamp(writer, operation.stampHi, operation.stampLo)
}

/** Appends the CAS that the item must have, as the client sent it. */
export function writeExpectedStamp(writer: ByteWriter, operation: Operation): void {
  writeStamp(writer, operation.casHi, operation.casLo)
}

function writeStamp(writer: ByteWriter, hi: number, lo: number): void {
  writer.ascii('$')
  writer.int(STAMP_BYTES)
  writer.ascii('\r\n')
  writer.u32be(hi)
  writer.u32be(lo)
  writer.ascii('\r\n')
}
