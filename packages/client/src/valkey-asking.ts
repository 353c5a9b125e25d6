/**
 * Operations on keys that are on their way from one engine to another: an engine that has handed a
 * key on already says ASK, and the other one takes the operation only behind an ASKING. One
 * connection to an engine that keys move to; it closes when it has been idle.
 */
import { RespKind, type RespReply } from '@holdfast/protocol'
import { type CommandOptions, writeOperation } from './engine-commands.ts'
import {
  EngineConnection,
  type EngineConnectionOwner,
  type EngineTarget,
} from './engine-connection.ts'
import { decideFromReply } from './engine-replies.ts'
import { Fifo } from './fifo.ts'
import type { Operation } from './operation.ts'
import type { Turn } from './turn.ts'

/** Who sends operations after keys that move. */
export interface AskingOwner {
  /** Undecided operations, in order: the key is back, or the engine is away. */
  askingReturned(operations: Operation[]): void
  /** The connection is gone. */
  askingClosed(link: AskingLink): void
}

export class AskingLink implements EngineConnectionOwner {
  readonly #owner: AskingOwner
  readonly #commands: CommandOptions
  readonly #connection: EngineConnection
  readonly #queued: Fifo<Operation> = new Fifo()
  readonly #inFlight: Fifo<Operation> = new Fifo()
  /** The reply to an ASKING comes before each operation's. */
  #askingDue = true

  constructor(target: EngineTarget, commands: CommandOptions, turn: Turn, owner: AskingOwner) {
    this.#owner = owner
    this.#commands = commands
    this.#connection = new EngineConnection(target, turn, this)
  }

  get idle(): boolean {
    return this.#queued.length === 0 && this.#inFlight.length === 0
  }

  send(operation: Operation): void {
    if (!this.#connection.ready) {
      this.#queued.push(operation)
      return
    }
    const { writer } = this.#connection
    writer.ascii('*1\r\n$6\r\nASKING\r\n')
    writeOperation(writer, operation, this.#commands)
    operation.attempts++
    this.#inFlight.push(operation)
    this.#connection.sent(2)
  }

  checkSilence(nowMs: number): void {
    this.#connection.checkSilence(nowMs)
  }

  /** Closes and returns what is undecided, in order. */
  close(): Operation[] {
    this.#connection.close()
    return [...this.#inFlight.drain(), ...this.#queued.drain()].filter((each) => !each.settled)
  }

  engineReady(): void {
    for (const operation of this.#queued.drain()) {
      if (!operation.settled) this.send(operation)
    }
  }

  engineReply(reply: RespReply): void {
    this.#askingDue = !this.#askingDue
    if (!this.#askingDue) return
    const operation = this.#inFlight.shift()
    if (operation === undefined) throw new Error('bug: an answer without an operation')
    if (operation.settled) return
    if (decideFromReply(operation, reply)) operation.settle()
    else if (reply.kind === RespKind.Error) this.#owner.askingReturned([operation])
    else this.send(operation)
  }

  engineClosed(): void {
    this.#owner.askingReturned(this.close())
    this.#owner.askingClosed(this)
  }
}
