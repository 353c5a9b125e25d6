/**
 * One RESP pipeline to one engine: connects, authenticates, counts the replies that are due and
 * hands each one over in order. What the replies mean is the link's business (read-link.ts,
 * write-link.ts). No promises, no per-request objects: commands are written straight into `writer`
 * and leave once per event-loop turn.
 *
 * A connection never repairs itself. When it breaks, is refused, is silent for too long while
 * replies are due, or the peer talks nonsense, it closes once and its owner makes another.
 */
import type { ConnectionOptions } from 'node:tls'
import { ByteWriter, RespKind, RespParser, type RespReply, writeCommand } from '@holdfast/protocol'
import { replyText } from './engine-replies.ts'
import { type ByteSocket, type ByteSocketHandler, connectSocket } from './socket.ts'
import type { Flushable, Turn } from './turn.ts'

/** A connection on which replies are due but no byte came for this long is given up. */
export const ENGINE_SILENT_MS = 2000

/** Name and password for the engine's ACL. */
export interface EngineCredentials {
  username: string
  password: string
}

/** Where an engine is and how to reach it. */
export interface EngineTarget {
  /** `host:port` */
  address: string
  credentials: EngineCredentials | undefined
  connectTimeoutMs: number
  /** Reads are wanted even if the engine is a replica. */
  readsFromReplica?: boolean
  tls?: ConnectionOptions | undefined
}

/** Who uses an engine connection. */
export interface EngineConnectionOwner {
  /** Connected: commands may be written (behind the authentication, in the same flush). */
  engineReady(): void
  /** A reply, valid only during the call (its bytes stay valid). */
  engineReply(reply: RespReply): void
  /** Exactly once, unless `close` was called by the owner. */
  engineClosed(reason: string): void
}

export class EngineConnection implements ByteSocketHandler, Flushable {
  flushScheduled = false
  readonly writer: ByteWriter = new ByteWriter()
  readonly address: string
  readonly #target: EngineTarget
  readonly #turn: Turn
  readonly #owner: EngineConnectionOwner
  readonly #parser: RespParser = new RespParser()
  readonly #socket: ByteSocket
  #ready = false
  /** Replies due to what opens the connection: the login, the leave to read from a replica. */
  #openingReplies = 0
  #closed = false
  #repliesDue = 0
  #lastByteMs = 0

  constructor(target: EngineTarget, turn: Turn, owner: EngineConnectionOwner) {
    this.address = target.address
    this.#target = target
    this.#turn = turn
    this.#owner = owner
    const { host, port } = splitAddress(target.address)
    const { connectTimeoutMs, tls } = target
    this.#socket = connectSocket({ host, port, connectTimeoutMs, tls }, this)
  }

  /** True from when it is connected until it closes. */
  get ready(): boolean {
    return this.#ready && !this.#closed
  }

  /** Announces that `count` commands were written to `writer`; they leave at the end of the turn. */
  sent(count: number): void {
    if (this.#repliesDue === 0) this.#lastByteMs = this.#turn.nowMs
    this.#repliesDue += count
    this.#turn.schedule(this)
  }

  flush(): void {
    if (this.#closed || this.writer.length === 0) return
    this.writer.sendTo(this.#socket)
  }

  /** Closes the connection when replies are due and no byte came for `ENGINE_SILENT_MS`. */
  checkSilence(nowMs: number): void {
    if (this.#closed || this.#repliesDue === 0) return
    if (nowMs - this.#lastByteMs > ENGINE_SILENT_MS) {
      this.#fail(`engine ${this.address} sent nothing for ${ENGINE_SILENT_MS} ms`)
    }
  }

  /** Closes without telling the owner. */
  close(): void {
    this.#closed = true
    this.#socket.destroy()
  }

  socketOpened(): void {
    if (this.#closed) return
    const { credentials, readsFromReplica } = this.#target
    // What the owner sends now leaves with it: one round trip less on the way out of a failover.
    if (credentials !== undefined) {
      writeCommand(this.writer, ['AUTH', credentials.username, credentials.password])
      this.#openingReplies++
    }
    if (readsFromReplica === true) {
      writeCommand(this.writer, ['READONLY'])
      this.#openingReplies++
    }
    if (this.#openingReplies > 0) this.sent(this.#openingReplies)
    this.#ready = true
    this.#owner.engineReady()
  }

  socketRead(chunk: Buffer): void {
    if (this.#closed) return
    this.#lastByteMs = this.#turn.nowMs
    try {
      this.#parser.push(chunk, this.#take)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'HOLDFAST_PROTOCOL')) {
        throw error
      }
      this.#fail(`engine ${this.address} broke the protocol: ${error.message}`)
    }
  }

  socketEnded(): void {
    this.#fail(`engine ${this.address} closed the connection`)
  }

  socketDrained(): void {}

  socketClosed(reason: string): void {
    this.#fail(`connection to engine ${this.address} closed${reason === '' ? '' : `: ${reason}`}`)
  }

  #take = (reply: RespReply): void => {
    if (this.#closed) return
    if (this.#repliesDue === 0) {
      this.#fail(`engine ${this.address} sent a reply that nothing asked for`)
      return
    }
    this.#repliesDue--
    if (this.#openingReplies === 0) {
      this.#owner.engineReply(reply)
      return
    }
    this.#openingReplies--
    if (reply.kind === RespKind.Error) {
      const code = replyText(reply).split(' ', 1)[0]
      this.#fail(`engine ${this.address} refused the login: ${code}`)
    }
  }

  #fail(reason: string): void {
    if (this.#closed) return
    this.close()
    this.#owner.engineClosed(reason)
  }
}

/** Splits `host:port`; an IPv6 host may stand in brackets. */
export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
  return { host, port: Number(address.slice(colon + 1)) }
}
