/**
 * The read connection of a shard: plain gets, pipelined to the primary, so that they do not wait
 * behind a WAIT. Answers arrive in order; each settles its operation at once.
 */
import { RespKind, type RespReply } from '@holdfast/protocol'
import {
  type CommandOptions,
  FENCE_REPLIES,
  writeFence,
  writeOperation,
} from './engine-commands.ts'
import {
  EngineConnection,
  type EngineConnectionOwner,
  type EngineTarget,
} from './engine-connection.ts'
import { decideFromReply, replyText } from './engine-replies.ts'
import { Fifo } from './fifo.ts'
import { NO_OPERATION, type Operation } from './operation.ts'
import type { Turn } from './turn.ts'

/** The shard, as its read connection sees it. */
export interface ReadLinkOwner {
  /** Connected: reads may be sent. */
  readLinkReady(): void
  /** The engine will not serve this read now. */
  readRefused(operation: Operation, reason: string): void
  /** The item is found, but the operation has to be asked in another way. */
  readReturned(operation: Operation): void
  /** The reads up to `notifyAt` are answered. */
  readsPassed(): void
  /** The connection is gone; `undecided` go back to the queue. */
  readLinkClosed(reason: string, undecided: Operation[]): void
}

export class ReadLink implements EngineConnectionOwner {
  /** Count of answered reads at which to call `readsPassed`. */
  notifyAt = -1
  readonly #owner: ReadLinkOwner
  readonly #commands: CommandOptions
  readonly #connection: EngineConnection
  readonly #inFlight: Fifo<Operation> = new Fifo()
  #answered = 0

  constructor(target: EngineTarget, commands: CommandOptions, turn: Turn, owner: ReadLinkOwner) {
    this.#owner = owner
    this.#commands = commands
    this.#connection = new EngineConnection(target, turn, this)
  }

  get ready(): boolean {
    return this.#connection.ready
  }

  /** Reads answered so far. */
  get answered(): number {
    return this.#answered
  }

  /** Reads sent so far. */
  get sent(): number {
    return this.#answered + this.#inFlight.length
  }

  /** Only when `ready`. */
  send(operation: Operation): void {
    writeOperation(this.#connection.writer, operation, this.#commands)
    operation.attempts++
    this.#inFlight.push(operation)
    this.#connection.sent(1)
  }

  /** Has the primary write to its replicas, and leaves no trace. Only when `ready`. */
  nudge(key: Buffer): void {
    writeFence(this.#connection.writer, key)
    for (let reply = 0; reply < FENCE_REPLIES; reply++) this.#inFlight.push(NO_OPERATION)
    this.#connection.sent(FENCE_REPLIES)
  }

  checkSilence(nowMs: number): void {
    this.#connection.checkSilence(nowMs)
  }

  /** Closes and returns what is undecided, in order. */
  close(): Operation[] {
    this.#connection.close()
    return this.#takeUndecided()
  }

  engineReady(): void {
    this.#owner.readLinkReady()
  }

  engineReply(reply: RespReply): void {
    const operation = this.#inFlight.shift()
    if (operation === undefined) throw new Error('bug: an answer without a read')
    this.#answered++
    if (!operation.settled) {
      if (decideFromReply(operation, reply)) operation.settle()
      else if (reply.kind !== RespKind.Error) this.#owner.readReturned(operation)
      else this.#owner.readRefused(operation, replyText(reply))
    }
    if (this.#answered === this.notifyAt) this.#owner.readsPassed()
  }

  engineClosed(reason: string): void {
    this.#owner.readLinkClosed(reason, this.#takeUndecided())
  }

  #takeUndecided(): Operation[] {
    return this.#inFlight.drain().filter((operation) => !operation.settled)
  }
}
