/*
 * The items behind a backend (a bucket, somebody's own Valkey), read and written directly, without
 * a proxy between: promises instead of a connection's replies.
 *
 * Every call ends within its deadline; at most `pendingMax` wait. While calls wait and nothing is
 * answered for a while, a few keys are asked for all over the backend: when none of them is
 * answered until `awayAfterMs`, it is away and what waits fails at once. One shard that is failing
 * over does not make it so. Backends repeat what they may; here nothing is repeated.
 */
import { Dialect, keyBytes, Op } from '@holdfast/protocol'
import type { Backend } from './backend.ts'
import type { ItemClient } from './item-client.ts'
import {
  MEMCACHED_PENDING_MAX_DEFAULT,
  MEMCACHED_TIMEOUT_MS_DEFAULT,
  type MemcachedCallOptions,
  type MemcachedCasItem,
  type MemcachedStoreOptions,
  type MemcachedWritten,
} from './memcached-client.ts'
import { exptimeOf } from './memcached-command.ts'
import {
  ClientClosedError,
  ConnectionLostError,
  OperationTimeoutError,
  QueueFullError,
  ServerReplyError,
} from './memcached-errors.ts'
import {
  Operation,
  type ReplySlot,
  TIMEOUT_LINE,
  UPSTREAM_ORDER_SHARDS,
  type Upstream,
} from './operation.ts'
import { Outcome } from './outcome.ts'

export interface BackendItemsOptions {
  /** As errors show it; no credentials. */
  address: string
  open: () => Backend
  /** Deadline of one operation; default 1000. */
  timeoutMs?: number | undefined
  /** Silence of the whole backend after which it is away. */
  awayAfterMs?: number | undefined
  pendingMax?: number | undefined
  /** True: it is opened by the first operation. */
  lazy?: boolean | undefined
}

interface Call {
  operation: Operation
  name: string
  timeoutMs: number
  settle(operation: Operation): void
  reject(error: Error): void
}

/** Keys asked for when nothing is answered. */
const PROBES = 8
const LOOK_MS = 50
const LATE_MS = 50
const SILENCE_PROBE_MS = 100
/** One that has never answered is given this long from the start: config, connects, logins. */
const FIRST_ANSWER_MS = 2000
const AWAY_LINE = 'SERVER_ERROR proxy downstream silent'
const NOTHING: Buffer = Buffer.alloc(0)

export class BackendItems implements ItemClient, Upstream {
  readonly readsOutstanding: Int32Array = new Int32Array(UPSTREAM_ORDER_SHARDS)
  readonly writesOutstanding: Int32Array = new Int32Array(UPSTREAM_ORDER_SHARDS)
  readonly #options: BackendItemsOptions
  readonly #address: string
  readonly #timeoutMs: number
  #backend: Backend | undefined
  readonly #calls: Map<ReplySlot, Call> = new Map()
  readonly #probes: Map<ReplySlot, Operation> = new Map()
  #lookTimer: NodeJS.Timeout | undefined
  #lookDueMs = 0
  #heardMs = 0
  #openedMs = 0
  #everHeard = false
  #probedMs = 0
  #downSinceMs: number | undefined
  #closed = false

  constructor(options: BackendItemsOptions) {
    this.#options = options
    this.#address = options.address
    this.#timeoutMs = options.timeoutMs ?? MEMCACHED_TIMEOUT_MS_DEFAULT
    if (options.lazy !== true) this.#open()
  }

  /** Since when nothing was answered, on the clock of `performance.now()`; undefined: it is up. */
  get downSinceMs(): number | undefined {
    return this.#downSinceMs
  }

  /** Calls that wait for an answer. */
  get pending(): number {
    return this.#calls.size
  }

  async gets(key: string, options?: MemcachedCallOptions): Promise<MemcachedCasItem | undefined> {
    return this.#ask('gets', this.#operation(Op.Gets, key, options), options, itemOf)
  }

  async gats(
    key: string,
    ttlSeconds: number,
    options?: MemcachedCallOptions,
  ): Promise<MemcachedCasItem | undefined> {
    const operation = this.#operation(Op.Gats, key, options, { ttlSeconds })
    return this.#ask('gats', operation, options, itemOf)
  }

