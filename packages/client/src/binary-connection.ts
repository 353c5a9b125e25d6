/**
 * One pipelined connection to one server of the binary protocol: connects, logs in, writes requests
 * and hands each reply to the oldest operation without one. Opaques count up, so a reply that is
 * out of step is noticed. Requests leave once per event-loop turn.
 *
 * A connection never repairs itself: when it cannot be made, breaks, is silent for too long while
 * replies are due, or the peer talks nonsense, it closes once and gives back what is undecided.
 * What to do then is its link's business (binary-link.ts).
 */
import {
  type BinaryReply,
  BinaryReplyParser,
  BinaryStatus,
  ByteWriter,
  ProtocolError,
} from '@holdfast/protocol'
import { writeBinaryNamed, writeBinaryOperation } from './binary-commands.ts'
import { BinaryLogin, type BinaryLoginOwner } from './binary-login.ts'
import { decideFromBinaryReply } from './binary-replies.ts'
import { splitAddress } from './engine-connection.ts'
import { Fifo } from './fifo.ts'
import type { Operation } from './operation.ts'
import type { SaslCredentials } from './sasl-client.ts'
import { type ByteSocket, type ByteSocketHandler, connectSocket } from './socket.ts'
import type { Flushable, Turn } from './turn.ts'

/** Where a server is and how to reach it. */
export interface BinaryTarget {
  /** `host:port` */
  address: string
  /** For SASL; without, none is spoken. */
  credentials?: SaslCredentials | undefined
  /** Chosen after the login, where servers know such a thing. */
  bucket?: string | undefined
  connectTimeoutMs: number
  /** For the whole login, in ms. */
  loginTimeoutMs: number
  /** A server that owes replies and sends nothing for so long is given up. */
  silenceTimeoutMs: number
  valueBytesMax?: number | undefined
}

/** Why a connection ended. */
export interface BinaryLoss {
  /** `connect`: it never was ready. */
  cause: 'connect' | 'closed' | 'silent'
  reason: string
  /** Sent and undecided, in order. */
  sent: Operation[]
  /** Written in this turn and still here, in order, behind `sent`. */
  unsent: Operation[]
  /** The server has said nothing since it had nothing to do: perhaps it never read a request. */
  nothingRead: boolean
}

/** Who uses a binary connection. */
export interface BinaryConnectionOwner {
  connectionReady(): void
  /** The server does not own the vBucket; the operation is undecided and the owner's from here. */
  connectionRefused(operation: Operation, reply: BinaryReply): void
  /** Exactly once, unless `close` was called by the owner. */
  connectionLost(loss: BinaryLoss): void
}

export class BinaryConnection implements ByteSocketHandler, Flushable, BinaryLoginOwner {
  flushScheduled = false
  readonly #target: BinaryTarget
  readonly #turn: Turn
  readonly #owner: BinaryConnectionOwner
  readonly #writer: ByteWriter = new ByteWriter()
  readonly #parser: BinaryReplyParser
  readonly #socket: ByteSocket
  readonly #inFlight: Fifo<Operation> = new Fifo()
  #login: BinaryLogin | undefined = undefined
  #loginTimer: NodeJS.Timeout | undefined = undefined
  #ready = false
  #closed = false
  /** Operations of `#inFlight` that have left this process' hands. */
  #flushed = 0
  #answered = 0
  #nothingRead = true
  #lastByteMs = 0

  constructor(target: BinaryTarget, turn: Turn, owner: BinaryConnectionOwner) {
    this.#target = target
    this.#turn = turn
    this.#owner = owner
    const { valueBytesMax } = target
    this.#parser = new BinaryReplyParser(valueBytesMax === undefined ? {} : { valueBytesMax })
    const { host, port } = splitAddress(target.address)
    this.#socket = connectSocket({ host, port, connectTimeoutMs: target.connectTimeoutMs }, this)
  }

  /** Connected and logged in. */
  get ready(): boolean {
    return this.#ready && !this.#closed
  }

  /** Operations sent and not answered. */
  get outstanding(): number {
    return this.#inFlight.length
  }

  /** Replies so far. */
  get answered(): number {
    return this.#answered
  }

  /** Bytes of requests that the system has not taken yet. */
  get backlogBytes(): number {
    return this.#writer.length + this.#socket.backlogBytes
  }

