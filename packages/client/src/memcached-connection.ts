/*
 * One pipelined connection to a memcached server: writes commands, and hands each answer to the
 * oldest call that has none, because memcached answers in order.
 *
 * It owns the socket and the FIFO of waiting calls. It is ready once the server has answered the
 * greeting of its protocol, as a frozen server still accepts connections. There is one close path,
 * and it settles every waiting call. It knows no deadlines of single calls: a call that was given
 * up keeps its place in the FIFO, as its answer still comes. An idle connection does not keep the
 * process alive.
 */
import { connect, type Socket } from 'node:net'
import { Fifo } from './fifo.ts'
import { BinaryWire } from './memcached-binary-wire.ts'
import type {
  MemcachedAnswer,
  MemcachedCommand,
  MemcachedCredentials,
  MemcachedWire,
  MemcachedWireOwner,
} from './memcached-command.ts'
import { ConnectFailedError, ConnectionLostError } from './memcached-errors.ts'
import { TextWire } from './memcached-text-wire.ts'

/** An idle connection that something on the way has forgotten is found by the system after this. */
const KEEP_ALIVE_MS = 30_000

/** Where a server is and how it is spoken to. */
export interface MemcachedTarget {
  /** A name, or an address; IPv6 without brackets. The name is resolved for each connection. */
  host: string
  port: number
  protocol: 'text' | 'binary'
  credentials: MemcachedCredentials | undefined
  /** For connecting, and for each step of the greeting. */
  connectTimeoutMs: number
  valueBytesMax: number | undefined
}

/** A command on its way. */
export interface MemcachedCall {
  readonly command: MemcachedCommand
  readonly deadlineMs: number
  readonly timeoutMs: number
  settled: boolean
  resolve(answer: MemcachedAnswer): void
  reject(error: Error): void
}

export interface MemcachedConnectionOwner {
  connectionReady(): void
  /** Exactly once. `greeted` false: it never was ready; `closedByPeer` during its greeting. */
  connectionClosed(end: { error: Error; greeted: boolean; closedByPeer: boolean }): void
}

export class MemcachedConnection implements MemcachedWireOwner {
  readonly #socket: Socket
  readonly #target: MemcachedTarget
  readonly #owner: MemcachedConnectionOwner
  readonly #wire: MemcachedWire
  readonly #waiting: Fifo<MemcachedCall> = new Fifo()
  readonly #timer: NodeJS.Timeout
  #silentSinceMs: number = performance.now()
  /** Written in this turn. */
  #unsent: Buffer[] = []
  #connected = false
  #ready = false
  #closed = false

  constructor(target: MemcachedTarget, askMeta: boolean, owner: MemcachedConnectionOwner) {
    this.#target = target
    this.#owner = owner
    const { host, port, credentials, valueBytesMax, connectTimeoutMs } = target
    this.#wire =
      target.protocol === 'binary'
        ? new BinaryWire({ credentials, valueBytesMax }, this)
        : new TextWire({ credentials, askMeta, valueBytesMax }, this)
    this.#timer = setTimeout(() => {
      // What has arrived meanwhile is read before the server is called late.
      setImmediate(() => this.#giveUp())
    }, connectTimeoutMs)
    const keepAlive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }
    const socket = connect({ host, port, noDelay: true, ...keepAlive })
    this.#socket = socket
    socket.on('connect', () => {
      this.#connected = true
      this.#heardSince()
      this.#wire.begin()
    })
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => this.close(error))
    socket.on('close', () => this.close(new Error('closed by the server'), true))
  }

  /** The server has answered the greeting. */
  get ready(): boolean {
    return this.#ready && !this.#closed
  }

  /** Calls that have been sent and not answered. */
  get pending(): number {
    return this.#waiting.length
  }

  /** Since when the server has owed answers and sent nothing, on the clock of `performance.now()`. */
  get silentSinceMs(): number {
    return this.#silentSinceMs
  }

  /** Sends one command; only while `ready`. Throws TypeError for a bad key. */
  call(call: MemcachedCall): void {
    const bytes = this.#wire.write(call.command)
    this.#waiting.push(call)
    if (this.#waiting.length === 1) {
      this.#silentSinceMs = performance.now()
      this.#socket.ref()
    }
    this.send(bytes)
  }

  /** Shows each call that is not answered. */
  forEachWaiting(visit: (call: MemcachedCall) => void): void {
    for (let index = 0; index < this.#waiting.length; index++) {
      const call = this.#waiting.at(index)
      if (call !== undefined) visit(call)
    }
  }

  close(cause: Error, byPeer = false): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#timer)
    this.#socket.destroy()
    const address = addressOf(this.#target)
    const error = this.#ready
      ? new ConnectionLostError(address, cause)
      : new ConnectFailedError(address, cause)
    for (const call of this.#waiting.drain()) call.reject(error)
    this.#owner.connectionClosed({
      error,
      greeted: this.#ready,
      closedByPeer: byPeer && this.#connected,
    })
  }

  /** All commands of one turn of the event loop leave in one write. */
  send(bytes: Buffer): void {
    if (this.#closed) return
    if (this.#unsent.push(bytes) === 1) setImmediate(this.#flush)
  }

  wireReady(): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    this.#ready = true
    this.#socket.unref()
    this.#owner.connectionReady()
  }

  wireRefused(reason: string): void {
    this.close(new Error(reason))
  }

  oldest(): MemcachedCommand | undefined {
    return this.#waiting.peek()?.command
  }

  answered(answer: MemcachedAnswer): void {
    const call = this.#waiting.shift()
    if (call === undefined) this.close(new Error('a reply came that nobody asked for'))
    else call.resolve(answer)
  }

  #flush = (): void => {
    const [first, ...others] = this.#unsent
    this.#unsent = []
    if (first === undefined || this.#closed) return
    this.#socket.write(others.length === 0 ? first : Buffer.concat([first, ...others]))
  }

  #heardSince(): void {
    this.#silentSinceMs = performance.now()
    if (!this.#ready) this.#timer.refresh()
  }

  /** Connecting, or a step of the greeting, takes too long. */
  #giveUp(): void {
    const { connectTimeoutMs } = this.#target
    // A timer that was refreshed while this was on its way fires again.
    if (this.#ready || performance.now() - this.#silentSinceMs < connectTimeoutMs - 1) return
    const missing = this.#connected ? 'answer' : 'connection'
    this.close(new Error(`no ${missing} after ${connectTimeoutMs} ms`))
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return
    this.#heardSince()
    try {
      this.#wire.read(chunk)
    } catch (error) {
      this.close(error instanceof Error ? error : new Error('reply not understood'))
      return
    }
    if (!this.#closed && this.#ready && this.#waiting.length === 0) this.#socket.unref()
  }
}

/** `host:port`, an IPv6 address in brackets. */
export function addressOf({ host, port }: { host: string; port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
