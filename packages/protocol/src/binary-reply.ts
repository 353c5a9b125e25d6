// Replies of memcached's binary protocol that need no item, written by whoever answers a request
// itself: statuses with their text, statistics, version, SASL. Replies about items are the client
// package's.

import { BinaryStatus, createBinaryHeader, Opcode, writeBinaryResponseHeader } from './binary.ts'
import type { ByteWriter } from './byte-writer.ts'
import type { MemcachedRequest } from './request.ts'

/** What of a request its reply repeats. */
export type BinaryAsked = Pick<MemcachedRequest, 'opcode' | 'opaque'>

/** memcached's texts of statuses; a success has none. */
const TEXTS: ReadonlyMap<number, string> = new Map([
  [BinaryStatus.KeyNotFound, 'Not found'],
  [BinaryStatus.KeyExists, 'Data exists for key.'],
  [BinaryStatus.TooLarge, 'Too large.'],
  [BinaryStatus.InvalidArguments, 'Invalid arguments'],
  [BinaryStatus.NotStored, 'Not stored.'],
  [BinaryStatus.NotNumeric, 'Non-numeric server-side value for incr or decr'],
  [BinaryStatus.NotMyVBucket, 'Not my vBucket'],
  [BinaryStatus.NoBucket, 'No bucket'],
  [BinaryStatus.Locked, 'Locked'],
  [BinaryStatus.NotLocked, 'Not locked'],
  [BinaryStatus.NoAccess, 'No access'],
  [BinaryStatus.UnknownFrame, 'Unknown frame'],
  [BinaryStatus.DurabilityInvalidLevel, 'No such durability level'],
  [BinaryStatus.DurabilityImpossible, 'Durability impossible'],
  [BinaryStatus.SyncWriteAmbiguous, 'Ambiguous: the write may have happened'],
  [BinaryStatus.AuthError, 'Auth failure.'],
  [BinaryStatus.UnknownCommand, 'Unknown command'],
  [BinaryStatus.OutOfMemory, 'Out of memory'],
  [BinaryStatus.NotSupported, 'Not supported'],
  [BinaryStatus.InternalError, 'Internal error'],
  [BinaryStatus.Busy, 'Busy'],
  [BinaryStatus.TemporaryFailure, 'Temporary failure'],
])

const header = createBinaryHeader()

/** Appends a reply of a status and its text; memcached's own text unless another is given. */
export function writeBinaryStatus(
  w: ByteWriter,
  asked: BinaryAsked,
  status: number,
  text: string = TEXTS.get(status) ?? '',
): void {
  header.opcode = asked.opcode
  header.opaque = asked.opaque
  header.keyBytes = 0
  header.vBucketOrStatus = status
  header.bodyBytes = text.length
  writeBinaryResponseHeader(w, header)
  w.ascii(text)
}

/** Appends one item of a STAT reply; the last one has an empty name and an empty value. */
export function writeBinaryStat(
  w: ByteWriter,
  asked: BinaryAsked,
  name: string,
  value: string,
): void {
  header.opcode = Opcode.Stat
  header.opaque = asked.opaque
  header.keyBytes = name.length
  header.vBucketOrStatus = BinaryStatus.Success
  header.bodyBytes = name.length + value.length
  writeBinaryResponseHeader(w, header)
  w.ascii(name)
  w.ascii(value)
}
