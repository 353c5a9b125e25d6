/**
 * Writes items into a bucket over the data path, as any client's writes: routed to the engines,
 * acknowledged when they are replicated. Bounds what is on its way; repeats a write that the store
 * could not take, through failovers, until its tries are used up; then everything stops with the
 * reason, and may be done again from the beginning.
 */
import { setTimeout as delay } from 'node:timers/promises'
import {
  type Backend,
  Operation,
  Outcome,
  type ReplySlot,
  UPSTREAM_ORDER_SHARDS,
  type Upstream,
} from '@holdfast/client'
import type { ShardItem } from '@holdfast/cluster'
import { Dialect, KEY_BYTES_MAX, Op } from '@holdfast/protocol'

/** Writes on their way, and their bytes. */
const PENDING_MAX = 512
const PENDING_BYTES_MAX: number = 8 * 1024 * 1024
const TIMEOUT_MS = 5000
/** A write that fails is repeated so often, with a pause. */
const TRIES_MAX = 20
const PAUSE_MS = 500
const MILLISECONDS = 1000

/** `overwrite`: the item replaces what is there; `add`: what is there stays. */
export type WriteMode = 'overwrite' | 'add'

/** Raised when the bucket does not take an item. */
export class BucketWriteError extends Error {
  readonly code = 'HOLDFAST_BUCKET_WRITE'
}

interface Write {
  item: ShardItem
  tries: number
}

export class BucketWriter implements Upstream {
  readonly readsOutstanding: Int32Array = new Int32Array(UPSTREAM_ORDER_SHARDS)
  readonly writesOutstanding: Int32Array = new Int32Array(UPSTREAM_ORDER_SHARDS)
  /** Items stored, left as they were, and expired before they could be stored. */
  readonly counts: { written: number; kept: number; expired: number } = {
    written: 0,
    kept: 0,
    expired: 0,
  }
  readonly #backend: Backend
  readonly #mode: WriteMode
  readonly #writes: Map<ReplySlot, Write> = new Map()
  #pending = 0
  #pendingBytes = 0
  #failure: Error | null = null
  #wake: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #timer: NodeJS.Timeout

  constructor(backend: Backend, mode: WriteMode) {
    this.#backend = backend
    this.#mode = mode
    this.#timer = setInterval(() => this.#expire(), PAUSE_MS)
  }

  /** Resolves when there is room for more. Rejects with {@link BucketWriteError}. */
  async write(item: ShardItem): Promise<void> {
    if (item.key.length === 0 || item.key.length > KEY_BYTES_MAX) {
      throw new BucketWriteError(
        `a key of ${item.key.length} bytes; 1 to ${KEY_BYTES_MAX} are taken`,
      )
    }
    while (this.#pending >= PENDING_MAX || this.#pendingBytes >= PENDING_BYTES_MAX) {
      await this.#settled()
    }
    if (this.#failure) throw this.#failure
    if (item.expiresAtMs !== 0 && item.expiresAtMs <= Date.now()) {
      this.counts.expired++
      return
    }
    this.#pending++
    this.#pendingBytes += item.value.length
    this.#submit({ item, tries: 0 })
  }

  /** Resolves when everything is written. Rejects with {@link BucketWriteError}. */
  async finish(): Promise<void> {
    while (this.#pending > 0 && !this.#failure) await this.#settled()
    if (this.#failure) throw this.#failure
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#backend.stop()
  }

  slotSettled(slot: ReplySlot): void {
    const write = this.#writes.get(slot)
    if (write === undefined || !(slot instanceof Operation)) return
    this.#writes.delete(slot)
    const { outcome, line } = slot
    slot.release()
    if (outcome === Outcome.Failed) {
      void this.#again(write, line)
      return
    }
    if (outcome === Outcome.Stored) this.counts.written++
    else if (this.#mode === 'add' && outcome !== Outcome.Refused) this.counts.kept++
    else this.#fail(write, line || `outcome ${outcome}`)
    this.#done(write)
  }

  #submit(write: Write): void {
    const { key, value, flags, expiresAtMs } = write.item
    const operation = new Operation(this, performance.now() + TIMEOUT_MS)
    operation.kind = this.#mode === 'add' ? Op.Add : Op.Set
    operation.dialect = Dialect.Text
    operation.buf = Buffer.concat([key, value])
    operation.keyEnd = key.length
    operation.valueStart = key.length
    operation.valueEnd = operation.buf.length
    operation.flags = flags
    operation.exptime = expiresAtMs / MILLISECONDS
    write.tries++
    this.#writes.set(operation, write)
    this.#backend.submit(operation)
  }

  async #again(write: Write, line: string): Promise<void> {
    if (write.tries >= TRIES_MAX) this.#fail(write, line)
    else await delay(PAUSE_MS)
    if (this.#failure) this.#done(write)
    else this.#submit(write)
  }

  #fail(write: Write, line: string): void {
    const key = write.item.key.toString('latin1')
    this.#failure ??= new BucketWriteError(
      `the bucket does not take ${JSON.stringify(key)} (tries: ${write.tries}): ${line}`,
    )
  }

  #done(write: Write): void {
    this.#pending--
    this.#pendingBytes -= write.item.value.length
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }

  #settled(): Promise<void> {
    return this.#wake.promise
  }

  #expire(): void {
    const nowMs = performance.now()
    for (const slot of [...this.#writes.keys()]) {
      if (slot.deadlineMs <= nowMs) slot.fail('SERVER_ERROR proxy downstream timeout')
    }
  }
}
