/**
 * The write connection of a shard, with group commit: all writes of one event-loop turn go to the
 * primary together, followed by one WAIT, and are acknowledged together once enough replicas have
 * them. Writes that come meanwhile are the next batch. Other connections must serve reads, since
 * a connection that is blocked in WAIT delays everything behind it.
 *
 *   fence ──ok──> usable ──send──> batch: answers ... WAIT ──enough──> settle, usable again
 *     ^                                            │  └─short──> WAIT again, it still covers them
 *     └───── retry, by the shard's timer <─────────┴─refused, lost: undecided go back in order
 *
 * The fence is a small write of our own, sent first on every connection. It proves that the engine
 * is a writable primary, and because WAIT covers everything up to the connection's last write, it
 * makes later WAITs cover also what earlier connections wrote before they broke.
 *
 * A short WAIT never acknowledges by itself: only the shard's route may lower the need.
 */
import { Dialect, Extra, RespKind, type RespReply } from '@holdfast/protocol'
import {
  type CommandOptions,
  FENCE_REPLIES,
  writeFence,
  writeOperation,
  writeTracelessFence,
  writeWait,
} from './engine-commands.ts'
import {
  EngineConnection,
  type EngineConnectionOwner,
  type EngineTarget,
} from './engine-connection.ts'
import { decideFromReply, holdsBack, replyText } from './engine-replies.ts'
import type { Fifo } from './fifo.ts'
import { NO_OPERATION, type Operation } from './operation.ts'
import { Outcome } from './outcome.ts'
import type { Turn } from './turn.ts'
import { WaitNudge } from './wait-nudge.ts'

/**
 * How long the engine blocks in one WAIT before it reports how far the replicas are. A WAIT that
 * asks for a replica that has gone meanwhile, or that came before its replica was linked, is only
 * helped by the next one: so long do writes stand still when roles and copies move.
 */
export const WAIT_TIMEOUT_MS = 25

/** Reply line of a write that a degraded bucket does not take. */
export const DEGRADED_LINE = 'SERVER_ERROR degraded: write refused'

/** Reply line of a write that fewer replicas have than it has to be on. */
export const AMBIGUOUS_LINE = 'SERVER_ERROR the write is on fewer replicas than it wants'

const BATCH_OPERATIONS_MAX = 8192
const BATCH_BYTES_MAX: number = 4 * 1024 * 1024

/** The shard, as its write connection sees it. */
export interface WriteLinkOwner {
  /** Replicas that must have a write before it is acknowledged. */
  readonly replicasNeeded: number
  /** True while a replicated bucket's shard has no replica. */
  readonly degraded: boolean
  /** True when the shard is degraded and its bucket refuses such writes. */
  readonly refusesWrites: boolean
  /** Offers an operation that the engine refused; true when it is no more of the batch. */
  takesOver(operation: Operation, refusal: string): boolean
  /** The fence passed: batches may be sent. */
  writeLinkUsable(): void
  /** The engine cannot serve now; call `fence` again later. `undecided` go back to the queue. */
  writeLinkRefused(reason: string, undecided: Operation[]): void
  /** The batch is settled; the next may be sent. */
  writeLinkIdle(): void
  /** The connection is gone. */
  writeLinkClosed(reason: string, undecided: Operation[]): void
  /** A WAIT came back short and was sent again. */
  writeLinkWaits(): void
  /** A WAIT takes unusually long: something has to go down the replication stream. */
  writeLinkStalls(): void
  /** A write is acknowledged that only the primary has, though the bucket is replicated. */
  writeLinkDegraded(): void
}

/** The write that opens a connection. */
export interface Fence {
  /** An engine key of the shard's that no client can name. */
  key: Buffer
  /** Whether WAIT has to build on it; else it changes nothing. */
  writes: boolean
}

/** What a write connection is made with. */
export interface WriteLinkOptions {
  target: EngineTarget
  commands: CommandOptions
  turn: Turn
  fence: () => Fence
}