  async set(
    key: string,
    value: Buffer,
    options?: MemcachedStoreOptions,
  ): Promise<MemcachedWritten> {
    const operation = this.#operation(Op.Set, key, options, { ...options, value })
    return this.#ask('set', operation, options, writtenOf)
  }

  async add(
    key: string,
    value: Buffer,
    options?: MemcachedStoreOptions,
  ): Promise<MemcachedWritten> {
    const operation = this.#operation(Op.Add, key, options, { ...options, value })
    return this.#ask('add', operation, options, writtenOf)
  }

  async cas(
    key: string,
    value: Buffer,
    cas: string,
    options?: MemcachedStoreOptions,
  ): Promise<MemcachedWritten> {
    const operation = this.#operation(Op.Cas, key, options, { ...options, value })
    const version = BigInt(cas)
    operation.casHi = Number(BigInt.asUintN(32, version >> 32n))
    operation.casLo = Number(BigInt.asUintN(32, version))
    return this.#ask('cas', operation, options, writtenOf)
  }

  async touch(key: string, ttlSeconds: number, options?: MemcachedCallOptions): Promise<boolean> {
    const operation = this.#operation(Op.Touch, key, options, { ttlSeconds })
    return this.#ask('touch', operation, options, ({ outcome }) => outcome === Outcome.Touched)
  }

  async delete(key: string, options?: MemcachedCallOptions): Promise<boolean> {
    const operation = this.#operation(Op.Delete, key, options)
    return this.#ask('delete', operation, options, ({ outcome }) => outcome === Outcome.Deleted)
  }

