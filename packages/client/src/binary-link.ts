/**
 * One way to one server of the binary protocol, for as long as the server is wanted: a connection,
 * and another one when it is lost. Used by vBucket buckets and by pools of memcached servers.
 *
 * While the server connects, operations wait here, no longer than the connect timeout. After a
 * failed connect the server is away: operations fail at once, and a probe in the background tries
 * again every 50 ms to 1 s; nothing is blacklisted. When a connection is lost, operations that
 * never left are sent on the next one. So are, once, reads; and sets and touches if the server had
 * been idle and said nothing since: it had closed the connection, as servers do when they restart.
 * Everything else may have been carried out and fails.
 */
import { type BinaryReply, Op } from '@holdfast/protocol'
import type { ServerReport } from './backend.ts'
import { expressibleInBinary, NOT_SUPPORTED_LINE } from './binary-commands.ts'
import {
  BinaryConnection,
  type BinaryConnectionOwner,
  type BinaryLoss,
  type BinaryTarget,
} from './binary-connection.ts'
import { NOT_MY_VBUCKET_LINE } from './binary-replies.ts'
import { HeldOperations } from './held-operations.ts'
import { type Operation, TIMEOUT_LINE } from './operation.ts'
import { probeDelayMs } from './probe-delay.ts'
import { type ClientLog, QUEUE_FULL_LINE } from './shard.ts'
import type { Turn } from './turn.ts'

/** Most operations sent and not answered. */
export const LINK_OPS_MAX = 50_000
/** Most bytes of requests that the system has not taken yet. */
export const LINK_BACKLOG_BYTES_MAX: number = 64 * 1024 * 1024

/** A connection that is lost sooner, without a single reply, counts as a failed connect. */
const SHORT_LIFE_MS = 1000

/** What a link is made with. */
export interface BinaryLinkOptions {
  target: BinaryTarget
  turn: Turn
  log: ClientLog
  /** Takes an operation whose vBucket the server does not own; without, it fails. */
  onRefused?: ((operation: Operation, link: BinaryLink, reply: BinaryReply) => void) | undefined
  /** Takes, in order, what may be sent again after a loss; without, the link sends it itself. */
  onReturned?: ((operation: Operation) => void) | undefined
}

export class BinaryLink implements BinaryConnectionOwner {
  readonly address: string
  readonly #options: BinaryLinkOptions
  readonly #held: HeldOperations = new HeldOperations()
  #connection: BinaryConnection | undefined = undefined
  #away = false
  #probeTimer: NodeJS.Timeout | undefined = undefined
  #failuresInRow = 0
  #readySinceMs = 0
  #connects = 0
  #failures = 0
  #retries = 0
  #closed = false

  constructor(options: BinaryLinkOptions) {
    this.address = options.target.address
    this.#options = options
    this.#connect()
  }

  /** Operations given back by a lost connection and sent again. */
  get retries(): number {
    return this.#retries
  }

  /** Operations here without an answer. */
  get outstanding(): number {
    return this.#held.length + (this.#connection?.outstanding ?? 0)
  }

  report(): ServerReport {
    const connected = this.#connection?.ready === true
    return {
      address: this.address,
      state: connected ? 'connected' : this.#away ? 'away' : 'connecting',
      held: this.#held.length,
      outstanding: this.#connection?.outstanding ?? 0,
      connects: this.#connects,
      failures: this.#failures,
    }
  }

