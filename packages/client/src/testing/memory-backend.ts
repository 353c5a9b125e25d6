// A backend for tests that keeps items in a Map and answers at once, with memcached 1.6.18's
// semantics for every op and extra, down to the sequence of its CAS numbers. It is the yardstick
// that replies and other backends are compared with, and is itself compared with memcached in
// replies-memcached.test.ts. Not bounded, not fast, no flush with a delay.

import { Extra, Op } from '@holdfast/protocol'
import type { Backend, BackendReport } from '../backend.ts'
import type { Operation } from '../operation.ts'
import { ItemMark, Outcome } from '../outcome.ts'

interface MemoryItem {
  value: Buffer
  flags: number
  cas: bigint
  /** Unix seconds, 0 never. */
  expiresAt: number
  accessedAt: number
  read: boolean
  stale: boolean
  /** Somebody was told to fill it again. */
  won: boolean
}

const RELATIVE_MAX_SECONDS = 2_592_000
const UINT64 = 1n << 64n
const UINT32 = 1n << 32n
const NOT_A_NUMBER = 'CLIENT_ERROR cannot increment or decrement non-numeric value'

export class MemoryBackend implements Backend {
  readonly #items: Map<string, MemoryItem> = new Map()
  #lastCas = 0n

  submit(operation: Operation): void {
    this.#apply(operation)
    operation.settle()
  }

  report(): BackendReport {
    return { kind: 'embedded', usable: true, outstanding: 0, servers: [], counters: {} }
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  #apply(operation: Operation): void {
    const key = operation.buf.toString('latin1', operation.keyStart, operation.keyEnd)
    const item = this.#find(key)
    switch (operation.kind) {
      case Op.FlushAll:
        this.#items.clear()
        operation.decide(Outcome.Ok)
        break
      case Op.Get:
      case Op.Gets:
      case Op.Gat:
      case Op.Gats:
        this.#get(operation, key, item)
        break
      case Op.Debug:
        operation.decide(item === undefined ? Outcome.Miss : Outcome.Hit)
        if (item !== undefined) keepResult(operation, item)
        break
      case Op.Touch:
        operation.decide(item === undefined ? Outcome.NotFound : Outcome.Touched)
        if (item !== undefined) {
          item.expiresAt = expiryOf(operation.exptime)
          keepResult(operation, item)
        }
        break
      case Op.Delete:
        this.#delete(operation, key, item)
        break
      case Op.Incr:
      case Op.Decr:
        this.#count(operation, key, item)
        break
      default:
        this.#store(operation, key, item)
    }
  }

  #get(operation: Operation, key: string, found: MemoryItem | undefined): void {
    const { extras, special, kind } = operation
    let item = found
    let marks = 0
    if (item === undefined && (extras & Extra.Vivify) !== 0) {
      item = this.#put(operation, key, Buffer.alloc(0), special.vivifyExptime)
      item.flags = 0
      marks = ItemMark.Vivified | ItemMark.Won
    }
    operation.decide(item === undefined ? Outcome.Miss : Outcome.Hit)
    if (item === undefined) return
    const touches = kind === Op.Gat || kind === Op.Gats || (extras & Extra.Touch) !== 0
    if (touches) item.expiresAt = expiryOf(operation.exptime)
    if (item.won) marks |= ItemMark.WonBefore
    else if (item.stale || this.#isDue(operation, item)) marks |= ItemMark.Won
    if (item.stale) marks |= ItemMark.Stale
    if ((marks & ItemMark.Won) !== 0) item.won = true
    keepResult(operation, item)
    operation.resultMarks |= marks
    if ((extras & Extra.NoAccess) !== 0) return
    item.read = true
    item.accessedAt = nowSeconds()
  }

