/**
 * One item of the embedded store and its layout: the same header, marks and CAS as on an engine.
 */
import {
  CAS_HI_MAX,
  ITEM_HEADER_BYTES,
  ITEM_MARKS,
  ITEM_OURS,
  readCasHi,
  readCasLo,
} from '@holdfast/protocol'
import type { Operation } from './operation.ts'

/** An item as the embedded store keeps it. */
export interface EmbeddedItem {
  /** Header and data, as on an engine. */
  bytes: Buffer
  /** Wall clock; 0 never. */
  expiresAtMs: number
}

/** The CAS and marks that a write leaves. */
export interface CasWord {
  hi: number
  lo: number
  /** Beside the mark of what is ours. */
  marks: number
}

/** The CAS that the operation gives, without marks. */
export function ownCas(operation: Operation, marks = 0): CasWord {
  return { hi: operation.stampHi, lo: operation.stampLo, marks }
}

/** An item's bytes. */
export function itemBytes(flags: number, cas: CasWord, data: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(ITEM_HEADER_BYTES)
  header.writeUInt32BE(flags, 0)
  header.writeUInt32BE(((cas.hi & CAS_HI_MAX) | ITEM_OURS | cas.marks) >>> 0, 4)
  header.writeUInt32BE(cas.lo, 8)
  return Buffer.concat([header, ...data])
}

/** The client's bytes of an item. */
export function dataOf(item: EmbeddedItem): Buffer {
  return item.bytes.subarray(ITEM_HEADER_BYTES)
}

/** The marks of an item, without the one that all have. */
export function marksOf(item: EmbeddedItem): number {
  return item.bytes.readUInt32BE(4) & (ITEM_MARKS & ~ITEM_OURS)
}

/** The item with other marks, flags, CAS and data kept. */
export function withMarks(item: EmbeddedItem, marks: number): EmbeddedItem {
  const cas = { hi: readCasHi(item.bytes, 0), lo: readCasLo(item.bytes, 0), marks }
  const bytes = itemBytes(item.bytes.readUInt32BE(0), cas, [dataOf(item)])
  return { bytes, expiresAtMs: item.expiresAtMs }
}

/** The item with another time to live; `undefined` when that is none. */
export function withTtl(
  item: EmbeddedItem,
  ttlMs: number,
  nowMs: number,
): EmbeddedItem | undefined {
  if (ttlMs === 0) return undefined
  return { bytes: item.bytes, expiresAtMs: ttlMs < 0 ? 0 : nowMs + ttlMs }
}

/** Whether the item has the CAS that the operation expects. */
export function hasExpectedCas(item: EmbeddedItem, operation: Operation): boolean {
  const { casHi, casLo } = operation
  return readCasHi(item.bytes, 0) === casHi && readCasLo(item.bytes, 0) === casLo
}

/** Whether the CAS that the operation expects is older than the item's. */
export function expectsOlderCas(item: EmbeddedItem, operation: Operation): boolean {
  const hi = readCasHi(item.bytes, 0)
  return (
    operation.casHi < hi || (operation.casHi === hi && operation.casLo < readCasLo(item.bytes, 0))
  )
}
