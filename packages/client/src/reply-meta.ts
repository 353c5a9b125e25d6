/**
 * Replies in memcached's meta protocol, from operations that have an outcome.
 */
import type { ByteWriter } from '@holdfast/protocol'
import type { Operation } from './operation.ts'

/** Appends the reply. */
export function writeMetaReply(operation: Operation, writer: ByteWriter): void {
  writer.ascii(operation.line)
}