  #isDue(operation: Operation, item: MemoryItem): boolean {
    if ((operation.extras & Extra.Recache) === 0 || item.expiresAt === 0) return false
    return item.expiresAt < expiryOf(operation.special.recacheTtlSeconds)
  }

  #delete(operation: Operation, key: string, item: MemoryItem | undefined): void {
    const { extras } = operation
    if (item === undefined) operation.decide(Outcome.NotFound)
    else if (differs(operation, item)) operation.decide(Outcome.Exists)
    else if ((extras & (Extra.Invalidate | Extra.ValueOnly)) === 0) {
      this.#items.delete(key)
      operation.decide(Outcome.Deleted)
    } else {
      if ((extras & Extra.ValueOnly) !== 0) {
        item.value = Buffer.alloc(0)
        item.flags = 0
      }
      if ((extras & Extra.Invalidate) !== 0) {
        if ((extras & Extra.Touch) !== 0) item.expiresAt = expiryOf(operation.exptime)
        item.stale = true
        item.won = false
      }
      this.#stamp(operation, item)
      operation.decide(Outcome.Deleted)
    }
  }

  #count(operation: Operation, key: string, item: MemoryItem | undefined): void {
    const { extras, special } = operation
    if (item === undefined) {
      if ((extras & Extra.Vivify) === 0) {
        operation.decide(Outcome.NotFound)
        return
      }
      const digits = Buffer.from(String(special.initial))
      const made = this.#put(operation, key, digits, special.vivifyExptime)
      made.flags = 0
      if ((extras & Extra.Touch) !== 0) made.expiresAt = expiryOf(operation.exptime)
      keepResult(operation, made)
      operation.resultMarks |= ItemMark.Vivified
      operation.decide(Outcome.Counted)
      return
    }
    const text = item.value.toString('latin1')
    if (differs(operation, item)) {
      operation.decide(Outcome.Exists)
    } else if (/^(?=.{1,20}$)[0-9]+ *$/.test(text)) {
      item.value = countedValue(operation, BigInt(text.trimEnd()), text.length)
      if ((extras & Extra.Touch) !== 0) item.expiresAt = expiryOf(operation.exptime)
      this.#stamp(operation, item)
      keepResult(operation, item)
      // The digits without the blanks that keep an item's length.
      operation.resultEnd = item.value.toString('latin1').trimEnd().length
      operation.decide(Outcome.Counted)
    } else {
      operation.decide(Outcome.Refused, NOT_A_NUMBER)
    }
  }

  #store(operation: Operation, key: string, item: MemoryItem | undefined): void {
    const { kind, extras } = operation
    const value = operation.buf.subarray(operation.valueStart, operation.valueEnd)
    const extends_ = kind === Op.Append || kind === Op.Prepend
    if (kind === Op.Cas) {
      this.#compareAndStore(operation, key, item, value)
    } else if (kind === Op.Add && item !== undefined) {
      operation.decide(Outcome.NotStored)
    } else if (extends_ && item !== undefined) {
      if (differs(operation, item)) {
        operation.decide(Outcome.Exists)
        return
      }
      item.value = Buffer.concat(kind === Op.Append ? [item.value, value] : [value, item.value])
      this.#stamp(operation, item)
      operation.decide(Outcome.Stored)
    } else if (kind === Op.Replace && item === undefined) {
      operation.decide(Outcome.NotStored)
    } else if (extends_ && (extras & Extra.Vivify) === 0) {
      operation.decide(Outcome.NotStored)
    } else {
      const exptime = extends_ ? operation.special.vivifyExptime : operation.exptime
      this.#put(operation, key, value, exptime)
      operation.decide(Outcome.Stored)
    }
  }

  #compareAndStore(
    operation: Operation,
    key: string,
    item: MemoryItem | undefined,
    value: Buffer,
  ): void {
    if (item === undefined) {
      operation.decide(Outcome.NotFound)
      return
    }
    const cas = casOf(operation)
    const stores = cas === item.cas
    const goesStale = (operation.extras & Extra.Invalidate) !== 0 && cas < item.cas
    if (!stores && !goesStale) {
      operation.decide(Outcome.Exists)
      return
    }
    const stored = this.#put(operation, key, value, operation.exptime)
    if (!stores) {
      stored.stale = true
      stored.won = item.won
    }
    operation.decide(Outcome.Stored)
  }

  #find(key: string): MemoryItem | undefined {
    const item = this.#items.get(key)
    if (item === undefined || item.expiresAt === 0 || item.expiresAt > nowSeconds()) return item
    this.#items.delete(key)
    return undefined
  }

  #put(operation: Operation, key: string, value: Buffer, exptime: number): MemoryItem {
    const item: MemoryItem = {
      value: Buffer.from(value),
      flags: operation.flags,
      cas: 0n,
      expiresAt: expiryOf(exptime),
      accessedAt: nowSeconds(),
      read: false,
      stale: false,
      won: false,
    }
    this.#stamp(operation, item)
    this.#items.set(key, item)
    return item
  }

  #stamp(operation: Operation, item: MemoryItem): void {
    const { newCasHi, newCasLo } = operation.special
    const given = (operation.extras & Extra.NewCas) !== 0
    item.cas = given ? BigInt(newCasHi) * UINT32 + BigInt(newCasLo) : ++this.#lastCas
    operation.stampHi = Number(item.cas / UINT32)
    operation.stampLo = Number(item.cas % UINT32)
  }
}

function keepResult(operation: Operation, item: MemoryItem): void {
  operation.resultBuf = item.value
  operation.resultStart = 0
  operation.resultEnd = item.value.length
  operation.resultFlags = item.flags
  operation.resultCasHi = Number(item.cas / UINT32)
  operation.resultCasLo = Number(item.cas % UINT32)
  operation.resultTtlSeconds = item.expiresAt === 0 ? -1 : item.expiresAt - nowSeconds()
  operation.resultAccessSeconds = nowSeconds() - item.accessedAt
  operation.resultMarks = item.read ? ItemMark.Read : 0
}

/** memcached keeps the length of a counter that gets shorter, with blanks behind it. */
function countedValue(operation: Operation, before: bigint, lengthBefore: number): Buffer {
  const { delta } = operation
  const lowered = before < delta ? 0n : before - delta
  const after = operation.kind === Op.Incr ? (before + delta) % UINT64 : lowered
  return Buffer.from(String(after).padEnd(lengthBefore))
}

function differs(operation: Operation, item: MemoryItem): boolean {
  return (operation.extras & Extra.Compare) !== 0 && casOf(operation) !== item.cas
}

function casOf(operation: Operation): bigint {
  return BigInt(operation.casHi) * UINT32 + BigInt(operation.casLo)
}

function expiryOf(exptime: number): number {
  if (exptime === 0) return 0
  if (exptime < 0) return 1
  return exptime <= RELATIVE_MAX_SECONDS ? nowSeconds() + exptime : exptime
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
