/**
 * One connection of an application: requests in, replies out in the same order.
 *
 *   bytes ──parser──> request ──conversation──> slot: an operation, or a reply ┐
 *                                                                slots, oldest first
 *   bytes <──writer── reply <── settled slots from the front ──────────────────┘
 *
 * Each request takes one slot; a slot is settled by whoever made it, or here at its deadline.
 * Replies leave once per event-loop turn. Reading pauses while too much is outstanding or the
 * application reads its replies too slowly. The connection outlives whatever happens to the store.
 *
 * The first byte tells the protocol. An idle connection keeps next to nothing: parsers are lent
 * (request-parsers.ts), queue and counters are let go after a second.
 */
import type { Socket } from 'node:net'
import {
  adoptSocket,
  type ByteSocket,
  type ByteSocketHandler,
  Fifo,
  type Flushable,
  Gather,
  Operation,
  type ReplySlot,
  TIMEOUT_LINE,
  UPSTREAM_ORDER_SHARDS,
} from '@holdfast/client'
import { BINARY_REQUEST_MAGIC, type ByteWriter, type MemcachedRequest } from '@holdfast/protocol'
import type { Conversation, ConversationOwner } from './conversation.ts'
import { PIECE_BYTES, ReplyWindow } from './reply-window.ts'
import type { RequestParser, RequestParsers } from './request-parsers.ts'
import type { Statistics } from './statistics.ts'
import type { UpstreamHost } from './upstream-host.ts'

/** Values of at least this size count towards `outstandingBytesMax`. */
const LARGE_VALUE_BYTES: number = 16 * 1024
/** After this long without a request a connection lets go of what it can make again. */
const REST_AFTER_MS = 1000

/** Stands for the queue of a connection that is owed nothing. Never pushed to. */
const NO_SLOTS: Fifo<ReplySlot> = new Fifo()

export class UpstreamConnection implements ConversationOwner, Flushable, ByteSocketHandler {
  flushScheduled = false
  statistics: Statistics
  readonly remoteAddress: string
  readonly #host: UpstreamHost
  readonly #operationTimeoutMs: number
  readonly #socket: ByteSocket
  #binary: boolean | undefined = undefined
  /** Its own only while a part of a request has arrived. */
  #parser: RequestParser | undefined = undefined
  #lender: RequestParsers | undefined = undefined
  #slots: Fifo<ReplySlot> = NO_SLOTS
  #reads: Int32Array | undefined = undefined
  #writes: Int32Array | undefined = undefined
  /** Keys of gathered requests in `#slots`, beyond the one that each slot counts for. */
  #furtherKeys = 0
  /** Bytes of large values in `#slots`. */
  #largeBytes = 0
  readonly #window: ReplyWindow
  readonly #conversation: Conversation
  #paused = false
  /** What was read but not parsed when reading paused. */
  #unparsed: Buffer | undefined = undefined
  #endsAfterParsing = false
  /** No more requests are taken; closes when all replies are out. */
  #ending = false
  #closed = false
  #lastReadMs: number
  #backlogBytes = 0
  #backlogSinceMs = 0

  constructor(socket: Socket, host: UpstreamHost) {
    this.#host = host
    this.remoteAddress = socket.remoteAddress ?? ''
    this.#operationTimeoutMs = host.settings.operationTimeoutMs
    this.#window = new ReplyWindow(host.settings.outstandingMax)
    this.#lastReadMs = host.turn.nowMs
    this.statistics = host.directory.anonymous?.statistics ?? host.unbound
    this.statistics.currentConnections++
    this.statistics.totalConnections++
    this.#conversation = host.converse(this)
    this.#socket = adoptSocket(socket, this)
  }

  /** Reads still to be answered beside the write path, by shard. */
  get readsOutstanding(): Int32Array {
    this.#reads ??= new Int32Array(UPSTREAM_ORDER_SHARDS)
    return this.#reads
  }

  /** Writes still to be answered, by shard. */
  get writesOutstanding(): Int32Array {
    this.#writes ??= new Int32Array(UPSTREAM_ORDER_SHARDS)
    return this.#writes
  }

  /** Requests without a reply. */
  get outstanding(): number {
    return this.#slots.length
  }

