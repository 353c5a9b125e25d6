/**
 * One way to one memcached server, for as long as the server is wanted: a text connection, and
 * another one when it is lost. Its counterpart for the binary protocol is binary-link.ts.
 *
 * While the server connects, operations wait here, no longer than the timeouts of connect and
 * greeting. After a failed connect the server is away: operations fail at once, and a probe in the
 * background tries again after 50 ms to 1 s, sooner when somebody asks; nothing is blacklisted.
 * When a connection is lost, what never left is sent on the next one, and so are, once, the reads
 * that a server left unanswered which had been serving. Everything else may have been carried out
 * and fails. A server that keeps silent for too long is away until it greets again.
 */
import type { ServerReport } from './backend.ts'
import { HeldOperations } from './held-operations.ts'
import { type Operation, TIMEOUT_LINE } from './operation.ts'
import type { PoolAddress } from './pool-address.ts'
import {
  PoolConnection,
  type PoolConnectionOwner,
  type PoolLoss,
  type PoolTarget,
} from './pool-connection.ts'
import { PROBE_MS_MIN, probeDelayMs } from './probe-delay.ts'
import { type ClientLog, QUEUE_FULL_LINE } from './shard.ts'
import type { Turn } from './turn.ts'

/** Most bytes of operations that are sent to a server and not answered. */
export const LINK_BYTES_MAX: number = 64 * 1024 * 1024

/** A connection that is lost sooner counts as a failed connect. */
const SHORT_LIFE_MS = 100

/** What links of a server have in common. */
export interface PoolLinkOptions {
  /** `host:port`, as replies and logs name the server. */
  name: string
  address: PoolAddress
  target: Omit<PoolTarget, 'host' | 'counters'>
  turn: Turn
  /** Most operations sent and not answered; others wait. */
  inFlightMax: number
  counters: PoolLinkCounters
  log: ClientLog
}

/** Counters of what happened, as they are reported. */
export interface PoolLinkCounters {
  retries: number
  connection_losses: number
  away_refused: number
  queue_refused: number
  merged_gets: number
}

export class PoolLink implements PoolConnectionOwner {
  readonly #options: PoolLinkOptions
  readonly #held: HeldOperations = new HeldOperations()
  #connection: PoolConnection | undefined = undefined
  /** Addresses that are left to try in this connect. */
  #candidates: string[] = []
  #host = ''
  #away = false
  #probeTimer: NodeJS.Timeout | undefined = undefined
  #connectedAtMs = 0
  #probedAtMs = 0
  #failuresInRow = 0
  #connects = 0
  #failures = 0
  #closed = false

  constructor(options: PoolLinkOptions) {
    this.#options = options
    this.#connect()
  }

  get away(): boolean {
    return this.#away
  }

  /** The address that the connection goes to, '' while there is none. */
  get host(): string {
    return this.#connection === undefined ? '' : this.#host
  }

  /** Operations here without an answer. */
  get outstanding(): number {
    return this.#held.length + (this.#connection?.outstanding ?? 0)
  }

  report(): ServerReport {
    const connected = this.#connection?.ready === true
    return {
      address: this.#options.name,
      state: connected ? 'connected' : this.#away ? 'away' : 'connecting',
      held: this.#held.length,
      outstanding: this.#connection?.outstanding ?? 0,
      connects: this.#connects,
      failures: this.#failures,
    }
  }