  /** What waits is rejected. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#lookTimer)
    for (const call of this.#calls.values()) call.reject(new ClientClosedError(this.#address))
    this.#calls.clear()
    await this.#backend?.stop()
  }

  slotSettled(slot: ReplySlot): void {
    const call = this.#calls.get(slot)
    const operation = call?.operation ?? this.#probes.get(slot)
    if (operation === undefined) return
    this.#calls.delete(slot)
    this.#probes.delete(slot)
    const failed = operation.outcome === Outcome.Failed
    if (!failed) {
      this.#everHeard = true
      this.#heardMs = performance.now()
      this.#downSinceMs = undefined
    }
    if (failed || operation.outcome === Outcome.Refused) {
      call?.reject(this.#errorOf(operation, call))
    } else call?.settle(operation)
    operation.release()
  }

  #open(): Backend {
    this.#openedMs = performance.now()
    this.#backend = this.#options.open()
    return this.#backend
  }

  #operation(
    kind: Op,
    key: string,
    call: MemcachedCallOptions | undefined,
    fields: { ttlSeconds?: number | undefined; flags?: number | undefined; value?: Buffer } = {},
  ): Operation {
    const { ttlSeconds = 0, flags = 0, value = NOTHING } = fields
    const name = keyBytes(key)
    const timeoutMs = call?.timeoutMs ?? this.#timeoutMs
    const operation = new Operation(this, performance.now() + timeoutMs)
    operation.kind = kind
    operation.dialect = Dialect.Text
    operation.buf = value.length === 0 ? name : Buffer.concat([name, value])
    operation.keyEnd = name.length
    operation.valueStart = name.length
    operation.valueEnd = operation.buf.length
    operation.flags = flags
    operation.exptime = exptimeOf(ttlSeconds)
    return operation
  }

  #ask<T>(
    name: string,
    operation: Operation,
    options: MemcachedCallOptions | undefined,
    resultOf: (operation: Operation) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new ClientClosedError(this.#address))
        return
      }
      const pendingMax = this.#options.pendingMax ?? MEMCACHED_PENDING_MAX_DEFAULT
      if (this.#calls.size >= pendingMax) {
        reject(new QueueFullError(this.#address, pendingMax))
        return
      }
      if (this.#calls.size === 0) this.#heardMs = performance.now()
      this.#calls.set(operation, {
        operation,
        name,
        timeoutMs: options?.timeoutMs ?? this.#timeoutMs,
        settle: (settled) => resolve(resultOf(settled)),
        reject,
      })
      this.#lookBy(operation.deadlineMs)
      const backend = this.#backend ?? this.#open()
      backend.submit(operation)
    })
  }

  #errorOf(operation: Operation, { name, timeoutMs }: Call): Error {
    const { line, outcome } = operation
    if (outcome === Outcome.Refused) return new ServerReplyError('CLIENT_ERROR', name, line)
    if (line === TIMEOUT_LINE && performance.now() >= operation.deadlineMs) {
      return new OperationTimeoutError(name, this.#address, timeoutMs)
    }
    const trouble = /^SERVER_ERROR (?:proxy (.*)|no bucket configuration yet|a2b not_my_vbucket)/
    if (!trouble.test(line)) {
      return new ServerReplyError('SERVER_ERROR', name, line.replace(/^SERVER_ERROR /, ''))
    }
    this.#downSinceMs ??= performance.now()
    return new ConnectionLostError(this.#address, new Error(line))
  }

  #lookBy(deadlineMs: number): void {
    const dueMs = Math.min(deadlineMs, performance.now() + LOOK_MS)
    if (this.#lookTimer !== undefined && this.#lookDueMs <= dueMs) return
    clearTimeout(this.#lookTimer)
    this.#lookDueMs = dueMs
    this.#lookTimer = setTimeout(() => {
      // What has arrived meanwhile is read before anybody is called late.
      setImmediate(() => this.#look())
    }, dueMs - performance.now())
    this.#lookTimer.unref()
  }

  #look(): void {
    this.#lookTimer = undefined
    if (this.#closed) return
    const nowMs = performance.now()
    let nextMs = Number.POSITIVE_INFINITY
    for (const slot of [...this.#probes.keys(), ...this.#calls.keys()]) {
      if (slot.deadlineMs <= nowMs) slot.fail(TIMEOUT_LINE)
      else nextMs = Math.min(nextMs, slot.deadlineMs)
    }
    this.#judge(nowMs)
    if (this.#calls.size > 0) this.#lookBy(nextMs)
  }

  #judge(nowMs: number): void {
    const { awayAfterMs } = this.#options
    if (awayAfterMs === undefined || this.#calls.size === 0) return
    if (nowMs - this.#lookDueMs > LATE_MS) {
      this.#heardMs = nowMs
      return
    }
    const silentMs = nowMs - this.#heardMs
    const isOpening = !this.#everHeard && nowMs - this.#openedMs < FIRST_ANSWER_MS
    if (isOpening) return
    if (silentMs >= awayAfterMs) {
      this.#downSinceMs ??= this.#heardMs
      for (const slot of [...this.#calls.keys()]) slot.fail(AWAY_LINE)
      return
    }
    const due = Math.min(SILENCE_PROBE_MS, awayAfterMs / 2)
    if (silentMs >= due && this.#probedMs <= this.#heardMs) this.#probe(awayAfterMs)
  }

  #probe(timeoutMs: number): void {
    // Some of the last ones may have been answered, and be a while ago.
    for (const slot of [...this.#probes.keys()]) slot.fail(TIMEOUT_LINE)
    this.#probedMs = performance.now()
    for (let probe = 0; probe < PROBES; probe++) {
      const key = `ping-${Math.random().toString(36).slice(2)}`
      const operation = this.#operation(Op.Gets, key, { timeoutMs })
      this.#probes.set(operation, operation)
      this.#backend?.submit(operation)
    }
  }
}

/** The bytes are copied: their memory is used again. */
function itemOf(operation: Operation): MemcachedCasItem | undefined {
  if (operation.outcome !== Outcome.Hit) return undefined
  const { resultBuf, resultStart, resultEnd, resultFlags } = operation
  const value = Buffer.from(resultBuf.subarray(resultStart, resultEnd))
  return {
    value,
    flags: resultFlags,
    cas: casText(operation.resultCasHi, operation.resultCasLo) ?? '0',
  }
}

function writtenOf(operation: Operation): MemcachedWritten {
  const { outcome, kind, stampHi, stampLo } = operation
  if (outcome === Outcome.Stored) return { outcome: 'STORED', cas: casText(stampHi, stampLo) }
  if (outcome === Outcome.NotFound) return { outcome: 'NOT_FOUND', cas: undefined }
  const isMissing = outcome === Outcome.NotStored && kind === Op.Replace
  return { outcome: isMissing ? 'NOT_FOUND' : 'EXISTS', cas: undefined }
}

function casText(hi: number, lo: number): string | undefined {
  const cas = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)
  return cas === 0n ? undefined : String(cas)
}
