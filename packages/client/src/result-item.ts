// Takes a found item, as engines and the embedded store keep it, into an operation's result.

import {
  Dialect,
  Extra,
  ITEM_HEADER_BYTES,
  ITEM_READ,
  ITEM_STALE,
  ITEM_WON,
  isOurItem,
  Op,
  readCasHi,
  readCasLo,
  readFlags,
  readMarks,
} from '@holdfast/protocol'
import type { Operation } from './operation.ts'
import { ItemMark } from './outcome.ts'

/**
 * Sets the result to the stored value (header and data) at `start`. A value that somebody else
 * wrote is taken whole, with flags and CAS of 0.
 */
export function keepItem(operation: Operation, buf: Buffer, start: number, end: number): void {
  operation.resultBuf = buf
  operation.resultEnd = end
  if (!isOurItem(buf, start, end)) {
    operation.resultStart = start
    operation.resultFlags = 0
    operation.resultCasHi = 0
    operation.resultCasLo = 0
    return
  }
  operation.resultStart = start + ITEM_HEADER_BYTES
  operation.resultFlags = readFlags(buf, start)
  operation.resultCasHi = readCasHi(buf, start)
  operation.resultCasLo = readCasLo(buf, start)
  if (operation.dialect === Dialect.Meta) operation.resultMarks = itemMarks(readMarks(buf, start))
}

/** Bits of `ItemMark` for the marks of a stored item. */
export function itemMarks(marks: number): number {
  if ((marks & (ITEM_STALE | ITEM_WON | ITEM_READ)) === 0) return 0
  const stale = (marks & ITEM_STALE) === 0 ? 0 : ItemMark.Stale
  const won = (marks & ITEM_WON) === 0 ? 0 : ItemMark.WonBefore
  return stale | won | ((marks & ITEM_READ) === 0 ? 0 : ItemMark.Read)
}

/**
 * Whether a meta get has found, by a plain read, a stale item that nobody was told to fill again.
 * Then it has to be asked by the read function, which is arranged here.
 */
export function leavesRecache(operation: Operation): boolean {
  if (operation.dialect !== Dialect.Meta || operation.resultMarks === 0) return false
  if (operation.kind !== Op.Get && operation.kind !== Op.Gets) return false
  if ((operation.resultMarks & (ItemMark.Stale | ItemMark.WonBefore)) !== ItemMark.Stale) {
    return false
  }
  operation.extras |= Extra.WantAccess
  return true
}
