/**
 * An upstream for tests: feeds raw requests (text and meta, or binary if the first byte says so) to
 * a backend, keeps the order of replies and the deadlines as the proxy's connections do, and hands
 * out the reply bytes as latin1 text.
 */
import {
  BINARY_REQUEST_MAGIC,
  BinaryRequestParser,
  ByteWriter,
  Op,
  TextRequestParser,
} from '@holdfast/protocol'
import { submitRequest } from '../accept.ts'
import type { Backend } from '../backend.ts'
import { Fifo } from '../fifo.ts'
import { type ReplySlot, TIMEOUT_LINE, UPSTREAM_ORDER_SHARDS, type Upstream } from '../operation.ts'
import type { Flushable, Turn } from '../turn.ts'

export class TextUpstream implements Upstream, Flushable {
  flushScheduled = false
  readonly readsOutstanding: Int32Array = new Int32Array(UPSTREAM_ORDER_SHARDS)
  readonly writesOutstanding: Int32Array = new Int32Array(UPSTREAM_ORDER_SHARDS)
  /** All replies so far. */
  output = ''
  readonly #backend: Backend
  readonly #turn: Turn
  readonly #timeoutMs: number
  readonly #slots: Fifo<ReplySlot> = new Fifo()
  #parser: TextRequestParser | BinaryRequestParser | undefined = undefined
  readonly #writer: ByteWriter = new ByteWriter()
  readonly #timer: NodeJS.Timeout
  #waiting: (() => void) | undefined = undefined

  constructor(backend: Backend, turn: Turn, timeoutMs = 5000) {
    this.#timeoutMs = timeoutMs
    this.#backend = backend
    this.#turn = turn
    this.#timer = setInterval(() => this.#expire(), 10)
    this.#timer.unref()
  }

  get outstanding(): number {
    return this.#slots.length
  }

  send(text: string): void {
    const bytes = Buffer.from(text, 'latin1')
    this.#parser ??=
      bytes[0] === BINARY_REQUEST_MAGIC ? new BinaryRequestParser() : new TextRequestParser()
    this.#parser.push(bytes, (request) => {
      if (request.op === Op.Invalid) throw new Error(request.error)
      const deadlineMs = this.#turn.nowMs + this.#timeoutMs
      this.#slots.push(submitRequest(this.#backend, request, this, deadlineMs))
    })
    this.#turn.schedule(this)
  }

  /** Sends and resolves with the replies to everything sent so far that was not asked for yet. */
  async ask(text: string): Promise<string> {
    const from = this.output.length
    this.send(text)
    while (this.#slots.length > 0) await this.#more()
    return this.output.slice(from)
  }

  slotSettled(): void {
    this.#turn.schedule(this)
  }

  flush(): void {
    while (this.#slots.peek()?.settled === true) this.#slots.shift()?.writeReply(this.#writer)
    this.output += this.#writer.take().toString('latin1')
    this.#waiting?.()
    this.#waiting = undefined
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  #expire(): void {
    const nowMs = this.#turn.nowMs
    for (let i = 0; i < this.#slots.length; i++) {
      const slot = this.#slots.at(i)
      if (slot === undefined || slot.deadlineMs > nowMs) break
      slot.fail(TIMEOUT_LINE)
    }
  }
}