  /** Sends an operation that the binary protocol can express; only while `ready`. */
  submit(operation: Operation, vBucket: number): void {
    if (this.#inFlight.length === 0) {
      this.#lastByteMs = this.#turn.nowMs
      this.#nothingRead = true
    }
    const opaque = (this.#answered + this.#inFlight.length) >>> 0
    writeBinaryOperation(this.#writer, operation, vBucket, opaque)
    operation.attempts++
    this.#inFlight.push(operation)
    this.#turn.schedule(this)
  }

  /** Shows each operation that is sent and not answered. */
  forEachOutstanding(visit: (operation: Operation) => void): void {
    for (let i = 0; i < this.#inFlight.length; i++) {
      const operation = this.#inFlight.at(i)
      if (operation !== undefined) visit(operation)
    }
  }

  flush(): void {
    if (this.#closed || this.#writer.length === 0) return
    this.#flushed = this.#inFlight.length
    this.#writer.sendTo(this.#socket)
  }

  /** Closes the connection when replies are due and none came for the silence timeout. */
  checkSilence(nowMs: number): void {
    if (this.#closed || this.#inFlight.length === 0) return
    const { silenceTimeoutMs } = this.#target
    if (nowMs - this.#lastByteMs > silenceTimeoutMs) {
      this.#lose('silent', `sent nothing for ${silenceTimeoutMs} ms`)
    }
  }

  /** Closes without telling the owner; returns what is undecided, in order. */
  close(): Operation[] {
    this.#closed = true
    clearTimeout(this.#loginTimer)
    this.#socket.destroy()
    return this.#inFlight.drain().filter(undecided)
  }

  socketOpened(): void {
    if (this.#closed) return
    const { credentials, bucket, loginTimeoutMs } = this.#target
    this.#loginTimer = setTimeout(() => {
      this.#lose('connect', `no login after ${loginTimeoutMs} ms`)
    }, loginTimeoutMs)
    this.#login = new BinaryLogin({ credentials, bucket }, this)
    this.#login.begin()
  }

  socketRead(chunk: Buffer): void {
    if (this.#closed) return
    this.#lastByteMs = this.#turn.nowMs
    this.#nothingRead = false
    try {
      this.#parser.push(chunk, this.#take)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#lose('closed', `broke the protocol: ${error.message}`)
    }
  }

  socketEnded(): void {
    this.#lose('closed', 'closed the connection')
  }

  socketDrained(): void {}

  socketClosed(reason: string): void {
    this.#lose('closed', reason === '' ? 'connection closed' : reason)
  }

  loginSends(opcode: number, name: string, message: string): void {
    if (this.#closed) return
    writeBinaryNamed(this.#writer, opcode, name, message)
    this.#turn.schedule(this)
  }

  loginDone(): void {
    clearTimeout(this.#loginTimer)
    this.#login = undefined
    this.#ready = true
    this.#owner.connectionReady()
  }

  loginFailed(reason: string): void {
    this.#lose('connect', reason)
  }

  #take = (reply: BinaryReply): void => {
    if (this.#closed) return
    if (this.#login !== undefined) {
      this.#login.take(reply)
      return
    }
    const operation = this.#inFlight.shift()
    if (operation === undefined || reply.opaque !== this.#answered >>> 0) {
      if (operation !== undefined) this.#inFlight.unshift(operation)
      this.#lose('closed', 'sent a reply that nothing asked for')
      return
    }
    this.#answered++
    this.#flushed--
    if (operation.settled) return
    if (reply.status === BinaryStatus.NotMyVBucket) {
      this.#owner.connectionRefused(operation, reply)
      return
    }
    decideFromBinaryReply(operation, reply)
    operation.settle()
  }

  #lose(cause: 'connect' | 'closed' | 'silent', reason: string): void {
    if (this.#closed) return
    const flushed = this.#flushed
    const entries = this.#inFlight.drain()
    this.close()
    this.#owner.connectionLost({
      cause: this.#ready ? cause : 'connect',
      reason,
      sent: entries.slice(0, flushed).filter(undecided),
      unsent: entries.slice(flushed).filter(undecided),
      nothingRead: this.#nothingRead,
    })
  }
}

function undecided(operation: Operation): boolean {
  return !operation.settled
}
