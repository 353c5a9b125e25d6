/**
 * One bucket of a store cluster: routes each key's operation to the shard of its vBucket and
 * follows the bucket's configs. Before the first config operations wait, within bounds and their
 * deadlines. Whoever feeds it configs (config-follower.ts, a test) calls `applyConfig`.
 */
import { randomInt } from 'node:crypto'
import {
  CasClock,
  type MemcachedRequest,
  Op,
  ttlFromExptime,
  VALUE_BYTES_MAX_DEFAULT,
} from '@holdfast/protocol'
import { type HoldfastExtension, type ShardRoute, VBUCKETS, vbucketOf } from '@holdfast/topology'
import type { Backend } from './backend.ts'
import { DELAYED_FLUSH_LINE, DelayedFlushes } from './delayed-flushes.ts'
import { Gather } from './gather.ts'
import { Operation, type OperationAccountant, type ReplySlot, type Upstream } from './operation.ts'
import {
  type ClientLog,
  HELD_OPS_MAX,
  QUEUE_FULL_LINE,
  Shard,
  type ShardCounters,
  type ShardSettings,
  type ShardStatus,
} from './shard.ts'
import type { Turn } from './turn.ts'

/** How often silent connections and abandoned operations are looked for. */
const SWEEP_INTERVAL_MS = 100
const PROXY_ID_BITS = 13
const STOPPING_LINE = 'SERVER_ERROR proxy is stopping'

/** What a bucket client is made with. */
export interface BucketClientOptions {
  turn: Turn
  /** Longest time from a request's arrival to its reply. */
  operationTimeoutMs?: number
  connectTimeoutMs?: number
  valueBytesMax?: number
  log?: ClientLog
}

export class BucketClient implements Backend {
  readonly counters: ShardCounters = {
    replays: 0,
    reconnects: 0,
    shortWaits: 0,
    heldRefused: 0,
    degradedWrites: 0,
  }
  readonly #turn: Turn
  readonly #operationTimeoutMs: number
  readonly #connectTimeoutMs: number
  readonly #valueBytesMax: number
  readonly #log: ClientLog
  readonly #clock: CasClock = new CasClock(randomInt(2 ** PROXY_ID_BITS))
  readonly #sweepTimer: NodeJS.Timeout
  readonly #delayedFlushes: DelayedFlushes
  #rev = -1
  #shards: Shard[] = []
  #shardOfVbucket: Shard[] = []
  #ranges = ''
  /** What arrived before the first config, in order. */
  #early: Operation[] = []
  #stopped = false