  /** Takes an operation; it is settled exactly once, here or by its upstream's deadline. */
  submit(operation: Operation): void {
    const connection = this.#connection
    if (connection?.ready === true && this.#held.length === 0 && this.#hasRoom(connection)) {
      connection.send(operation)
      return
    }
    const { counters } = this.#options
    if (this.#away || this.#closed) {
      counters.away_refused++
      this.#probeSooner()
      operation.fail(this.#unreachableLine)
    } else if (this.#held.full) {
      counters.queue_refused++
      operation.fail(QUEUE_FULL_LINE)
    } else {
      this.#held.push(operation)
    }
  }

  /** Periodic: gives up a silent connection, forgets what its upstream has given up. */
  sweep(nowMs: number): void {
    this.#connection?.checkSilence(nowMs)
    this.#held.sweep()
  }

  /** Takes out what waits and was not sent, in order. */
  takeHeld(): Operation[] {
    return this.#held.drain()
  }

  /** Closes for good and returns what is undecided, in order. */
  close(): Operation[] {
    this.#closed = true
    clearTimeout(this.#probeTimer)
    const sent = this.#connection?.close() ?? []
    this.#connection = undefined
    return [...sent, ...this.takeHeld()]
  }

  connectionReady(): void {
    this.#connectedAtMs = performance.now()
    if (this.#away) {
      this.#away = false
      this.#options.log('info', 'server is back', { server: this.#options.name })
    }
    this.connectionAnswered()
  }

  connectionAnswered(): void {
    const connection = this.#connection
    while (this.#held.length > 0 && connection?.ready === true && this.#hasRoom(connection)) {
      const operation = this.#held.shift()
      if (operation !== undefined) connection.send(operation)
    }
  }

  connectionLost(loss: PoolLoss): void {
    const { name, log, counters } = this.#options
    this.#connection = undefined
    if (loss.cause === 'connect') {
      if (this.#candidates.length > 0) this.#tryNext()
      else this.#leave(loss.reason)
      return
    }
    this.#failures++
    counters.connection_losses++
    log('warn', 'connection to server lost', { server: name, reason: loss.reason })
    const silent = loss.cause === 'silent'
    const short = performance.now() - this.#connectedAtMs < SHORT_LIFE_MS
    const again = silent || short ? [] : loss.sent.filter(repeatable)
    const lost = again.length === 0 ? loss.sent : loss.sent.filter((one) => !repeatable(one))
    for (const operation of loss.unsent) operation.attempts--
    counters.retries += again.length
    this.#held.giveBack([...again, ...loss.unsent])
    if (silent || short) {
      this.#leave(loss.reason)
    } else {
      this.#failuresInRow = 0
      this.#connect()
    }
    const line = silent ? `${TIMEOUT_LINE} ${name}` : `SERVER_ERROR proxy downstream closed ${name}`
    for (const operation of lost) operation.fail(line)
  }

  #hasRoom(connection: PoolConnection): boolean {
    return (
      connection.outstanding < this.#options.inFlightMax &&
      connection.outstandingBytes < LINK_BYTES_MAX
    )
  }

  get #unreachableLine(): string {
    return `SERVER_ERROR proxy write to downstream ${this.#options.name}`
  }

  /** The server cannot be reached: what waits fails, and a probe is due. */
  #leave(reason: string): void {
    const { name, log } = this.#options
    const wasAway = this.#away
    this.#away = true
    this.#failures++
    this.#failuresInRow++
    this.#probeTimer = setTimeout(() => this.#connect(), probeDelayMs(this.#failuresInRow))
    if (!wasAway) log('warn', 'server is away', { server: name, reason })
    for (const operation of this.takeHeld()) operation.fail(this.#unreachableLine)
  }

  /** Somebody asks for the server: it is not left for longer than the shortest wait. */
  #probeSooner(): void {
    if (this.#closed || this.#probeTimer === undefined) return
    if (performance.now() - this.#probedAtMs < PROBE_MS_MIN) return
    clearTimeout(this.#probeTimer)
    this.#connect()
  }

  #connect(): void {
    this.#probeTimer = undefined
    this.#probedAtMs = performance.now()
    this.#options.address.resolve((addresses) => this.#tryAll(addresses))
  }

  #tryAll(addresses: readonly string[]): void {
    if (this.#closed) return
    this.#candidates = [...addresses]
    if (addresses.length > 0) this.#tryNext()
    else this.#leave('its name has no address')
  }

  #tryNext(): void {
    const { target, turn, counters } = this.#options
    this.#host = this.#candidates.shift() ?? ''
    this.#connects++
    const to = { ...target, host: this.#host, counters }
    this.#connection = new PoolConnection(to, turn, this)
  }
}

/** A read that was sent only once does no harm a second time. */
function repeatable(operation: Operation): boolean {
  return operation.readsOnly && operation.attempts < 2
}
