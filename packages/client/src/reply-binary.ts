/**
 * Replies in memcached's binary protocol, from operations that have an outcome.
 */
import type { ByteWriter } from '@holdfast/protocol'
import type { Operation } from './operation.ts'

/** Appends the reply. */
export function writeBinaryReply(operation: Operation, writer: ByteWriter): void {
  writer.ascii(operation.line)
}
