/**
 * One shard as a client sees it: where its primary is now, two connections to it, and the queue of
 * operations that wait for their turn or for a primary.
 *
 * Order. Writes of all upstreams pass through one queue and one write connection. Reads go beside
 * them on the read connection, unless their upstream has a write outstanding here (then they queue
 * behind it, so that a client sees its own writes) or no read connection is up. A write whose
 * upstream has a read outstanding waits until that read is answered. So each upstream gets the
 * results that one server serving its requests in turn would have given.
 *
 * Holding. Without a usable primary everything queues, in order, and is sent (again) when there is
 * one: after a retry of 10 to 50 ms, or at once when a new route arrives. The queue is bounded by
 * count and bytes; the time an operation may wait is its upstream's deadline. Nothing is ever
 * blacklisted. An engine that hands over on purpose names its successor (MOVED); when that is one
 * of the replicas that the route vouches for, it is followed without waiting for the next route.
 *
 * Replays carry the stamp of the first attempt, and functions recognise it. What remains at least
 * once: an incr, decr, append or prepend that was applied and replicated but not yet answered when
 * its primary died, if another client changed the same item before the replay. And a delete whose
 * first answer was lost is answered NOT_FOUND by the replay.
 */
import { type ShardRoute, TAG_PREFIXES } from '@holdfast/topology'
import type { ServerReport } from './backend.ts'
import type { CommandOptions } from './engine-commands.ts'
import type { EngineCredentials } from './engine-connection.ts'
import { Fifo } from './fifo.ts'
import { type Operation, type OperationAccountant, UPSTREAM_ORDER_SHARDS } from './operation.ts'
import { ReadLink, type ReadLinkOwner } from './read-link.ts'
import type { Flushable, Turn } from './turn.ts'
import { DEGRADED_LINE, type Fence, WriteLink, type WriteLinkOwner } from './write-link.ts'

/** Most operations that one shard holds at a time. */
export const HELD_OPS_MAX = 100_000
/** Most bytes of operations that one shard holds at a time. */
export const HELD_BYTES_MAX: number = 64 * 1024 * 1024
/** Reply line of an operation beyond these bounds. */
export const QUEUE_FULL_LINE = 'SERVER_ERROR proxy hold queue full'

const NO_TAG: Buffer = Buffer.alloc(0)
const RETRY_MS_MIN = 10
const RETRY_MS_MAX = 50
/** With nobody waiting a lost engine is tried less often. */
const IDLE_RETRY_MS_MIN = 50
const IDLE_RETRY_MS_MAX = 250

/** What the shards of a bucket have in common. */
export interface ShardSettings {
  /** `replicated` waits for replicas, `none` never does. */
  durability: 'replicated' | 'none'
  /** What becomes of writes to a shard that has lost its replicas. */
  degradedWrites: 'allow' | 'refuse'
  credentials: EngineCredentials | undefined
}

/** Counters of what happened, as they are reported. */
export interface ShardCounters {
  replays: number
  engine_connects: number
  short_waits: number
  hold_queue_refused: number
  /** Writes acknowledged without a replica in a replicated bucket. */
  degraded_writes: number
}

/** What a shard is made with. */
export interface ShardOptions {
  index: number
  turn: Turn
  commands: CommandOptions
  connectTimeoutMs: number
  counters: ShardCounters
  log: ClientLog
  /** Unless the tag of its first vBucket will do. */
  fence?: Fence
}

/** Where a client reports what happens to its engines. */
export type ClientLog = (
  level: 'info' | 'warn',
  message: string,
  fields: Record<string, string | number>,
) => void

export class Shard implements Flushable, WriteLinkOwner, ReadLinkOwner, OperationAccountant {
  flushScheduled = false
  readonly #options: ShardOptions
  readonly #turn: Turn
  /** Place in the upstreams' counters; bounded, so that two of very many shards may share one. */
  readonly #orderIndex: number
  readonly #queue: Fifo<Operation> = new Fifo()
  readonly #fence: Fence
  #route: ShardRoute
  #settings: ShardSettings
  /** The successor that the route's primary named. */
  #successor: string | undefined = undefined
  #write: WriteLink | undefined = undefined
  #read: ReadLink | undefined = undefined
  /** Reads that have to be answered before the next batch may go. */
  #readBarrier = 0
  #retryTimer: NodeJS.Timeout | undefined = undefined
  /** True while the retry timer runs at the pace for nobody waiting. */
  #retriesIdly = false
  #outstanding = 0
  #outstandingBytes = 0
  #troubled = false
  #connects = 0
  #failures = 0
  #stopped = false

