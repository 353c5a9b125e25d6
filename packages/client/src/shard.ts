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
import { Fifo } from './fifo.ts'
import type { Operation, Upstream } from './operation.ts'
import { ReadLink, type ReadLinkOwner } from './read-link.ts'
import { ShardAccounts } from './shard-accounts.ts'
import { QUEUE_FULL_LINE, type ShardOptions, type ShardSettings } from './shard-options.ts'
import { isPlainRead, ReplicaReads, type ReplicaReadsOwner } from './shard-replica-reads.ts'
import { ShardRetry } from './shard-retry.ts'
import type { Flushable, Turn } from './turn.ts'
import { DEGRADED_LINE, type Fence, WriteLink, type WriteLinkOwner } from './write-link.ts'

export {
  type ClientLog,
  HELD_OPS_MAX,
  QUEUE_FULL_LINE,
  type ShardCounters,
  type ShardOptions,
  type ShardSettings,
} from './shard-options.ts'

const NO_TAG: Buffer = Buffer.alloc(0)
/** How long a primary has to be away before replicas are read. */
const REPLICA_READS_AFTER_MS = 50

export class Shard implements Flushable, WriteLinkOwner, ReadLinkOwner, ReplicaReadsOwner {
  flushScheduled = false
  readonly #options: ShardOptions
  readonly #turn: Turn
  readonly #accounts: ShardAccounts
  readonly #queue: Fifo<Operation> = new Fifo()
  readonly #fence: () => Fence
  #route: ShardRoute
  #settings: ShardSettings
  /** The successor that the route's primary named. */
  #successor: string | undefined = undefined
  #write: WriteLink | undefined = undefined
  #read: ReadLink | undefined = undefined
  readonly #replicas: ReplicaReads
  /** Since when there is no usable primary, 0 while there is one. */
  #awaySinceMs: number
  /** Reads, of the primary and of a replica, that are to be answered before the next batch. */
  #readBarrier = 0
  #replicaBarrier = 0
  readonly #retry: ShardRetry = new ShardRetry(() => this.#connect())
  #troubled = false
  #connects = 0
  #failures = 0
  #stopped = false

