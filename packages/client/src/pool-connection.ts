/**
 * One pipelined text connection to a memcached server, with meta commands among the text ones.
 *
 *   send ──> one open line of gets ─┐
 *        ──> other commands ────────┴─> writer ── flush, once per turn ──> socket
 *   settle <── parser <── socket          (operations in flight, oldest first)
 *
 * Gets of one turn that nothing stands between leave as one line, because memcached answers such
 * a line with one system call where it would take one per get otherwise. Everything has one order,
 * so a client reads what it has written.
 *
 * Before it is used a connection asks for the version, and logs in if that is refused: a server
 * that merely accepts connections is not one that serves. A connection never repairs itself; it
 * closes once and gives back what is undecided. pool-link.ts decides what becomes of that.
 */
import { ByteWriter, Dialect, ProtocolError, SEND_SLAB_BYTES } from '@holdfast/protocol'
import type { Operation } from './operation.ts'
import { InFlight, ReplyShape } from './pool-in-flight.ts'
import { writeMetaRequest } from './pool-meta-request.ts'
import { NO_META_LINE, PoolReplyParser } from './pool-reply-parser.ts'
import { metaForm, RequestForm, refusalOf, requestForm } from './pool-request-form.ts'
import { writeGetAndTouch, writeLineRequest } from './pool-text-request.ts'
import { currentReadSlab } from './read-slab.ts'
import { type ByteSocket, type ByteSocketHandler, connectSocket } from './socket.ts'
import type { Flushable, Turn } from './turn.ts'

/** Most gets in one line. */
export const GETS_PER_LINE_MAX = 64
/** Longest line of gets; memcached takes longer ones off its quick path. */
export const GET_LINE_BYTES_MAX = 2048

/** Written to the socket at once: more would not fit into memory that is used again. */
const PIECE_BYTES: number = SEND_SLAB_BYTES / 2

const SPACE = 32

/** Name and password, for servers that want them in text (`memcached -Y`) or by SASL. */
export interface PoolCredentials {
  username: string
  password: string
}

/** Where a connection goes and how. */
export interface PoolTarget {
  /** An address, not a name. */
  host: string
  port: number
  /** `text` asks in meta only what text cannot say, `meta` everything. */
  protocol: 'text' | 'meta'
  credentials: PoolCredentials | undefined
  connectTimeoutMs: number
  /** For login and version. */
  greetingTimeoutMs: number
  /** A server that owes replies and sends nothing for so long is given up. */
  silenceTimeoutMs: number
  valueBytesMax: number
  /** `merged_gets`: gets that went out in a line begun by another get. */
  counters: { merged_gets: number }
}

/** Why a connection ended and what it leaves. */
export interface PoolLoss {
  /** `connect`: it never was ready. */
  cause: 'connect' | 'closed' | 'silent'
  reason: string
  /** Sent and undecided, in order. */
  sent: Operation[]
  /** Undecided and never sent, in order, behind `sent`. */
  unsent: Operation[]
}

/** Who uses a pool connection. */
export interface PoolConnectionOwner {
  connectionReady(): void
  /** Replies came, so there is room. */
  connectionAnswered(): void
  /** Exactly once, unless `close` was called by the owner. */
  connectionLost(loss: PoolLoss): void
}

export class PoolConnection implements ByteSocketHandler, Flushable {
  readonly readsForTurn = true
  flushScheduled = false
  readonly #target: PoolTarget
  readonly #turn: Turn
  readonly #owner: PoolConnectionOwner
  readonly #writer: ByteWriter = new ByteWriter()
  readonly #inFlight: InFlight = new InFlight()
  readonly #parser: PoolReplyParser
  readonly #socket: ByteSocket
  /** Form of the line of gets that is being written, 0 when none is. */
  #openForm = 0
  #openGets = 0
  #openBytes = 0
  /** Operations in flight that were not given to the socket yet. */
  #unflushed = 0
  #greetingTimer: NodeJS.Timeout | undefined = undefined
  #loggedIn = false
  #metaSpoken: 'yes' | 'no' | 'unknown' = 'unknown'
  #ready = false
  #closed = false
  #lastByteMs = 0