  /** Takes an operation; it is settled exactly once, here or by its upstream's deadline. */
  submit(operation: Operation, vBucket: number = operation.vBucket): void {
    operation.vBucket = vBucket
    if (!expressibleInBinary(operation)) {
      operation.fail(NOT_SUPPORTED_LINE)
      return
    }
    const connection = this.#connection
    if (connection?.ready === true) {
      const full =
        connection.outstanding >= LINK_OPS_MAX || connection.backlogBytes >= LINK_BACKLOG_BYTES_MAX
      if (full) operation.fail(QUEUE_FULL_LINE)
      else connection.submit(operation, vBucket)
    } else if (this.#away || this.#closed) {
      operation.fail(this.#unreachableLine)
    } else if (this.#held.full) {
      operation.fail(QUEUE_FULL_LINE)
    } else {
      this.#held.push(operation)
    }
  }

  /** Shows each operation that is sent and not answered. */
  forEachOutstanding(visit: (operation: Operation) => void): void {
    this.#connection?.forEachOutstanding(visit)
  }

  /** Takes out those that wait for a connection and match, in order. */
  takeWaiting(matches: (operation: Operation) => boolean): Operation[] {
    const taken: Operation[] = []
    for (const operation of this.#held.drain()) {
      if (matches(operation)) taken.push(operation)
      else this.#held.push(operation)
    }
    return taken
  }

  /** Periodic: gives up a silent connection, forgets what its upstream has given up. */
  sweep(nowMs: number): void {
    this.#connection?.checkSilence(nowMs)
    this.#held.sweep()
  }

  /** Closes for good and returns what is undecided, in order. */
  close(): Operation[] {
    this.#closed = true
    clearTimeout(this.#probeTimer)
    const undecided = this.#connection?.close() ?? []
    this.#connection = undefined
    return [...undecided, ...this.#held.drain()]
  }

  connectionReady(): void {
    if (this.#away) this.#options.log('info', 'server is back', { server: this.address })
    this.#away = false
    this.#readySinceMs = performance.now()
    for (const operation of this.#held.drain()) this.submit(operation)
  }

  connectionRefused(operation: Operation, reply: BinaryReply): void {
    const { onRefused } = this.#options
    if (onRefused === undefined) operation.fail(NOT_MY_VBUCKET_LINE)
    else onRefused(operation, this, reply)
  }

  connectionLost(loss: BinaryLoss): void {
    const answered = this.#connection?.answered ?? 0
    this.#connection = undefined
    if (loss.cause === 'connect') {
      this.#leave(loss.reason)
      return
    }
    this.#failures++
    const line =
      loss.cause === 'silent'
        ? TIMEOUT_LINE
        : `SERVER_ERROR proxy downstream closed ${this.address}`
    this.#options.log('warn', 'connection to server lost', {
      server: this.address,
      reason: loss.reason,
    })
    const again = this.#failLost(loss, line)
    const short = answered === 0 && performance.now() - this.#readySinceMs < SHORT_LIFE_MS
    if (short && this.#failuresInRow > 0) this.#leave(loss.reason)
    else {
      this.#failuresInRow = short ? 1 : 0
      this.#connect()
    }
    const { onReturned } = this.#options
    for (const operation of again) {
      if (onReturned === undefined) this.submit(operation)
      else onReturned(operation)
    }
  }

  /** Fails what must not be sent again; returns what may. */
  #failLost(loss: BinaryLoss, line: string): Operation[] {
    const again: Operation[] = []
    for (const operation of loss.sent) {
      if (loss.cause !== 'silent' && repeatable(operation, loss)) again.push(operation)
      else operation.fail(line)
    }
    this.#retries += again.length
    for (const operation of loss.unsent) {
      operation.attempts--
      again.push(operation)
    }
    return again
  }

  get #unreachableLine(): string {
    return `SERVER_ERROR proxy write to downstream ${this.address}`
  }

  /** The server cannot be reached: what waits fails, and a probe is due. */
  #leave(reason: string): void {
    if (!this.#away) {
      this.#options.log('warn', 'server is away', { server: this.address, reason })
    }
    this.#away = true
    this.#failures++
    this.#failuresInRow++
    for (const operation of this.#held.drain()) operation.fail(this.#unreachableLine)
    this.#probeTimer = setTimeout(() => this.#connect(), probeDelayMs(this.#failuresInRow))
  }

  #connect(): void {
    if (this.#closed) return
    this.#connects++
    const { target, turn } = this.#options
    this.#connection = new BinaryConnection(target, turn, this)
  }
}

function repeatable(operation: Operation, loss: BinaryLoss): boolean {
  if (operation.attempts > 1) return false
  if (operation.readsOnly) return true
  return loss.nothingRead && (operation.kind === Op.Set || operation.kind === Op.Touch)
}
