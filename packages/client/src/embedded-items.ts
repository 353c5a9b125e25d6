/**
 * Memcached's semantics over one stored item, without a store: given an operation and the item
 * under its key, decides the outcome and the item that is there afterwards. Used by the embedded
 * store; the engines do the same with commands and functions (engine-functions.ts). Reads are in
 * embedded-reads.ts.
 */
import { Extra, ITEM_READ, ITEM_STALE, ITEM_WON, Op } from '@holdfast/protocol'
import {
  dataOf,
  type EmbeddedItem,
  expectsOlderCas,
  hasExpectedCas,
  itemBytes,
  marksOf,
  ownCas,
  withTtl,
} from './embedded-item.ts'
import { read, touch, walkSteps } from './embedded-reads.ts'
import type { Operation } from './operation.ts'
import { Outcome } from './outcome.ts'
import { vivifyTtlMs } from './write-stamp.ts'

/** What a decision depends on beside operation and item. */
export interface EmbeddedTerms {
  /** Wall clock. */
  nowMs: number
  valueBytesMax: number
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
  terms: EmbeddedTerms,
): EmbeddedItem | undefined {
  switch (operation.kind) {
    case Op.Get:
    case Op.Gets:
    case Op.Gat:
    case Op.Gats:
    case Op.Debug:
      return read(operation, current, terms.nowMs)
    case Op.Touch:
      return touch(operation, current, terms.nowMs)
    case Op.Delete:
      return remove(operation, current, terms.nowMs)
    case Op.Incr:
    case Op.Decr:
      return count(operation, current, terms.nowMs)
    case Op.Append:
    case Op.Prepend:
      return extend(operation, current, terms)
    default:
      return store(operation, current, terms.nowMs)
  }
}

function store(
  operation: Operation,
  current: EmbeddedItem | undefined,
  nowMs: number,
): EmbeddedItem | undefined {
  const refusal = storeRefusal(operation, current)
  if (refusal === Outcome.Exists && current !== undefined && storesStale(operation, current)) {
    operation.decide(Outcome.Stored)
    const cas = ownCas(operation, ITEM_STALE | (marksOf(current) & ITEM_WON))
    return {
      bytes: itemBytes(operation.flags, cas, [sentValue(operation)]),
      expiresAtMs: current.expiresAtMs,
    }
  }
  if (refusal !== Outcome.Pending) {
    operation.decide(refusal)
    return current
  }
  operation.decide(Outcome.Stored)
  const bytes = itemBytes(operation.flags, ownCas(operation), [sentValue(operation)])
  return withTtl({ bytes, expiresAtMs: 0 }, operation.ttlMs, nowMs)
}

function storeRefusal(operation: Operation, current: EmbeddedItem | undefined): Outcome {
  const compares = operation.kind === Op.Cas || (operation.extras & Extra.Compare) !== 0
  if (compares && operation.kind !== Op.Set) {
    if (current === undefined) return Outcome.NotFound
    return hasExpectedCas(current, operation) ? Outcome.Pending : Outcome.Exists
  }
  switch (operation.kind) {
    case Op.Add:
      return current === undefined ? Outcome.Pending : Outcome.NotStored
    case Op.Replace:
      return current === undefined ? Outcome.NotStored : Outcome.Pending
    default:
      return Outcome.Pending
  }
}

/** An invalidating store with an older CAS leaves its value, marked as stale. */
function storesStale(operation: Operation, current: EmbeddedItem): boolean {
  return (operation.extras & Extra.Invalidate) !== 0 && expectsOlderCas(current, operation)
}

function extend(
  operation: Operation,
  current: EmbeddedItem | undefined,
  terms: EmbeddedTerms,
): EmbeddedItem | undefined {
  const addition = sentValue(operation)
  if (current === undefined) {
    if ((operation.extras & Extra.Vivify) === 0) {
      operation.decide(Outcome.NotStored)
      return current
    }
    operation.decide(Outcome.Stored)
    const bytes = itemBytes(0, ownCas(operation), [addition])
    return withTtl({ bytes, expiresAtMs: 0 }, vivifyTtlMs(operation), terms.nowMs)
  }
  if ((operation.extras & Extra.Compare) !== 0 && !hasExpectedCas(current, operation)) {
    operation.decide(Outcome.Exists)
    return current
  }
  const data = dataOf(current)
  if (data.length + addition.length > terms.valueBytesMax) {
    operation.decide(Outcome.Failed, TOO_LARGE_LINE)
    return current
  }
  const parts = operation.kind === Op.Append ? [data, addition] : [addition, data]
  operation.decide(Outcome.Stored)
  const bytes = itemBytes(current.bytes.readUInt32BE(0), ownCas(operation), parts)
  return { bytes, expiresAtMs: current.expiresAtMs }
}