  constructor(target: PoolTarget, turn: Turn, owner: PoolConnectionOwner) {
    this.#target = target
    this.#turn = turn
    this.#owner = owner
    this.#parser = new PoolReplyParser({
      inFlight: this.#inFlight,
      valueBytesMax: target.valueBytesMax,
      onGreeting: (line) => this.#greeted(line),
      onMetaSpoken: (spoken) => {
        this.#metaSpoken = spoken ? 'yes' : 'no'
      },
    })
    const { host, port, connectTimeoutMs } = target
    this.#socket = connectSocket({ host, port, connectTimeoutMs }, this)
  }

  /** Connected, logged in and answering. */
  get ready(): boolean {
    return this.#ready && !this.#closed
  }

  /** Operations sent and not answered. */
  get outstanding(): number {
    return this.#inFlight.length
  }

  /** Bytes that they keep alive. */
  get outstandingBytes(): number {
    return this.#inFlight.bytes
  }

  /** Sends an operation; only while `ready`. */
  send(operation: Operation): void {
    const form =
      this.#target.protocol === 'text'
        ? requestForm(operation, this.#metaSpoken === 'yes')
        : metaForm(operation)
    if (form <= RequestForm.Gets) this.#writeGet(operation, form)
    else if (!this.#write(operation, form)) return
    if (this.#inFlight.length === 1) this.#lastByteMs = this.#turn.nowMs
    operation.attempts++
    this.#unflushed++
    if (this.#writer.length > PIECE_BYTES) this.flush()
    else this.#turn.schedule(this)
  }

  flush(): void {
    if (this.#closed || this.#writer.length === 0) return
    this.#endLine()
    this.#unflushed = 0
    this.#writer.sendTo(this.#socket)
  }

  /** Closes the connection when replies are due and no byte came for the silence timeout. */
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
    clearTimeout(this.#greetingTimer)
    this.#parser.stop()
    this.#socket.destroy()
    return this.#takeUndecided(this.#inFlight.length)
  }

  socketOpened(): void {
    if (this.#closed) return
    const { greetingTimeoutMs } = this.#target
    this.#greetingTimer = setTimeout(() => {
      this.#lose('connect', `no greeting after ${greetingTimeoutMs} ms`)
    }, greetingTimeoutMs)
    this.#greet('version\r\n')
  }

  socketRead(chunk: Buffer): void {
    if (this.#closed) return
    this.#lastByteMs = this.#turn.nowMs
    try {
      this.#parser.push(chunk, currentReadSlab())
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#lose('closed', `broke the protocol: ${error.message}`)
      return
    }
    if (this.ready) this.#owner.connectionAnswered()
  }

  socketEnded(): void {
    this.#lose('closed', 'closed the connection')
  }

  socketDrained(): void {}

  socketClosed(reason: string): void {
    this.#lose('closed', reason === '' ? 'connection closed' : reason)
  }

  #writeGet(operation: Operation, form: RequestForm): void {
    const { buf, keyStart, keyEnd } = operation
    const writer = this.#writer
    const lineBytes = this.#openBytes + keyEnd - keyStart + 1
    if (
      form !== this.#openForm ||
      this.#openGets >= GETS_PER_LINE_MAX ||
      lineBytes > GET_LINE_BYTES_MAX
    ) {
      this.#endLine()
      writer.ascii(form === RequestForm.Get ? 'get' : 'gets')
      this.#openForm = form
      this.#openBytes = keyEnd - keyStart + 1
    } else {
      this.#target.counters.merged_gets++
      this.#openBytes = lineBytes
    }
    this.#openGets++
    writer.byte(SPACE)
    writer.bytes(buf, keyStart, keyEnd)
    this.#inFlight.push(operation, ReplyShape.Value)
  }

  #endLine(): void {
    if (this.#openForm === 0) return
    this.#writer.ascii('\r\n')
    this.#inFlight.endGroup()
    this.#openForm = 0
    this.#openGets = 0
  }

  /** Writes anything but a get; false when it was refused instead. */
  #write(operation: Operation, form: RequestForm): boolean {
    this.#endLine()
    switch (form) {
      case RequestForm.GetAndTouch:
        writeGetAndTouch(this.#writer, operation, operation.dialect !== Dialect.Text)
        this.#inFlight.push(operation, ReplyShape.LastValue)
        return true
      case RequestForm.Line:
        writeLineRequest(this.#writer, operation)
        this.#inFlight.push(operation, ReplyShape.Line)
        return true
      case RequestForm.Meta:
        if (!this.#mayWriteMeta(operation)) {
          operation.fail(NO_META_LINE)
          return false
        }
        writeMetaRequest(this.#writer, operation)
        this.#inFlight.push(operation, ReplyShape.Meta)
        return true
      default:
        operation.fail(refusalOf(operation))
        return false
    }
  }

  /** A server that does not know `ms` would take its value for a command. */
  #mayWriteMeta(operation: Operation): boolean {
    if (this.#metaSpoken === 'no') return false
    return this.#metaSpoken === 'yes' || operation.valueEnd === operation.valueStart
  }

  #greet(text: string): void {
    this.#writer.bytes(Buffer.from(text))
    this.#parser.expectGreetings(1)
    this.#turn.schedule(this)
  }

  /** Logs in only where that is asked for: elsewhere the password would become an item. */
  #greeted(line: string): void {
    const { credentials, protocol } = this.#target
    if (line === 'STORED') {
      this.#greet('version\r\n')
    } else if (!line.startsWith('CLIENT_ERROR')) {
      clearTimeout(this.#greetingTimer)
      this.#metaSpoken = speaksMeta(line) || protocol === 'meta' ? 'yes' : 'unknown'
      this.#ready = true
      this.#owner.connectionReady()
    } else if (credentials === undefined || this.#loggedIn) {
      this.#lose('connect', this.#loggedIn ? 'refused the credentials' : 'wants credentials')
    } else {
      this.#loggedIn = true
      const login = `${credentials.username} ${credentials.password}`
      this.#greet(`set login 0 0 ${Buffer.byteLength(login)}\r\n${login}\r\n`)
    }
  }

  #lose(cause: 'connect' | 'closed' | 'silent', reason: string): void {
    if (this.#closed) return
    const sent = this.#takeUndecided(this.#inFlight.length - this.#unflushed)
    const unsent = this.close()
    this.#owner.connectionLost({ cause: this.#ready ? cause : 'connect', reason, sent, unsent })
  }

  #takeUndecided(count: number): Operation[] {
    const undecided: Operation[] = []
    for (let left = count; left > 0; left--) {
      const operation = this.#inFlight.shift()
      if (!operation.settled) undecided.push(operation)
    }
    return undecided
  }
}

/** memcached has meta commands since 1.6. */
function speaksMeta(line: string): boolean {
  const [, major, minor] = /^VERSION (\d+)\.(\d+)/.exec(line) ?? []
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= 6)
}