  constructor(options: ShardOptions, route: ShardRoute, settings: ShardSettings) {
    this.#options = options
    this.#turn = options.turn
    this.#accounts = new ShardAccounts(options.index)
    this.#route = route
    this.#settings = settings
    this.#fence = options.fence ?? (() => ({ key: tagOf(this.#route), writes: true }))
    this.#replicas = new ReplicaReads(options.commands, options.turn, this)
    this.#awaySinceMs = performance.now()
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
      outstanding: this.#accounts.outstanding,
      connects: this.#connects,
      failures: this.#failures,
      vBuckets,
    }
  }

  /** Whether operations wait for a primary. */
  get starves(): boolean {
    return this.#queue.length > 0 && this.#write?.usable !== true
  }

  /** Operations accepted and not settled. */
  get outstanding(): number {
    return this.#accounts.outstanding
  }

  /** Takes an operation; it will be settled exactly once, here or by its upstream's deadline. */
  submit(operation: Operation): void {
    if (this.#accounts.full) {
      this.#options.counters.hold_queue_refused++
      operation.fail(QUEUE_FULL_LINE)
      return
    }
    if (!operation.readsOnly && this.refusesWrites) {
      operation.fail(DEGRADED_LINE)
      return
    }
    this.#accounts.accept(operation)
    if (operation.readsOnly) this.#submitRead(operation)
    else this.#submitWrite(operation)
    this.#retry.hurry()
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
    this.#replicas.checkSilence(nowMs)
    if (this.#awaySinceMs === 0) this.#replicas.closeIdle()
    if (this.#queue.peek()?.settled === true) this.#queue.retain((operation) => !operation.settled)
    if (this.#queue.length > 0 && this.#readsReplicas) this.replicaReady()
  }

  /** Closes the connections and returns what is undecided, in order. */
  stop(): Operation[] {
    this.#stopped = true
    this.#disconnect()
    this.#giveBack(this.#replicas.close())
    const undecided = this.#queue.drain().filter((operation) => !operation.settled)
    for (const operation of undecided) this.#accounts.forget(operation)
    return undecided
  }

  flush(): void {
    const write = this.#write
    if (write === undefined || !write.idle || this.#queue.length === 0) return
    if (this.#replicas.awaits(this.#replicaBarrier)) return
    if (this.#read !== undefined && this.#read.answered < this.#readBarrier) {
      this.#read.notifyAt = this.#readBarrier
      return
    }
    write.send(this.#queue)
  }

  takesOver(operation: Operation, refusal: string): boolean {
    return this.#options.takesOver?.(operation, refusal) === true
  }

  /** Holds operations that were taken over, in front of all others. */
  takeBack(operations: Operation[]): void {
    this.#giveBack(operations)
    this.#turn.schedule(this)
  }

  /** Forgets an operation that was taken over and goes elsewhere. */
  release(operation: Operation): void {
    this.#accounts.forget(operation)
  }

  /** Whether the upstream has anything here that is not settled. */
  occupies(upstream: Upstream): boolean {
    return this.#accounts.readsOf(upstream) > 0 || this.#accounts.writesOf(upstream) > 0
  }

  writeLinkUsable(): void {
    this.#awaySinceMs = 0
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

  writeLinkStalls(): void {
    const { key, writes } = this.#fence()
    if (!writes || this.#read?.ready !== true) return
    this.#options.counters.wait_nudges++
    this.#read.nudge(key)
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

  readLinkReady(): void {}

  /** Hands over what waits and may be read from a replica. */
  replicaReady(): void {
    this.#queue.retain((operation) => !operation.settled && !this.#sentToReplica(operation))
  }

  replicaReturned(undecided: Operation[]): void {
    this.#replicaBarrier = 0
    this.#giveBack(undecided)
    this.#turn.schedule(this)
  }

  readRefused(operation: Operation, reason: string): void {
    if (this.takesOver(operation, reason)) return
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
    const read = this.#read
    const beside = read?.ready === true && this.#write?.usable === true
    if (!beside || this.#accounts.writesOf(operation.upstream) > 0) {
      if (this.#readsReplicas && this.#sentToReplica(operation)) return
      this.#queue.push(operation)
      this.#turn.schedule(this)
      return
    }
    this.#accounts.countRead(operation)
    read.send(operation)
  }

  #submitWrite(operation: Operation): void {
    if (this.#accounts.readsOf(operation.upstream) > 0) {
      this.#readBarrier = this.#read?.sent ?? 0
      this.#replicaBarrier = this.#replicas.sent
    }
    this.#accounts.countWrite(operation)
    this.#queue.push(operation)
    this.#turn.schedule(this)
  }

  get #readsReplicas(): boolean {
    if (!this.#settings.replicaReads || this.#awaySinceMs === 0) return false
    return this.#turn.nowMs - this.#awaySinceMs > REPLICA_READS_AFTER_MS
  }

  /** Sends a read to a replica; not one whose upstream could miss its own write there. */
  #sentToReplica(operation: Operation): boolean {
    if (!isPlainRead(operation) || this.#accounts.writesOf(operation.upstream) > 0) return false
    if (!this.#replicas.ready) {
      const { connectTimeoutMs, tls } = this.#options
      const { credentials } = this.#settings
      this.#replicas.open(this.#route.replicas, { credentials, connectTimeoutMs, tls })
      return false
    }
    this.#accounts.countRead(operation)
    this.#options.counters.replica_reads++
    this.#replicas.send(operation)
    return true
  }

  /** Puts operations back in front of the queue, in their order. */
  #giveBack(undecided: Operation[]): void {
    for (let i = undecided.length - 1; i >= 0; i--) {
      const operation = undecided[i]
      if (operation === undefined) continue
      this.#accounts.returned(operation)
      this.#queue.unshift(operation)
    }
    this.#options.counters.replays += undecided.length
  }

  #connect(): void {
    const primary = this.#successor ?? this.#route.primary
    if (primary === null || this.#stopped) return
    const { commands, connectTimeoutMs } = this.#options
    const { credentials } = this.#settings
    const { tls } = this.#options
    const target = { address: primary, credentials, connectTimeoutMs, tls }
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
    this.#retry.cancel()
    if (this.#awaySinceMs === 0) this.#awaySinceMs = this.#turn.nowMs
    const undecided = [...(this.#read?.close() ?? []), ...(this.#write?.close() ?? [])]
    this.#read = undefined
    this.#write = undefined
    this.#readBarrier = 0
    this.#giveBack(undecided)
  }

  #retryLater(): void {
    if (!this.#stopped) this.#retry.later(this.#queue.length === 0)
  }

  #trouble(reason: string): void {
    if (this.#write?.usable !== true && this.#awaySinceMs === 0)
      this.#awaySinceMs = this.#turn.nowMs
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
