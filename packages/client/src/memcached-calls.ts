/*
 * The calls of a memcached client from acceptance to settlement, and the connection they go over.
 *
 *   call ──> held (no connection yet) ──> connection: FIFO of calls ──> answer
 *              one timer looks at deadlines and, by memcached-silence.ts, at silence
 *
 * It owns the connection, the pause before the next connect attempt and the bound of what waits.
 */
import { Fifo } from './fifo.ts'
import type {
  MemcachedAnswer,
  MemcachedCommand,
  MemcachedCredentials,
} from './memcached-command.ts'
import {
  addressOf,
  type MemcachedCall,
  MemcachedConnection,
  type MemcachedConnectionOwner,
  type MemcachedTarget,
} from './memcached-connection.ts'
import { ClientClosedError, OperationTimeoutError, QueueFullError } from './memcached-errors.ts'
import { SilenceWatch } from './memcached-silence.ts'

export interface MemcachedClientOptions {
  /** A name or an address, IPv6 without brackets. */
  host: string
  port: number
  /** Default `text`, with meta commands for writes where the server knows them. */
  protocol?: 'text' | 'binary' | undefined
  /** SASL in the binary protocol, ASCII authentication in text. */
  credentials?: MemcachedCredentials | undefined
  /** Deadline of one operation, connecting included; default 1000. */
  timeoutMs?: number | undefined
  /** For connecting, and for each answer of greeting and login; default 1000. */
  connectTimeoutMs?: number | undefined
  /** A connection that owes replies and sends nothing for this long is closed; default timeoutMs + 500. */
  silenceTimeoutMs?: number | undefined
  /**
   * A server that owes replies and sends nothing for this long, not on a second connection either,
   * is away: what waits fails at once. Without, only `silenceTimeoutMs` counts.
   */
  awayAfterMs?: number | undefined
  /** Most requests waiting for a connection or a reply; default 4096. */
  pendingMax?: number | undefined
  valueBytesMax?: number | undefined
}

export const MEMCACHED_TIMEOUT_MS_DEFAULT = 1000
export const MEMCACHED_CONNECT_TIMEOUT_MS_DEFAULT = 1000
export const MEMCACHED_PENDING_MAX_DEFAULT = 4096
export const MEMCACHED_RECONNECT_DELAY_MS_MIN = 10
export const MEMCACHED_RECONNECT_DELAY_MS_MAX = 200
/** How often waiting calls are looked at, at least. */
const LOOK_MS = 50
const LOOK_MS_MIN = 5
/** So often a peer may hang up at the greeting before it is taken for one that knows no meta. */
const HANG_UPS = 2

export class CallQueue implements MemcachedConnectionOwner {
  readonly #target: MemcachedTarget
  readonly #address: string
  readonly #pendingMax: number
  readonly #watch: SilenceWatch
  readonly #held: Fifo<MemcachedCall> = new Fifo()
  #connection: MemcachedConnection | undefined
  #connectTimer: NodeJS.Timeout | undefined
  #connectStartedMs = 0
  #lookTimer: NodeJS.Timeout | undefined
  #lookDueMs = 0
  /** Greetings in a row at which the peer has hung up. */
  #hangUps = 0
  #failures = 0
  #notBeforeMs = 0
  #downSinceMs: number | undefined
  #closed = false

  constructor(options: MemcachedClientOptions, timeoutMs: number) {
    const { host, port, protocol = 'text', credentials, valueBytesMax, awayAfterMs } = options
    const connectTimeoutMs = options.connectTimeoutMs ?? MEMCACHED_CONNECT_TIMEOUT_MS_DEFAULT
    this.#target = { host, port, protocol, credentials, connectTimeoutMs, valueBytesMax }
    this.#address = addressOf(options)
    this.#pendingMax = options.pendingMax ?? MEMCACHED_PENDING_MAX_DEFAULT
    const silenceTimeoutMs = options.silenceTimeoutMs ?? timeoutMs + 500
    this.#watch = new SilenceWatch(this.#target, { silenceTimeoutMs, awayAfterMs })
  }

  get downSinceMs(): number | undefined {
    return this.#downSinceMs
  }

  get pending(): number {
    return this.#held.length + (this.#connection?.pending ?? 0)
  }

  ask(command: MemcachedCommand, timeoutMs: number): Promise<MemcachedAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new ClientClosedError(this.#address))
        return
      }
      if (this.pending >= this.#pendingMax) {
        reject(new QueueFullError(this.#address, this.#pendingMax))
        return
      }
      const nowMs = performance.now()
      const deadlineMs = nowMs + timeoutMs
      const call = { command, deadlineMs, timeoutMs, settled: false, resolve, reject }
      if (this.#connection?.ready === true) this.#send(this.#connection, call)
      else {
        this.#held.push(call)
        this.#connect()
      }
      this.#lookBy(deadlineMs, nowMs)
    })
  }