  /** Takes no more requests and closes once the outstanding ones are answered. */
  end(): void {
    this.#ending = true
    this.#unparsed = undefined
    this.#parser = undefined
    this.#host.turn.schedule(this)
  }

  /** Closes at once. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** Periodic: fails what is past its deadline, ends what has been silent or blocked too long. */
  sweep(nowMs: number): void {
    const slots = this.#slots
    for (let i = 0; i < slots.length; i++) {
      const slot = slots.at(i)
      if (slot === undefined || slot.deadlineMs > nowMs) break
      slot.fail(TIMEOUT_LINE)
    }
    if (this.#closed) return
    this.#sweepBacklog(nowMs)
    if (!this.#ending) this.#conversation.sweep()
    if (slots.length > 0 || this.#paused) return
    const silentMs = nowMs - this.#lastReadMs
    if (silentMs > REST_AFTER_MS) this.#rest()
    const { idleTimeoutMs, requestTimeoutMs } = this.#host.settings
    const limitMs = this.#parser === undefined ? idleTimeoutMs : requestTimeoutMs
    if (limitMs > 0 && silentMs > limitMs && !this.#ending) {
      this.statistics.deadlineCloses++
      this.end()
    }
  }

  slotSettled(): void {
    this.#host.turn.schedule(this)
  }

  socketOpened(): void {}

  socketRead(chunk: Buffer): void {
    this.#lastReadMs = this.#host.turn.nowMs
    this.statistics.bytesRead += chunk.length
    this.#parse(chunk)
  }

  socketEnded(): void {
    if (this.#unparsed === undefined) this.end()
    else this.#endsAfterParsing = true
  }

  socketDrained(): void {
    this.#backlogSinceMs = 0
    this.#balance()
  }

  socketClosed(): void {
    this.#closed = true
    this.#ending = true
    this.#unparsed = undefined
    this.#parser = undefined
    this.statistics.currentConnections--
    if (this.#slots.length === 0) this.#host.upstreamGone(this)
  }

  flush(): void {
    const { turn, writer, slowLog } = this.#host
    const { thresholdMs } = slowLog
    const slots = this.#slots
    const lastDeadlineMs = turn.nowMs + this.#operationTimeoutMs
    let replies = 0
    let bytes = 0
    for (let slot = slots.peek(); slot?.settled === true; slot = slots.peek()) {
      slots.shift()
      if (slot.deadlineMs > 0) {
        const ms = lastDeadlineMs - slot.deadlineMs
        this.statistics.countReply(slot, ms / 1000)
        if (ms > thresholdMs) slowLog.see(slot, ms, this.#conversation.bucket?.name ?? '')
        if (this.#furtherKeys > 0 || this.#largeBytes > 0) this.#release(slot)
      }
      if (this.#closed) continue
      const from = writer.length
      slot.writeReply(writer)
      slot.release?.()
      bytes += writer.length - from
      replies++
      if (writer.length > PIECE_BYTES) this.#send()
    }
    if (writer.length > 0) this.#send()
    if (replies > 0) this.#window.learn(bytes / replies)
    if (this.#closed) {
      if (slots.length === 0) this.#host.upstreamGone(this)
    } else if (this.#ending && slots.length === 0) {
      this.#socket.end()
    } else {
      this.#balance()
    }
  }

  /** The connection belongs to another bucket from here on. */
  countFor(statistics: Statistics): void {
    if (this.statistics === statistics) return
    this.statistics.currentConnections--
    this.statistics = statistics
    statistics.currentConnections++
  }

  tell(write: (writer: ByteWriter) => void): boolean {
    if (this.#socket.backlogBytes > this.#host.settings.backlogBytesMax) return false
    write(this.#host.writer)
    this.#send()
    return true
  }

  #take = (request: MemcachedRequest): void => {
    if (this.#ending) return
    const deadlineMs = this.#host.turn.nowMs + this.#operationTimeoutMs
    const valueBytes = request.valueEnd - request.valueStart
    const slot = this.#conversation.take(request, deadlineMs)
    this.#enqueue(slot)
    if (slot.settled) this.#host.turn.schedule(this)
    if (this.#conversation.ending) this.#ending = true
    if (slot instanceof Gather) this.#furtherKeys += slot.parts.length - 1
    else if (valueBytes >= LARGE_VALUE_BYTES && slot instanceof Operation) {
      this.#largeBytes += valueBytes
    }
  }

  #enqueue(slot: ReplySlot): void {
    if (this.#slots === NO_SLOTS) this.#slots = new Fifo()
    this.#slots.push(slot)
  }

  /** Lets go of what the next request makes again. */
  #rest(): void {
    this.#slots = NO_SLOTS
    this.#reads = undefined
    this.#writes = undefined
  }

  /** Undoes what `#take` counted for this slot. */
  #release(slot: ReplySlot): void {
    if (slot instanceof Gather) this.#furtherKeys -= slot.parts.length - 1
    else if (slot instanceof Operation) {
      const valueBytes = slot.valueEnd - slot.valueStart
      if (valueBytes >= LARGE_VALUE_BYTES) this.#largeBytes -= valueBytes
    }
  }

  #send(): void {
    const { writer } = this.#host
    this.statistics.bytesWritten += writer.length
    writer.sendTo(this.#socket)
  }

  /** Parses slice by slice, and keeps the rest once too much is outstanding. */
  #parse(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.#ending) {
      if (this.#paused) {
        this.#unparsed = chunk.subarray(at)
        return
      }
      at = this.#parseSlice(chunk, at)
      this.#balance()
    }
  }

  /** Parses the requests that begin in one slice; returns where the next slice begins. */
  #parseSlice(chunk: Buffer, from: number): number {
    this.#binary ??= this.#detectBinary(chunk)
    const lender = this.#lender ?? this.#host.parsers
    const parser = this.#parser ?? lender.lend(this.#binary)
    const until = Math.min(chunk.length, from + this.#window.sliceBytes)
    const next = parser.push(chunk, this.#take, from, until)
    if (parser.idle) {
      this.#parser = undefined
      this.#lender = undefined
      lender.giveBack(parser)
    } else {
      this.#parser = parser
      this.#lender = lender
    }
    return next
  }

  #detectBinary(first: Buffer): boolean {
    const { protocol } = this.#host.settings
    return protocol === 'auto' ? first[0] === BINARY_REQUEST_MAGIC : protocol === 'binary'
  }

  /** Reads on or pauses, by what is outstanding and what the reader has not taken. */
  #balance(): void {
    const { outstandingBytesMax, backlogBytesMax } = this.#host.settings
    const outstanding = this.#slots.length + this.#furtherKeys
    const { requests } = this.#window
    const busy = outstanding > (this.#paused ? requests / 2 : requests)
    const backlogBytes = this.#socket.backlogBytes
    const pause = busy || this.#largeBytes > outstandingBytesMax || backlogBytes > backlogBytesMax
    if (pause === this.#paused) return
    this.#paused = pause
    if (pause) {
      this.statistics.readingPauses++
      this.#socket.pauseReading()
      return
    }
    this.#lastReadMs = this.#host.turn.nowMs
    const unparsed = this.#unparsed
    this.#unparsed = undefined
    if (unparsed !== undefined) this.#parse(unparsed)
    if (this.#paused) return
    if (this.#endsAfterParsing) this.end()
    else this.#socket.resumeReading()
  }

  /** Gives up a reader that owes too much, or takes nothing for too long. */
  #sweepBacklog(nowMs: number): void {
    const { backlogBytesMax, backlogBytesLimit, blockedTimeoutMs } = this.#host.settings
    const backlogBytes = this.#socket.backlogBytes
    const watched = backlogBytes > backlogBytesMax || (this.#ending && backlogBytes > 0)
    if (!watched || backlogBytes < this.#backlogBytes || this.#backlogSinceMs === 0) {
      this.#backlogSinceMs = watched ? nowMs : 0
    }
    this.#backlogBytes = backlogBytes
    const blocked = watched && blockedTimeoutMs > 0
    if (
      backlogBytes > backlogBytesLimit ||
      (blocked && nowMs - this.#backlogSinceMs > blockedTimeoutMs)
    ) {
      this.statistics.deadlineCloses++
      this.destroy()
    }
  }
}
