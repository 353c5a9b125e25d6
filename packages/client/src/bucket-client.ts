/**
 * One bucket of a store cluster: routes each key's operation to the shard of its vBucket and
 * follows the bucket's configs. Before the first config operations wait, within bounds and their
 * deadlines. Whoever feeds it configs (config-follower.ts, a test) calls `applyConfig`.
 */
import { randomInt } from 'node:crypto'
import { CasClock, Op, PROXY_ID_BITS, VALUE_BYTES_MAX_DEFAULT } from '@holdfast/protocol'
import { type HoldfastExtension, type ShardRoute, VBUCKETS, vbucketOf } from '@holdfast/topology'
import type { Backend, BackendReport } from './backend.ts'
import { answerWhenAll, Fork } from './fork.ts'
import type { Operation } from './operation.ts'
import { Shard } from './shard.ts'
import {
  type ClientLog,
  createShardCounters,
  HELD_OPS_MAX,
  NOBODY,
  QUEUE_FULL_LINE,
  type ShardCounters,
  type ShardSettings,
} from './shard-options.ts'
import type { Turn } from './turn.ts'
import { stampWrite } from './write-stamp.ts'

/** How often silent connections and abandoned operations are looked for. */
const SWEEP_INTERVAL_MS = 100
const STOPPING_LINE = 'SERVER_ERROR proxy is stopping'

/** What a bucket client is made with. */
export interface BucketClientOptions {
  turn: Turn
  connectTimeoutMs?: number
  valueBytesMax?: number
  log?: ClientLog
}

export class BucketClient implements Backend {
  readonly counters: ShardCounters = createShardCounters()
  readonly #turn: Turn
  readonly #connectTimeoutMs: number
  readonly #valueBytesMax: number
  readonly #log: ClientLog
  readonly #clock: CasClock = new CasClock(randomInt(2 ** PROXY_ID_BITS))
  readonly #sweepTimer: NodeJS.Timeout
  #rev = -1
  #shards: Shard[] = []
  #shardOfVbucket: Shard[] = []
  #ranges = ''
  /** What arrived before the first config, in order. */
  #early: Operation[] = []
  #stopped = false

  constructor(options: BucketClientOptions) {
    this.#turn = options.turn
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 400
    this.#valueBytesMax = options.valueBytesMax ?? VALUE_BYTES_MAX_DEFAULT
    this.#log = options.log ?? (() => {})
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS)
    this.#sweepTimer.unref()
  }

  /** Revision of the config in use, -1 before the first. */
  get rev(): number {
    return this.#rev
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
      replicaReads: config.replicaReads === true,
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

  submit(operation: Operation): void {
    if (operation.kind === Op.FlushAll) {
      this.#submitFlush(operation)
      return
    }
    operation.vBucket = vbucketOf(operation.buf, operation.keyStart, operation.keyEnd)
    if (!operation.readsOnly) stampWrite(operation, this.#clock)
    this.#dispatch(operation)
  }

  report(): BackendReport {
    return {
      kind: 'cluster',
      usable: this.#rev >= 0,
      outstanding: this.outstanding,
      servers: this.#shards.map((shard) => shard.report()),
      counters: { ...this.counters },
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#sweepTimer)
    const undecided = [...this.#early, ...this.#shards.flatMap((shard) => shard.stop())]
    this.#early = []
    for (const operation of undecided) {
      operation.accountTo(NOBODY)
      operation.fail(STOPPING_LINE)
    }
  }

  #dispatch(operation: Operation): void {
    const shard = this.#shardOfVbucket[operation.vBucket]
    if (this.#stopped) operation.fail(STOPPING_LINE)
    else if (shard !== undefined) shard.submit(operation)
    else if (this.#early.length < HELD_OPS_MAX) this.#early.push(operation)
    else operation.fail(QUEUE_FULL_LINE)
  }

  #submitFlush(operation: Operation): void {
    if (this.#stopped) {
      operation.fail(STOPPING_LINE)
    } else if (this.#shards.length === 0) {
      operation.fail('SERVER_ERROR no bucket configuration yet')
    } else {
      new Fork(operation, answerWhenAll).spread(this.#shards, (part, shard) => shard.submit(part))
    }
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