export class WriteLink implements EngineConnectionOwner {
  readonly #owner: WriteLinkOwner
  readonly #commands: CommandOptions
  readonly #fence: () => Fence
  readonly #connection: EngineConnection
  readonly #turn: Turn
  readonly #nudge: WaitNudge
  #usable = false
  #fenceRepliesDue = 0
  #fenceRefusal = ''
  #batch: Operation[] = []
  #answered = 0
  /** Index of the first operation of the batch that the engine would not serve, or -1. */
  #brokenFrom = -1
  #brokenBy = ''
  #waiting = false
  #confirmed = 0

  constructor(options: WriteLinkOptions, owner: WriteLinkOwner) {
    this.#owner = owner
    this.#commands = options.commands
    this.#fence = options.fence
    this.#turn = options.turn
    this.#nudge = new WaitNudge(() => owner.writeLinkStalls())
    this.#connection = new EngineConnection(options.target, options.turn, this)
  }

  /** True when a batch may be sent. */
  get idle(): boolean {
    return this.#usable && this.#batch.length === 0
  }

  /** True from a passed fence until the engine refuses. */
  get usable(): boolean {
    return this.#usable
  }

  /** Proves again that the engine serves writes; does nothing while that is under way. */
  fence(): void {
    if (!this.#connection.ready || this.#usable || this.#fenceRepliesDue > 0) return
    this.#fenceRefusal = ''
    const { key, writes } = this.#fence()
    if (writes) writeFence(this.#connection.writer, key)
    else writeTracelessFence(this.#connection.writer, key)
    this.#fenceRepliesDue = FENCE_REPLIES
    this.#connection.sent(FENCE_REPLIES)
  }

  /** Sends a batch from the front of `queue`, skipping what is settled. Only when `idle`. */
  send(queue: Fifo<Operation>): void {
    const { writer } = this.#connection
    const batch = this.#batch
    let writes = false
    while (batch.length < BATCH_OPERATIONS_MAX && writer.length < BATCH_BYTES_MAX) {
      const operation = queue.shift()
      if (operation === undefined) break
      if (operation.settled) continue
      if (!operation.readsOnly) {
        if (this.#owner.refusesWrites) {
          operation.fail(DEGRADED_LINE)
          continue
        }
        writes = true
      } else if (operation.dialect === Dialect.Meta) {
        // The read function finds and claims what is stale in one go.
        operation.extras |= Extra.WantAccess
      }
      writeOperation(writer, operation, this.#commands)
      operation.attempts++
      operation.outcome = Outcome.Pending
      batch.push(operation)
    }
    if (batch.length === 0) return
    this.#answered = 0
    this.#brokenFrom = -1
    this.#confirmed = 0
    this.#connection.sent(batch.length)
    if (writes && this.#owner.replicasNeeded > 0) this.#sendWait()
  }

  /** The shard's route changed but not its primary: the need for replicas may be another. */
  reconsider(): void {
    if (this.#batch.length > 0) this.#judge()
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
    this.fence()
  }

  engineReply(reply: RespReply): void {
    if (this.#fenceRepliesDue > 0) this.#takeFenceReply(reply)
    else if (this.#answered < this.#batch.length) this.#takeAnswer(reply)
    else this.#takeWait(reply)
  }

  engineClosed(reason: string): void {
    this.#usable = false
    this.#owner.writeLinkClosed(reason, this.#takeUndecided())
  }

  #takeFenceReply(reply: RespReply): void {
    this.#fenceRepliesDue--
    if (reply.kind === RespKind.Error) {
      const text = replyText(reply)
      // Full memory or a missing permission is for the operations themselves to report.
      if (holdsBack(text)) this.#fenceRefusal = text
    }
    if (this.#fenceRepliesDue > 0) return
    if (this.#fenceRefusal !== '') {
      this.#owner.writeLinkRefused(this.#fenceRefusal, [])
      return
    }
    this.#usable = true
    this.#owner.writeLinkUsable()
  }

  #takeAnswer(reply: RespReply): void {
    const index = this.#answered++
    const operation = this.#batch[index]
    if (operation === undefined) throw new Error('bug: an answer without an operation')
    if (operation.settled) {
      this.#noteRefusal(index, reply)
    } else if (!decideFromReply(operation, reply)) {
      const sound = this.#brokenFrom < 0 && reply.kind === RespKind.Error
      if (sound && this.#owner.takesOver(operation, replyText(reply)))
        this.#batch[index] = NO_OPERATION
      else this.#noteRefusal(index, reply)
    } else if (this.#brokenFrom < 0 && this.#needsNoReplica(operation)) {
      this.#settle(operation)
    }
    if (this.#answered < this.#batch.length) return
    if (this.#waiting) this.#nudge.waits(this.#turn.nowMs)
    else this.#judge()
  }

  #noteRefusal(index: number, reply: RespReply): void {
    if (reply.kind !== RespKind.Error || this.#brokenFrom >= 0) return
    const text = replyText(reply)
    if (!holdsBack(text)) return
    this.#brokenFrom = index
    this.#brokenBy = text
  }

  #needsNoReplica(operation: Operation): boolean {
    if (operation.readsOnly || operation.outcome === Outcome.Failed) return true
    return this.#owner.replicasNeeded === 0 && !this.#owner.refusesWrites
  }

  #takeWait(reply: RespReply): void {
    if (!this.#waiting) throw new Error('bug: a reply without a command')
    this.#waiting = false
    this.#nudge.answered(this.#turn.nowMs)
    if (reply.kind === RespKind.Int) {
      this.#confirmed = reply.int
    } else {
      this.#brokenFrom = 0
      this.#brokenBy = replyText(reply)
    }
    this.#judge()
  }

  /**
   * Settles what may be settled and closes, goes on waiting for, or gives back the batch. What
   * follows a refused operation is given back with it, so that replays keep the order of writes.
   */
  #judge(): void {
    const sound = this.#brokenFrom < 0 ? this.#answered : Math.min(this.#brokenFrom, this.#answered)
    if (this.#owner.refusesWrites) {
      for (let i = 0; i < sound; i++) this.#batch[i]?.fail(DEGRADED_LINE)
    } else if (this.#confirmed >= this.#owner.replicasNeeded) {
      for (let i = 0; i < sound; i++) {
        const operation = this.#batch[i]
        if (operation !== undefined && !operation.settled) this.#settle(operation)
      }
    }
    if (this.#waiting || this.#answered < this.#batch.length) return
    const undecided = this.#batch.some((operation) => !operation.settled)
    if (undecided && this.#brokenFrom < 0) {
      this.#owner.writeLinkWaits()
      this.#sendWait()
      return
    }
    const broken = this.#brokenFrom >= 0
    const given = this.#takeUndecided()
    if (broken) {
      this.#usable = false
      this.#owner.writeLinkRefused(this.#brokenBy, given)
      // At once, to learn who serves now.
      this.fence()
    } else {
      this.#owner.writeLinkIdle()
    }
  }

  #settle(operation: Operation): void {
    if (this.#owner.degraded && !operation.readsOnly) this.#owner.writeLinkDegraded()
    const { outcome, replicasWanted } = operation
    const isChanged = outcome !== Outcome.Failed && outcome !== Outcome.Refused
    if (isChanged && replicasWanted > this.#owner.replicasNeeded) {
      operation.decide(Outcome.Failed, AMBIGUOUS_LINE)
    }
    operation.settle()
  }

  #sendWait(): void {
    this.#waiting = true
    // Counted from the last answer: an engine that holds its writers needs no nudge.
    if (this.#answered === this.#batch.length) this.#nudge.waits(this.#turn.nowMs)
    // At least 1, so that a need that just fell to none still lets the engine report a count.
    writeWait(this.#connection.writer, Math.max(1, this.#owner.replicasNeeded), WAIT_TIMEOUT_MS)
    this.#connection.sent(1)
  }

  #takeUndecided(): Operation[] {
    const undecided = this.#batch.filter((operation) => !operation.settled)
    this.#batch = []
    this.#answered = 0
    this.#brokenFrom = -1
    if (this.#waiting) this.#nudge.cancel()
    this.#waiting = false
    return undecided
  }
}