  breakOff(cause: Error): void {
    this.#connection?.close(cause)
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#connectTimer)
    clearTimeout(this.#lookTimer)
    this.#watch.stop()
    const error = new ClientClosedError(this.#address)
    for (const call of this.#held.drain()) call.reject(error)
    this.#connection?.close(error)
  }

  connectionReady(): void {
    this.#failures = 0
    this.#hangUps = 0
    this.#downSinceMs = undefined
    // A call whose caller has given up before there was a connection is not sent at all.
    for (const call of this.#held.drain()) {
      if (!call.settled && this.#connection !== undefined) this.#send(this.#connection, call)
    }
  }

  connectionClosed(end: { error: Error; greeted: boolean; closedByPeer: boolean }): void {
    this.#connection = undefined
    if (this.#closed) return
    if (!end.greeted) {
      if (end.closedByPeer) this.#hangUps++
      this.#failed(end.error, this.#connectStartedMs)
    }
    if (this.#held.length > 0) this.#connect()
  }

  #send(connection: MemcachedConnection, call: MemcachedCall): void {
    try {
      connection.call(call)
    } catch (error) {
      call.reject(error instanceof Error ? error : new Error('command not understood'))
    }
  }

  /** What waits for this attempt fails with it. */
  #failed(error: Error, sinceMs: number): void {
    const nowMs = performance.now()
    this.#downSinceMs ??= sinceMs
    const grownMs = MEMCACHED_RECONNECT_DELAY_MS_MIN * 2 ** Math.min(this.#failures, 10)
    this.#failures += 1
    const boundedMs = Math.min(grownMs, MEMCACHED_RECONNECT_DELAY_MS_MAX)
    this.#notBeforeMs = nowMs + boundedMs * (0.5 + Math.random() / 2)
    for (const call of this.#held.drain()) call.reject(error)
  }

  #connect(): void {
    if (this.#connection !== undefined || this.#connectTimer !== undefined) return
    const waitMs = this.#notBeforeMs - performance.now()
    if (waitMs <= 0) this.#openConnection()
    else {
      this.#connectTimer = setTimeout(() => {
        this.#connectTimer = undefined
        this.#openConnection()
      }, waitMs)
    }
  }

  #openConnection(): void {
    if (this.#closed) return
    this.#connectStartedMs = performance.now()
    // A peer that hangs up at a command it does not know is greeted otherwise now and then.
    const askMeta = this.#hangUps % (HANG_UPS + 1) !== HANG_UPS
    this.#connection = new MemcachedConnection(this.#target, askMeta, this)
  }

  #lookBy(deadlineMs: number, nowMs: number): void {
    const dueMs = Math.min(deadlineMs, nowMs + LOOK_MS)
    if (this.#lookTimer !== undefined && this.#lookDueMs <= dueMs) return
    clearTimeout(this.#lookTimer)
    this.#lookDueMs = dueMs
    const waitMs = Math.max(LOOK_MS_MIN, dueMs - nowMs)
    this.#lookTimer = setTimeout(() => {
      // What has arrived meanwhile is read before anybody is called late.
      setImmediate(() => this.#look())
    }, waitMs)
    this.#lookTimer.unref()
  }

  #look(): void {
    this.#lookTimer = undefined
    const nowMs = performance.now()
    let nextMs = Number.POSITIVE_INFINITY
    const expire = (call: MemcachedCall): void => {
      if (call.settled) return
      if (call.deadlineMs > nowMs) {
        nextMs = Math.min(nextMs, call.deadlineMs)
        return
      }
      call.settled = true
      const { command, timeoutMs } = call
      call.reject(new OperationTimeoutError(command.name, this.#address, timeoutMs))
    }
    this.#held.retain((call) => {
      expire(call)
      return !call.settled
    })
    const connection = this.#connection
    connection?.forEachWaiting(expire)
    if (connection?.ready === true && connection.pending > 0) {
      const lateMs = nowMs - this.#lookDueMs
      const verdict = this.#watch.judge(connection.silentSinceMs, nowMs, lateMs)
      if (verdict !== undefined) {
        if (verdict.away) this.#downSinceMs ??= connection.silentSinceMs
        connection.close(verdict.reason)
      }
    }
    if (this.pending > 0) this.#lookBy(nextMs, nowMs)
  }
}
