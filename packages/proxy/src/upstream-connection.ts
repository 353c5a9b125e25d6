/**
 * One connection of an application: requests in, replies out in the same order.
 *
 *   bytes ──parser──> request ──backend.submit──> slot ┐
 *                        └─ local command ──> slot ────┤ slots, oldest first
 *   bytes <──writer── reply <── settled slots from the front ──┘
 *
 * Each request takes one slot; a slot is settled by the backend, or here at its deadline. Replies
 * leave once per event-loop turn. Reading pauses while too many requests are outstanding or the
 * application reads its replies too slowly. The connection outlives whatever happens to the store.
 */

import type { Socket } from 'node:net'
import {
  adoptSocket,
  type Backend,
  type ByteSocket,
  type ByteSocketHandler,
  Fifo,
  type Flushable,
  type ReplySlot,
  submitRequest,
  TIMEOUT_LINE,
  type Turn,
  UPSTREAM_ORDER_SHARDS,
  type Upstream,
} from '@holdfast/client'
import { type ByteWriter, type MemcachedRequest, Op, TextRequestParser } from '@holdfast/protocol'
import type { Statistics } from './statistics.ts'

/** Most bytes that are parsed before it is looked whether too much is outstanding. */
const SLICE_BYTES: number = 16 * 1024
/** Reply bytes that may wait for a slow reader before its requests are no longer read. */
const BACKLOG_BYTES_MAX: number = 1024 * 1024
/** A reader that takes nothing of such a backlog for this long is disconnected. */
const BLOCKED_MS_MAX = 30_000

/** The proxy, as its connections see it. */
export interface UpstreamHost {
  readonly turn: Turn
  readonly backend: Backend
  readonly statistics: Statistics
  /** Shared by all connections: each takes out what it wrote before the next one writes. */
  readonly writer: ByteWriter
  readonly valueBytesMax: number
  readonly operationTimeoutMs: number
  /** Requests of one connection that may be outstanding before reading pauses. */
  readonly outstandingMax: number
  /** Reply of a command that needs no store, without a line end when empty. */
  localReply(request: MemcachedRequest): string
  /** The connection is closed and owes nothing any more. */
  upstreamGone(connection: UpstreamConnection): void
}

export class UpstreamConnection implements Upstream, Flushable, ByteSocketHandler {
  flushScheduled = false
  readonly readsOutstanding: Int32Array = new Int32Array(UPSTREAM_ORDER_SHARDS)
  readonly writesOutstanding: Int32Array = new Int32Array(UPSTREAM_ORDER_SHARDS)
  readonly #host: UpstreamHost
  readonly #socket: ByteSocket
  readonly #parser: TextRequestParser
  readonly #slots: Fifo<ReplySlot> = new Fifo()
  #paused = false
  /** What was read but not parsed when reading paused. */
  #unparsed: Buffer | undefined = undefined
  #endsAfterParsing = false
  /** No more requests are taken; closes when all replies are out. */
  #ending = false
  #closed = false
  #blockedSinceMs = 0

  constructor(socket: Socket, host: UpstreamHost) {
    this.#host = host
    this.#parser = new TextRequestParser({ valueBytesMax: host.valueBytesMax })
    this.#socket = adoptSocket(socket, this)
    host.statistics.currentConnections++
    host.statistics.totalConnections++
  }

  /** Requests without a reply. */
  get outstanding(): number {
    return this.#slots.length
  }

  /** Takes no more requests and closes once the outstanding ones are answered. */
  end(): void {
    this.#ending = true
    this.#unparsed = undefined
    this.#parser.stop()
    this.#host.turn.schedule(this)
  }