  constructor(options: BucketClientOptions) {
    this.#turn = options.turn
    this.#operationTimeoutMs = options.operationTimeoutMs ?? 5000
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 400
    this.#valueBytesMax = options.valueBytesMax ?? VALUE_BYTES_MAX_DEFAULT
    this.#log = options.log ?? (() => {})
    this.#delayedFlushes = new DelayedFlushes(this.#operationTimeoutMs)
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS)
    this.#sweepTimer.unref()
  }

  /** Revision of the config in use, -1 before the first. */
  get rev(): number {
    return this.#rev
  }

  get status(): ShardStatus[] {
    return this.#shards.map((shard) => shard.status)
  }

  /** Operations accepted and not settled. */
  get outstanding(): number {
    return this.#shards.reduce((sum, shard) => sum + shard.outstanding, this.#early.length)
  }

  /**
   * Follows a newer config; an older one, or one without shards, leaves everything as it is.
   *
   * @returns whether it is in use now
   */
  applyConfig(config: HoldfastExtension): boolean {
    if (this.#stopped || config.rev < this.#rev || config.shards.length === 0) return false
    const settings: ShardSettings = {
      durability: config.durability,
      degradedWrites: config.degradedWrites,
      credentials: config.auth.username === '' ? undefined : config.auth,
    }
    const ranges = config.shards.map((shard) => shard.vBuckets.join('-')).join()
    this.#rev = config.rev
    if (ranges === this.#ranges) {
      config.shards.forEach((route, index) => {
        this.#shards[index]?.update(route, settings)
      })
    } else {
      this.#ranges = ranges
      this.#replaceShards(config.shards, settings)
    }
    return true
  }

  submit(request: MemcachedRequest, upstream: Upstream): ReplySlot {
    const deadlineMs = this.#turn.nowMs + this.#operationTimeoutMs
    if (request.keyCount === 1) {
      const operation = new Operation(request, 0, upstream, deadlineMs)
      this.#prepare(operation, request)
      this.#dispatch(operation)
      return operation
    }
    if (request.op === Op.FlushAll) return this.#submitFlush(request, upstream, deadlineMs)
    const gather = new Gather(upstream, deadlineMs, request.noreply)
    const parts: Operation[] = []
    for (let i = 0; i < request.keyCount; i++) {
      const part = new Operation(request, i, gather, deadlineMs)
      this.#prepare(part, request)
      parts.push(part)
    }
    gather.begin(parts)
    for (const part of parts) this.#dispatch(part)
    return gather
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#sweepTimer)
    this.#delayedFlushes.stop()
    const undecided = [...this.#early, ...this.#shards.flatMap((shard) => shard.stop())]
    this.#early = []
    for (const operation of undecided) {
      operation.accountTo(NOBODY)
      operation.fail(STOPPING_LINE)
    }
  }

  #prepare(operation: Operation, request: MemcachedRequest): void {
    operation.vBucket = vbucketOf(operation.buf, operation.keyStart, operation.keyEnd)
    if (operation.readsOnly) return
    const nowMs = Date.now()
    operation.ttlMs = ttlFromExptime(request.exptime, nowMs)
    this.#clock.next(nowMs)
    operation.stampHi = this.#clock.hi
    operation.stampLo = this.#clock.lo
  }

  #dispatch(operation: Operation): void {
    const shard = this.#shardOfVbucket[operation.vBucket]
    if (this.#stopped) operation.fail(STOPPING_LINE)
    else if (shard !== undefined) shard.submit(operation)
    else if (this.#early.length < HELD_OPS_MAX) this.#early.push(operation)
    else operation.fail(QUEUE_FULL_LINE)
  }

  /** With a delay it answers at once and flushes later, as memcached does. */
  #submitFlush(request: MemcachedRequest, upstream: Upstream, deadlineMs: number): ReplySlot {
    const gather = new Gather(upstream, deadlineMs, request.noreply)
    const delayMs = ttlFromExptime(request.exptime, Date.now())
    if (this.#stopped) {
      gather.fail(STOPPING_LINE)
    } else if (this.#shards.length === 0) {
      gather.fail('SERVER_ERROR no bucket configuration yet')
    } else if (delayMs <= 0) {
      this.#flushShards(gather, request)
    } else if (this.#delayedFlushes.schedule(request, delayMs, this.#flushShards)) {
      gather.succeed()
    } else {
      gather.fail(DELAYED_FLUSH_LINE)
    }
    return gather
  }

  #flushShards = (gather: Gather, request: MemcachedRequest): void => {
    const shards = this.#shards
    const parts = shards.map(() => new Operation(request, 0, gather, gather.deadlineMs))
    gather.begin(parts)
    parts.forEach((part, index) => {
      shards[index]?.submit(part)
    })
  }

  /** Shards whose vBuckets changed are made anew; what the old ones held goes to the new ones. */
  #replaceShards(routes: readonly ShardRoute[], settings: ShardSettings): void {
    const undecided = [...this.#early, ...this.#shards.flatMap((shard) => shard.stop())]
    this.#early = []
    this.#shards = routes.map((route, index) => {
      const options = {
        index,
        turn: this.#turn,
        commands: { valueBytesMax: this.#valueBytesMax },
        connectTimeoutMs: this.#connectTimeoutMs,
        counters: this.counters,
        log: this.#log,
      }
      return new Shard(options, route, settings)
    })
    this.#shardOfVbucket = new Array<Shard>(VBUCKETS)
    routes.forEach((route, index) => {
      const shard = this.#shards[index]
      if (shard !== undefined) {
        this.#shardOfVbucket.fill(shard, route.vBuckets[0], route.vBuckets[1] + 1)
      }
    })
    for (const operation of undecided) {
      if (!operation.settled) this.#dispatch(operation)
    }
  }

  #sweep(): void {
    // Not the turn's clock, which would cost an idle process a loop turn each time.
    const nowMs = performance.now()
    for (const shard of this.#shards) shard.sweep(nowMs)
    if (this.#early[0]?.settled === true) {
      this.#early = this.#early.filter((operation) => !operation.settled)
    }
  }
}

/** For operations that no shard counts any more. */
const NOBODY: OperationAccountant = { operationSettled: () => {} }
