/**
 * A store for one machine without engines: LMDB in a folder. Full text semantics, no replication.
 *
 * All operations of one event-loop turn are applied in order in one transaction and settled after
 * its commit. Durability: a commit survives the death of the process at once; the file is synced in
 * the background right after each commit, so a power loss may take the last moments with it (the
 * file itself stays consistent).
 *
 * Expiry: an expired item counts as missing from then on; a sweep removes a bounded number of them
 * each second, led by an index of expiry times. Index entries of items that were overwritten
 * meanwhile are found stale and dropped.
 */
import { createRequire } from 'node:module'
import { CasClock, Op, VALUE_BYTES_MAX_DEFAULT } from '@holdfast/protocol'
import type { Database, RootDatabase } from 'lmdb'
import type { Backend, BackendReport } from './backend.ts'
import type { EmbeddedItem } from './embedded-item.ts'
import { applyToItem } from './embedded-items.ts'
import type { Operation } from './operation.ts'
import { Outcome } from './outcome.ts'
import { QUEUE_FULL_LINE } from './shard.ts'
import type { Flushable, Turn } from './turn.ts'
import { stampWrite } from './write-stamp.ts'

const SWEEP_INTERVAL_MS = 1000
const SWEEP_ITEMS_MAX = 2000
/** Most operations that may wait for the end of a turn. */
const PENDING_MAX = 100_000
const EXPIRY_BYTES = 8
const NO_VALUE: Buffer = Buffer.alloc(0)

/** Loaded when the first store is opened: it takes 16 MB, and most processes open none. */
function lmdb(): typeof import('lmdb') {
  return createRequire(import.meta.url)('lmdb')
}

/** What an embedded store is opened with. */
export interface EmbeddedStoreOptions {
  /** Folder of the database; made when missing. */
  folder: string
  turn: Turn
  valueBytesMax?: number
}

export class EmbeddedStore implements Backend, Flushable {
  flushScheduled = false
  readonly #turn: Turn
  readonly #valueBytesMax: number
  readonly #root: RootDatabase<Buffer, Buffer>
  readonly #items: Database<Buffer, Buffer>
  readonly #expiries: Database<Buffer, Buffer>
  readonly #clock: CasClock = new CasClock(0)
  readonly #sweepTimer: NodeJS.Timeout
  #pending: Operation[] = []
  #stopped = false

  constructor(options: EmbeddedStoreOptions) {
    this.#turn = options.turn
    this.#valueBytesMax = options.valueBytesMax ?? VALUE_BYTES_MAX_DEFAULT
    this.#root = lmdb().open({ path: options.folder, encoding: 'binary', keyEncoding: 'binary' })
    this.#items = this.#root.openDB({ name: 'items', encoding: 'binary', keyEncoding: 'binary' })
    this.#expiries = this.#root.openDB({
      name: 'expiries',
      encoding: 'binary',
      keyEncoding: 'binary',
    })
    this.#sweepTimer = setInterval(() => this.sweep(), SWEEP_INTERVAL_MS)
    this.#sweepTimer.unref()
  }

  submit(operation: Operation): void {
    if (this.#stopped || this.#pending.length >= PENDING_MAX) {
      operation.fail(this.#stopped ? 'SERVER_ERROR proxy is stopping' : QUEUE_FULL_LINE)
      return
    }
    if (!operation.readsOnly && operation.kind !== Op.FlushAll) {
      stampWrite(operation, this.#clock)
    }
    this.#pending.push(operation)
    this.#turn.schedule(this)
  }

  report(): BackendReport {
    return {
      kind: 'embedded',
      usable: !this.#stopped,
      outstanding: this.#pending.length,
      servers: [],
      counters: {},
    }
  }

  flush(): void {
    const batch = this.#pending.filter((operation) => !operation.settled)
    this.#pending = []
    if (batch.length === 0) return
    try {
      if (batch.every((operation) => operation.readsOnly)) this.#apply(batch)
      else this.#root.transactionSync(() => this.#apply(batch))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      for (const operation of batch) operation.fail(`SERVER_ERROR embedded store: ${reason}`)
      return
    }
    for (const operation of batch) operation.settle()
  }

  /** Removes expired items, at most a bounded number; called each second. */
  sweep(nowMs: number = Date.now()): void {
    const due = [
      // The end is not included; what expires in this very millisecond has expired.
      ...this.#expiries.getKeys({ end: expiryKey(nowMs + 1, NO_VALUE), limit: SWEEP_ITEMS_MAX }),
    ]
    if (due.length === 0) return
    this.#root.transactionSync(() => {
      for (const entry of due) {
        const key = entry.subarray(EXPIRY_BYTES)
        const stored = this.#items.get(key)
        if (stored?.subarray(0, EXPIRY_BYTES).equals(entry.subarray(0, EXPIRY_BYTES)) === true) {
          this.#items.removeSync(key)
        }
        this.#expiries.removeSync(entry)
      }
    })
  }

  /** Items stored, expired ones that were not swept yet included. */
  get itemCount(): number {
    return this.#items.getCount()
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    clearInterval(this.#sweepTimer)
    this.flush()
    await this.#root.flushed
    await this.#root.close()
  }

  #apply(batch: readonly Operation[]): void {
    const nowMs = Date.now()
    const terms = { nowMs, valueBytesMax: this.#valueBytesMax }
    for (const operation of batch) {
      if (operation.kind === Op.FlushAll) {
        this.#items.clearSync()
        this.#expiries.clearSync()
        operation.decide(Outcome.Ok)
        continue
      }
      const key = operation.buf.subarray(operation.keyStart, operation.keyEnd)
      const before = this.#read(key, nowMs)
      const after = applyToItem(operation, before, terms)
      if (after === before) continue
      if (after === undefined) this.#items.removeSync(key)
      else this.#write(key, after)
    }
  }

  #read(key: Buffer, nowMs: number): EmbeddedItem | undefined {
    const stored = this.#items.get(key)
    if (stored === undefined) return undefined
    const expiresAtMs = Number(stored.readBigUInt64BE(0))
    if (expiresAtMs !== 0 && expiresAtMs <= nowMs) return undefined
    return { bytes: stored.subarray(EXPIRY_BYTES), expiresAtMs }
  }

  #write(key: Buffer, item: EmbeddedItem): void {
    const expiry = Buffer.alloc(EXPIRY_BYTES)
    expiry.writeBigUInt64BE(BigInt(item.expiresAtMs))
    this.#items.putSync(key, Buffer.concat([expiry, item.bytes]))
    if (item.expiresAtMs !== 0) this.#expiries.putSync(expiryKey(item.expiresAtMs, key), NO_VALUE)
  }
}

function expiryKey(expiresAtMs: number, key: Buffer): Buffer {
  const entry = Buffer.alloc(EXPIRY_BYTES + key.length)
  entry.writeBigUInt64BE(BigInt(Math.floor(expiresAtMs)))
  key.copy(entry, EXPIRY_BYTES)
  return entry
}