  /** Closes at once. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** Periodic: fails what is past its deadline, gives up a reader that takes nothing. */
  sweep(nowMs: number): void {
    for (let i = 0; i < this.#slots.length; i++) {
      const slot = this.#slots.at(i)
      if (slot === undefined || slot.deadlineMs > nowMs) break
      slot.fail(TIMEOUT_LINE)
    }
    if (this.#closed || this.#socket.backlogBytes <= BACKLOG_BYTES_MAX) this.#blockedSinceMs = 0
    else if (this.#blockedSinceMs === 0) this.#blockedSinceMs = nowMs
    else if (nowMs - this.#blockedSinceMs > BLOCKED_MS_MAX) this.#socket.destroy()
  }

  slotSettled(): void {
    this.#host.turn.schedule(this)
  }

  socketOpened(): void {}

  socketRead(chunk: Buffer): void {
    this.#host.statistics.bytesRead += chunk.length
    this.#parse(chunk)
  }

  socketEnded(): void {
    if (this.#unparsed === undefined) this.end()
    else this.#endsAfterParsing = true
  }

  socketDrained(): void {
    this.#blockedSinceMs = 0
    this.#balance()
  }

  socketClosed(): void {
    this.#closed = true
    this.#unparsed = undefined
    this.#parser.stop()
    this.#host.statistics.currentConnections--
    if (this.#slots.length === 0) this.#host.upstreamGone(this)
  }

  flush(): void {
    const { statistics, turn, writer, operationTimeoutMs } = this.#host
    for (let slot = this.#slots.peek(); slot?.settled === true; slot = this.#slots.peek()) {
      this.#slots.shift()
      const arrivedMs = slot.deadlineMs - operationTimeoutMs
      statistics.countReply(slot, (turn.nowMs - arrivedMs) / 1000)
      if (!this.#closed) slot.writeReply(writer)
    }
    if (writer.length > 0) {
      statistics.bytesWritten += writer.length
      this.#socket.write(writer.take())
    }
    if (this.#closed) {
      if (this.#slots.length === 0) this.#host.upstreamGone(this)
    } else if (this.#ending && this.#slots.length === 0) {
      this.#socket.end()
    } else {
      this.#balance()
    }
  }

  #take = (request: MemcachedRequest): void => {
    const { backend, statistics, turn } = this.#host
    const delayed = request.op === Op.FlushAll && request.exptime !== 0
    if (
      (request.keyCount > 0 && request.op !== Op.Invalid) ||
      (request.op === Op.FlushAll && !delayed)
    ) {
      const deadlineMs = turn.nowMs + this.#host.operationTimeoutMs
      this.#slots.push(submitRequest(backend, request, this, deadlineMs))
      return
    }
    if (request.op === Op.Quit || request.fatal) this.#ending = true
    if (request.op === Op.Invalid) statistics.invalidRequests++
    else statistics.countLocal(request.op)
    const reply = request.noreply ? '' : this.#host.localReply(request)
    this.#slots.push(new LocalReply(reply))
    turn.schedule(this)
  }

  /** Parses slice by slice, and keeps the rest once too much is outstanding. */
  #parse(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#paused) {
        this.#unparsed = chunk.subarray(at)
        return
      }
      const end = Math.min(chunk.length, at + SLICE_BYTES)
      this.#parser.push(
        at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end),
        this.#take,
      )
      at = end
      this.#balance()
    }
  }

  /** Reads on or pauses, by what is outstanding and what the reader has not taken. */
  #balance(): void {
    const outstanding = this.#slots.length
    const { outstandingMax } = this.#host
    const busy = this.#paused ? outstanding > outstandingMax / 2 : outstanding > outstandingMax
    const pause = busy || this.#socket.backlogBytes > BACKLOG_BYTES_MAX
    if (pause === this.#paused) return
    this.#paused = pause
    if (pause) {
      this.#socket.pauseReading()
      return
    }
    const unparsed = this.#unparsed
    this.#unparsed = undefined
    if (unparsed !== undefined) this.#parse(unparsed)
    if (this.#paused) return
    if (this.#endsAfterParsing) this.end()
    else this.#socket.resumeReading()
  }
}

/** The slot of a request that the proxy answers itself. */
class LocalReply implements ReplySlot {
  readonly settled = true
  readonly deadlineMs: number = Number.POSITIVE_INFINITY
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  fail(): void {}

  writeReply(writer: ByteWriter): void {
    if (this.#text !== '') writer.ascii(this.#text)
  }
}