  constructor(options: ShardOptions, route: ShardRoute, settings: ShardSettings) {
    this.#options = options
    this.#turn = options.turn
    this.#orderIndex = options.index % UPSTREAM_ORDER_SHARDS
    this.#route = route
    this.#settings = settings
    this.#fence = options.fence ?? { key: tagOf(route), writes: true }
    this.#connect()
  }

  get replicasNeeded(): number {
    return this.#settings.durability === 'none' ? 0 : this.#route.replicas.length
  }

  get refusesWrites(): boolean {
    return this.degraded && this.#settings.degradedWrites === 'refuse'
  }

  get degraded(): boolean {
    return this.#settings.durability === 'replicated' && this.#route.replicas.length === 0
  }

  report(): ServerReport {
    const { primary, vBuckets } = this.#route
    const connected = this.#write?.usable === true
    return {
      address: primary ?? '',
      state: connected ? 'connected' : this.#write === undefined ? 'away' : 'connecting',
      held: this.#queue.length,
      outstanding: this.#outstanding,
      connects: this.#connects,
      failures: this.#failures,
      vBuckets,
    }
  }

  /** Operations accepted and not settled. */
  get outstanding(): number {
    return this.#outstanding
  }

  /** Takes an operation; it will be settled exactly once, here or by its upstream's deadline. */
  submit(operation: Operation): void {
    if (this.#outstanding >= HELD_OPS_MAX || this.#outstandingBytes >= HELD_BYTES_MAX) {
      this.#options.counters.hold_queue_refused++
      operation.fail(QUEUE_FULL_LINE)
      return
    }
    if (!operation.readsOnly && this.refusesWrites) {
      operation.fail(DEGRADED_LINE)
      return
    }
    this.#outstanding++
    this.#outstandingBytes += operation.bytesHeld
    operation.accountTo(this)
    if (operation.readsOnly) this.#submitRead(operation)
    else this.#submitWrite(operation)
    if (this.#retriesIdly) this.#retrySooner()
  }

  /** Follows the topology: another primary, other replicas, other settings. */
  update(route: ShardRoute, settings: ShardSettings): void {
    const moved = route.primary !== this.#route.primary
    const followed = moved && route.primary === this.#successor
    if (moved) this.#successor = undefined
    this.#route = route
    this.#settings = settings
    if (moved && !followed) {
      this.#disconnect()
      this.#connect()
    } else {
      this.#write?.reconsider()
    }
  }

  /** Periodic: gives up silent connections, forgets what its upstream has given up. */
  sweep(nowMs: number): void {
    this.#write?.checkSilence(nowMs)
    this.#read?.checkSilence(nowMs)
    if (this.#queue.peek()?.settled === true) this.#queue.retain((operation) => !operation.settled)
  }

  /** Closes the connections and returns what is undecided, in order. */
  stop(): Operation[] {
    this.#stopped = true
    this.#disconnect()
    const undecided = this.#queue.drain().filter((operation) => !operation.settled)
    for (const operation of undecided) this.operationSettled(operation)
    return undecided
  }

  flush(): void {
    const write = this.#write
    if (write === undefined || !write.idle || this.#queue.length === 0) return
    if (this.#read !== undefined && this.#read.answered < this.#readBarrier) {
      this.#read.notifyAt = this.#readBarrier
      return
    }
    write.send(this.#queue)
  }

  operationSettled(operation: Operation): void {
    this.#outstanding--
    this.#outstandingBytes -= operation.bytesHeld
    const { readsOutstanding, writesOutstanding } = operation.upstream
    const index = this.#orderIndex
    if (operation.besideWrites) readsOutstanding[index] = (readsOutstanding[index] ?? 0) - 1
    else if (!operation.readsOnly) writesOutstanding[index] = (writesOutstanding[index] ?? 0) - 1
  }

  writeLinkUsable(): void {
    if (this.#troubled) {
      this.#troubled = false
      this.#options.log('info', 'shard serves again', this.#place())
    }
    this.#turn.schedule(this)
  }

  writeLinkIdle(): void {
    this.#turn.schedule(this)
  }

  writeLinkWaits(): void {
    this.#options.counters.short_waits++
  }

  writeLinkDegraded(): void {
    this.#options.counters.degraded_writes++
  }

  writeLinkRefused(reason: string, undecided: Operation[]): void {
    this.#trouble(reason)
    this.#giveBack(undecided)
    if (!this.#followed(reason)) this.#retryLater()
  }

  writeLinkClosed(reason: string, undecided: Operation[]): void {
    this.#write = undefined
    this.#successor = undefined
    this.#trouble(reason)
    this.#giveBack(undecided)
    this.#retryLater()
  }

  readRefused(operation: Operation, reason: string): void {
    this.#trouble(reason)
    this.#giveBack([operation])
    if (!this.#followed(reason)) this.#turn.schedule(this)
  }

  readReturned(operation: Operation): void {
    this.#giveBack([operation])
    this.#turn.schedule(this)
  }

  readsPassed(): void {
    this.#turn.schedule(this)
  }

  readLinkClosed(reason: string, undecided: Operation[]): void {
    this.#read = undefined
    this.#readBarrier = 0
    this.#trouble(reason)
    this.#giveBack(undecided)
    this.#turn.schedule(this)
    this.#retryLater()
  }

  #submitRead(operation: Operation): void {
    const { readsOutstanding, writesOutstanding } = operation.upstream
    const index = this.#orderIndex
    const read = this.#read
    const beside = read?.ready === true && this.#write?.usable === true
    if (!beside || (writesOutstanding[index] ?? 0) > 0) {
      this.#queue.push(operation)
      this.#turn.schedule(this)
      return
    }
    operation.besideWrites = true
    readsOutstanding[index] = (readsOutstanding[index] ?? 0) + 1
    read.send(operation)
  }

  #submitWrite(operation: Operation): void {
    const { readsOutstanding, writesOutstanding } = operation.upstream
    const index = this.#orderIndex
    if ((readsOutstanding[index] ?? 0) > 0) this.#readBarrier = this.#read?.sent ?? 0
    writesOutstanding[index] = (writesOutstanding[index] ?? 0) + 1
    this.#queue.push(operation)
    this.#turn.schedule(this)
  }

  /** Puts operations back in front of the queue, in their order. */
  #giveBack(undecided: Operation[]): void {
    for (let i = undecided.length - 1; i >= 0; i--) {
      const operation = undecided[i]
      if (operation === undefined) continue
      if (operation.besideWrites) {
        operation.besideWrites = false
        const { readsOutstanding } = operation.upstream
        readsOutstanding[this.#orderIndex] = (readsOutstanding[this.#orderIndex] ?? 0) - 1
      }
      this.#queue.unshift(operation)
    }
    this.#options.counters.replays += undecided.length
  }

  #connect(): void {
    const primary = this.#successor ?? this.#route.primary
    if (primary === null || this.#stopped) return
    const { commands, connectTimeoutMs } = this.#options
    const { credentials } = this.#settings
    const target = { address: primary, credentials, connectTimeoutMs }
    if (this.#write === undefined) {
      this.#options.counters.engine_connects++
      this.#connects++
      this.#write = new WriteLink({ target, commands, turn: this.#turn, fence: this.#fence }, this)
    } else {
      this.#write.fence()
    }
    this.#read ??= new ReadLink(target, commands, this.#turn, this)
  }

  /** Goes over to the engine that a refusal names, if the route vouches for it. */
  #followed(reason: string): boolean {
    const address = /^MOVED \d+ (\S+)/.exec(reason)?.[1]
    if (address === undefined || address === this.#successor) return false
    if (!this.#route.replicas.includes(address)) return false
    this.#successor = address
    this.#options.log('info', 'shard follows its engine', { ...this.#place(), successor: address })
    this.#disconnect()
    this.#connect()
    return true
  }

  /** Reads in flight came before the writes of the batch, which came before the queue. */
  #disconnect(): void {
    clearTimeout(this.#retryTimer)
    this.#retryTimer = undefined
    this.#retriesIdly = false
    const undecided = [...(this.#read?.close() ?? []), ...(this.#write?.close() ?? [])]
    this.#read = undefined
    this.#write = undefined
    this.#readBarrier = 0
    this.#giveBack(undecided)
  }

  #retryLater(): void {
    if (this.#retryTimer !== undefined || this.#stopped) return
    const idle = this.#queue.length === 0
    this.#retriesIdly = idle
    const min = idle ? IDLE_RETRY_MS_MIN : RETRY_MS_MIN
    const max = idle ? IDLE_RETRY_MS_MAX : RETRY_MS_MAX
    this.#retryTimer = setTimeout(
      () => {
        this.#retryTimer = undefined
        this.#retriesIdly = false
        this.#connect()
      },
      min + Math.random() * (max - min),
    )
  }

  #retrySooner(): void {
    clearTimeout(this.#retryTimer)
    this.#retryTimer = undefined
    this.#retryLater()
  }

  #trouble(reason: string): void {
    if (this.#troubled) return
    this.#troubled = true
    this.#failures++
    this.#options.log('warn', 'shard is held', { ...this.#place(), reason })
  }

  #place(): { shard: number; primary: string } {
    return { shard: this.#options.index, primary: this.#route.primary ?? 'none' }
  }
}

function tagOf(route: ShardRoute): Buffer {
  return TAG_PREFIXES[route.vBuckets[0]] ?? NO_TAG
}
