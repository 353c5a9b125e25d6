// Takes a found item, as engines and the embedded store keep it, into an operation's result.

import { ITEM_HEADER_BYTES, readCasHi, readCasLo, readFlags } from '@holdfast/protocol'
import type { Operation } from './operation.ts'

/** Sets the result to the stored item (header and data) at `start`. */
export function keepItem(operation: Operation, buf: Buffer, start: number, end: number): void {
  operation.resultBuf = buf
  operation.resultStart = start + ITEM_HEADER_BYTES
  operation.resultEnd = end
  operation.resultFlags = readFlags(buf, start)
  operation.resultCasHi = readCasHi(buf, start)
  operation.resultCasLo = readCasLo(buf, start)
}
