/**
 * Reads of a shard whose primary is away, from one of the in-sync replicas that its route names.
 * Opened when first needed, closed when the primary serves again. Which reads may come here is the
 * shard's decision; what a replica refuses or leaves unanswered goes back to it.
 */
import { Extra, Op } from '@holdfast/protocol'
import type { CommandOptions } from './engine-commands.ts'
import type { EngineTarget } from './engine-connection.ts'
import type { Operation } from './operation.ts'
import { ReadLink, type ReadLinkOwner } from './read-link.ts'
import type { Turn } from './turn.ts'

/** The shard, as its replica reads see it. */
export interface ReplicaReadsOwner {
  /** A replica is connected: reads may be sent. */
  replicaReady(): void
  /** These reads are undecided; they keep their order. */
  replicaReturned(undecided: Operation[]): void
  /** The reads up to `notifyAt` are answered. */
  readsPassed(): void
}

/** Extras that a plain GET serves. */
const PLAIN_READ: number = Extra.NoValue | Extra.NoAccess

/** Whether a replica, where nothing can be written, can serve the operation. */
export function isPlainRead(operation: Operation): boolean {
  if (operation.kind === Op.Debug) return false
  return operation.readsOnly && (operation.extras & ~PLAIN_READ) === 0
}

export class ReplicaReads implements ReadLinkOwner {
  readonly #commands: CommandOptions
  readonly #turn: Turn
  readonly #owner: ReplicaReadsOwner
  #link: ReadLink | undefined = undefined
  /** Whose turn it is among the route's replicas. */
  #turnOf = 0

  constructor(commands: CommandOptions, turn: Turn, owner: ReplicaReadsOwner) {
    this.#commands = commands
    this.#turn = turn
    this.#owner = owner
  }

  get ready(): boolean {
    return this.#link?.ready === true
  }

  /** Reads sent so far on this connection. */
  get sent(): number {
    return this.#link?.sent ?? 0
  }

  /** Has `readsPassed` called when this many reads are answered; false when they are. */
  awaits(barrier: number): boolean {
    if (this.#link === undefined || this.#link.answered >= barrier) return false
    this.#link.notifyAt = barrier
    return true
  }

  /** Connects to the next of the replicas, unless a connection is there or under way. */
  open(replicas: readonly string[], target: Omit<EngineTarget, 'address'>): void {
    const address = replicas[this.#turnOf % Math.max(1, replicas.length)]
    if (this.#link !== undefined || address === undefined) return
    const chosen = { ...target, address, readsFromReplica: true }
    this.#link = new ReadLink(chosen, this.#commands, this.#turn, this)
  }

  /** Only when `ready`. */
  send(operation: Operation): void {
    this.#link?.send(operation)
  }

  checkSilence(nowMs: number): void {
    this.#link?.checkSilence(nowMs)
  }

  /** Closes a connection on which nothing is due. */
  closeIdle(): void {
    if (this.#link !== undefined && this.#link.answered === this.#link.sent) this.close()
  }

  /** Closes and returns what is undecided, in order. */
  close(): Operation[] {
    const undecided = this.#link?.close() ?? []
    this.#link = undefined
    return undecided
  }

  readLinkReady(): void {
    this.#owner.replicaReady()
  }

  readRefused(operation: Operation): void {
    const undecided = [operation, ...this.close()]
    this.#turnOf++
    this.#owner.replicaReturned(undecided)
  }

  readReturned(operation: Operation): void {
    this.#owner.replicaReturned([operation])
  }

  readsPassed(): void {
    this.#owner.readsPassed()
  }

  readLinkClosed(_reason: string, undecided: Operation[]): void {
    this.#link = undefined
    this.#turnOf++
    this.#owner.replicaReturned(undecided)
  }
}
