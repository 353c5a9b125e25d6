/**
 * Memcached's semantics over one stored item, without a store: given an operation and the item
 * under its key, decides the outcome and the item that is there afterwards. Used by the embedded
 * store; the engines do the same with commands and functions.
 */
import { ITEM_HEADER_BYTES, Op } from '@holdfast/protocol'
import type { Operation } from './operation.ts'
import { Outcome } from './outcome.ts'
import { keepItem } from './result-item.ts'

/** An item as the embedded store keeps it. */
export interface EmbeddedItem {
  /** Header and data, as on an engine. */
  bytes: Buffer
  /** Wall clock; 0 never. */
  expiresAtMs: number
}

const U64_MODULUS = 1n << 64n
const NOT_A_NUMBER_LINE = 'CLIENT_ERROR cannot increment or decrement non-numeric value'
const TOO_LARGE_LINE = 'SERVER_ERROR object too large for cache'

/**
 * Decides the operation.
 *
 * @returns the item that is stored afterwards; `undefined` when there is none; `current` itself
 *   when nothing changes
 */
export function applyToItem(
  operation: Operation,
  current: EmbeddedItem | undefined,
  nowMs: number,
  valueBytesMax: number,
): EmbeddedItem | undefined {
  switch (operation.kind) {
    case Op.Get:
    case Op.Gets:
      decideItem(operation, current)
      return current
    case Op.Gat:
    case Op.Gats:
      decideItem(operation, current)
      return current && withTtl(current, operation.ttlMs, nowMs)
    case Op.Touch:
      operation.decide(current === undefined ? Outcome.NotFound : Outcome.Touched)
      return current && withTtl(current, operation.ttlMs, nowMs)
    case Op.Delete:
      operation.decide(current === undefined ? Outcome.NotFound : Outcome.Deleted)
      return undefined
    case Op.Incr:
    case Op.Decr:
      return count(operation, current)
    case Op.Append:
    case Op.Prepend:
      return extend(operation, current, valueBytesMax)
    default:
      return store(operation, current, nowMs)
  }
}

function decideItem(operation: Operation, current: EmbeddedItem | undefined): void {
  if (current === undefined) {
    operation.decide(Outcome.Miss)
    return
  }
  keepItem(operation, current.bytes, 0, current.bytes.length)
  operation.decide(Outcome.Hit)
}

function store(
  operation: Operation,
  current: EmbeddedItem | undefined,
  nowMs: number,
): EmbeddedItem | undefined {
  const refusal = storeRefusal(operation, current)
  if (refusal !== Outcome.Pending) {
    operation.decide(refusal)
    return current
  }
  operation.decide(Outcome.Stored)
  const data = operation.buf.subarray(operation.valueStart, operation.valueEnd)
  const bytes = Buffer.alloc(ITEM_HEADER_BYTES + data.length)
  bytes.writeUInt32BE(operation.flags, 0)
  writeStamp(bytes, operation)
  data.copy(bytes, ITEM_HEADER_BYTES)
  return withTtl({ bytes, expiresAtMs: 0 }, operation.ttlMs, nowMs)
}

function storeRefusal(operation: Operation, current: EmbeddedItem | undefined): Outcome {
  switch (operation.kind) {
    case Op.Add:
      return current === undefined ? Outcome.Pending : Outcome.NotStored
    case Op.Replace:
      return current === undefined ? Outcome.NotStored : Outcome.Pending
    case Op.Cas: {
      if (current === undefined) return Outcome.NotFound
      const same =
        current.bytes.readUInt32BE(4) === operation.casHi &&
        current.bytes.readUInt32BE(8) === operation.casLo
      return same ? Outcome.Pending : Outcome.Exists
    }
    default:
      return Outcome.Pending
  }
}

function extend(
  operation: Operation,
  current: EmbeddedItem | undefined,
  valueBytesMax: number,
): EmbeddedItem | undefined {
  if (current === undefined) {
    operation.decide(Outcome.NotStored)
    return current
  }
  const addition = operation.buf.subarray(operation.valueStart, operation.valueEnd)
  const data = current.bytes.subarray(ITEM_HEADER_BYTES)
  if (data.length + addition.length > valueBytesMax) {
    operation.decide(Outcome.Failed, TOO_LARGE_LINE)
    return current
  }
  const header = current.bytes.subarray(0, ITEM_HEADER_BYTES)
  const parts = operation.kind === Op.Append ? [data, addition] : [addition, data]
  const bytes = Buffer.concat([header, ...parts])
  writeStamp(bytes, operation)
  operation.decide(Outcome.Stored)
  return { bytes, expiresAtMs: current.expiresAtMs }
}

/** A shorter number is padded with blanks to the old length, as memcached does. */
function count(operation: Operation, current: EmbeddedItem | undefined): EmbeddedItem | undefined {
  if (current === undefined) {
    operation.decide(Outcome.NotFound)
    return current
  }
  const text = current.bytes.toString('latin1', ITEM_HEADER_BYTES)
  const digits = /^\s*\+?(\d+)(?:\s|$)/.exec(text)?.[1]
  const value = digits === undefined ? -1n : BigInt(digits)
  if (value < 0n || value >= U64_MODULUS) {
    operation.decide(Outcome.Refused, NOT_A_NUMBER_LINE)
    return current
  }
  const changed =
    operation.kind === Op.Incr ? (value + operation.delta) % U64_MODULUS : value - operation.delta
  const number = Buffer.from(String(changed < 0n ? 0n : changed), 'latin1')
  const bytes = Buffer.alloc(Math.max(current.bytes.length, ITEM_HEADER_BYTES + number.length), ' ')
  current.bytes.copy(bytes, 0, 0, ITEM_HEADER_BYTES)
  writeStamp(bytes, operation)
  number.copy(bytes, ITEM_HEADER_BYTES)
  operation.resultBuf = number
  operation.resultStart = 0
  operation.resultEnd = number.length
  operation.decide(Outcome.Counted)
  return { bytes, expiresAtMs: current.expiresAtMs }
}

function withTtl(item: EmbeddedItem, ttlMs: number, nowMs: number): EmbeddedItem | undefined {
  if (ttlMs === 0) return undefined
  return { bytes: item.bytes, expiresAtMs: ttlMs < 0 ? 0 : nowMs + ttlMs }
}

function writeStamp(bytes: Buffer, operation: Operation): void {
  bytes.writeUInt32BE(operation.stampHi, 4)
  bytes.writeUInt32BE(operation.stampLo, 8)
}