function count(
  operation: Operation,
  current: EmbeddedItem | undefined,
  nowMs: number,
): EmbeddedItem | undefined {
  if (current === undefined && (operation.extras & Extra.Vivify) === 0) {
    operation.decide(Outcome.NotFound)
    return current
  }
  const bytes = current === undefined ? initialBytes(operation) : countedBytes(operation, current)
  if (bytes === undefined) return current
  operation.decide(Outcome.Counted)
  const counted = { bytes, expiresAtMs: current?.expiresAtMs ?? 0 }
  if (operation.extras === 0) return counted
  return walkSteps(operation, counted, current === undefined, nowMs).item
}

function initialBytes(operation: Operation): Buffer {
  const number = Buffer.from(String(operation.special.initial), 'latin1')
  keepNumber(operation, number)
  return itemBytes(0, ownCas(operation), [number])
}

/** A shorter number is padded with blanks to the old length, as memcached does. */
function countedBytes(operation: Operation, current: EmbeddedItem): Buffer | undefined {
  const data = dataOf(current)
  const digits = /^\s*\+?(\d+)(?:\s|$)/.exec(data.toString('latin1'))?.[1]
  const value = digits === undefined ? -1n : BigInt(digits)
  if (value < 0n || value >= U64_MODULUS) {
    operation.decide(Outcome.Refused, NOT_A_NUMBER_LINE)
    return undefined
  }
  if ((operation.extras & Extra.Compare) !== 0 && !hasExpectedCas(current, operation)) {
    operation.decide(Outcome.Exists)
    return undefined
  }
  const changed =
    operation.kind === Op.Incr ? (value + operation.delta) % U64_MODULUS : value - operation.delta
  const number = Buffer.from(String(changed < 0n ? 0n : changed), 'latin1')
  const padding = Buffer.alloc(Math.max(0, data.length - number.length), ' ')
  keepNumber(operation, number)
  // A number that grows is another item to memcached, without the marks of the old.
  const cas = ownCas(operation, number.length > data.length ? 0 : marksOf(current))
  return itemBytes(current.bytes.readUInt32BE(0), cas, [number, padding])
}

function keepNumber(operation: Operation, number: Buffer): void {
  operation.resultBuf = number
  operation.resultStart = 0
  operation.resultEnd = number.length
}

function remove(
  operation: Operation,
  current: EmbeddedItem | undefined,
  nowMs: number,
): EmbeddedItem | undefined {
  const { extras } = operation
  if (current === undefined) {
    operation.decide(Outcome.NotFound)
    return current
  }
  if ((extras & Extra.Compare) !== 0 && !hasExpectedCas(current, operation)) {
    operation.decide(Outcome.Exists)
    return current
  }
  operation.decide(Outcome.Deleted)
  let item: EmbeddedItem | undefined = current
  if ((extras & Extra.ValueOnly) !== 0) item = withoutValue(operation, current, nowMs)
  else if ((extras & Extra.Invalidate) === 0) return undefined
  if (item === undefined || (extras & Extra.Invalidate) === 0) return item
  const cas = ownCas(operation, ITEM_STALE | (marksOf(item) & ITEM_READ))
  const bytes = itemBytes(item.bytes.readUInt32BE(0), cas, [dataOf(item)])
  const stale = { bytes, expiresAtMs: item.expiresAtMs }
  return (extras & Extra.Touch) === 0 ? stale : withTtl(stale, operation.ttlMs, nowMs)
}

/** Keeps the CAS unless the client gives one. */
function withoutValue(
  operation: Operation,
  current: EmbeddedItem,
  nowMs: number,
): EmbeddedItem | undefined {
  const bytes = itemBytes(operation.flags, ownCas(operation), [])
  if ((operation.extras & Extra.NewCas) === 0) {
    current.bytes.copy(bytes, 4, 4, bytes.length)
    bytes.writeUInt32BE((bytes.readUInt32BE(4) & ~ALL_MARKS) >>> 0, 4)
  }
  return withTtl({ bytes, expiresAtMs: 0 }, operation.ttlMs, nowMs)
}

function sentValue(operation: Operation): Buffer {
  return operation.buf.subarray(operation.valueStart, operation.valueEnd)
}

const ALL_MARKS: number = ITEM_STALE | ITEM_WON | ITEM_READ
