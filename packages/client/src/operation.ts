/**
 * One request on its way through the client: what was asked, where it stands, what came out.
 *
 * The upstream side (who asked) keeps slots in the order of its requests and writes their replies
 * in that order. The downstream side (a shard, an embedded store) decides an operation's outcome
 * and settles it. Settling twice is a bug and stops the process: one request, one reply.
 *
 * An operation keeps offsets into the request's bytes and is serialized for the engine when it is
 * sent, so it can be sent again, with the same CAS stamp, to another primary.
 */
import {
  type ByteWriter,
  ITEM_HEADER_BYTES,
  type MemcachedRequest,
  Op,
  readCasHi,
  readCasLo,
  readFlags,
  writeValue,
} from '@holdfast/protocol'

/** What became of an operation. */
export const Outcome = {
  Pending: 0,
  Stored: 1,
  NotStored: 2,
  Exists: 3,
  NotFound: 4,
  Deleted: 5,
  Touched: 6,
  Ok: 7,
  Hit: 8,
  Miss: 9,
  Counted: 10,
  Refused: 11,
  Failed: 12,
} as const
export type Outcome = (typeof Outcome)[keyof typeof Outcome]

const REPLY_LINES: readonly string[] = [
  '',
  'STORED\r\n',
  'NOT_STORED\r\n',
  'EXISTS\r\n',
  'NOT_FOUND\r\n',
  'DELETED\r\n',
  'TOUCHED\r\n',
  'OK\r\n',
  '',
  'END\r\n',
]

/** Reply line of an operation whose deadline passed. */
export const TIMEOUT_LINE = 'SERVER_ERROR proxy downstream timeout'

/** A place in an upstream's order of replies. */
export interface ReplySlot {
  readonly settled: boolean
  readonly deadlineMs: number
  /** Settles the slot with a failure; does nothing when it is settled. */
  fail(line: string): void
  /** Appends the reply, if one is due, to `writer`. */
  writeReply(writer: ByteWriter): void
}

/** Length of an upstream's counters. */
export const UPSTREAM_ORDER_SHARDS = 64

/** Whoever hands requests to a backend; its counters have `UPSTREAM_ORDER_SHARDS` entries. */
export interface Upstream {
  /** Reads sent beside the write path and not settled, by shard. */
  readonly readsOutstanding: Int32Array
  /** Writes not settled, by shard. */
  readonly writesOutstanding: Int32Array
  /** Called once for each slot, when its reply can be written. */
  slotSettled(): void
}

export class Operation implements ReplySlot {
  readonly kind: Op
  readonly upstream: Upstream
  readonly deadlineMs: number
  readonly noreply: boolean

  readonly buf: Buffer
  readonly keyStart: number
  readonly keyEnd: number
  readonly valueStart: number
  readonly valueEnd: number
  readonly flags: number
  readonly casHi: number
  readonly casLo: number
  readonly delta: bigint
  vBucket = 0
  /** Milliseconds to live, -1 never expires, 0 already expired. */
  ttlMs = -1
  stampHi = 0
  stampLo = 0

  /** Times it was sent to an engine; more than 0 means a replay. */
  attempts = 0
  /** True while it counts as a read beside the write path. */
  besideWrites = false
  /** A delete that was once seen to remove the item; a replay then finds nothing. */
  onceDeleted = false
  settled = false
  outcome: Outcome = Outcome.Pending
  /** The line of a refused or failed operation. */
  line = ''
  /** The item or number of a hit. */
  resultBuf: Buffer | undefined = undefined
  resultStart = 0
  resultEnd = 0

  #accountant: OperationAccountant | undefined = undefined

  constructor(request: MemcachedRequest, keyIndex: number, upstream: Upstream, deadlineMs: number) {
    this.kind = request.op
    this.upstream = upstream
    this.deadlineMs = deadlineMs
    this.noreply = request.noreply
    this.buf = request.buf
    const keyed = keyIndex < request.keyCount
    this.keyStart = keyed ? (request.keyStarts[keyIndex] ?? 0) : 0
    this.keyEnd = keyed ? (request.keyEnds[keyIndex] ?? 0) : 0
    this.valueStart = request.valueStart
    this.valueEnd = request.valueEnd
    this.flags = request.flags
    this.casHi = request.casHi
    this.casLo = request.casLo
    this.delta = request.delta
  }

  /** Bytes that it keeps alive while it waits. */
  get bytesHeld(): number {
    return this.keyEnd - this.keyStart + this.valueEnd - this.valueStart + OPERATION_BYTES
  }

  /** True for plain reads, which need no place in the order of writes. */
  get readsOnly(): boolean {
    return this.kind === Op.Get || this.kind === Op.Gets
  }

  /** Registers who counts it until it is settled. */
  accountTo(accountant: OperationAccountant): void {
    this.#accountant = accountant
  }

  decide(outcome: Outcome, line = ''): void {
    this.outcome = outcome
    this.line = line
  }

  settle(): void {
    if (this.settled || this.outcome === Outcome.Pending) {
      throw new Error(`bug: operation settled twice or undecided (outcome ${this.outcome})`)
    }
    this.settled = true
    this.#accountant?.operationSettled(this)
    this.upstream.slotSettled()
  }

  fail(line: string): void {
    if (this.settled) return
    this.decide(Outcome.Failed, line)
    this.settle()
  }

  writeReply(writer: ByteWriter): void {
    if (this.noreply) return
    if (this.outcome === Outcome.Hit) {
      this.writeValue(writer)
      writer.ascii('END\r\n')
    } else if (this.outcome === Outcome.Counted && this.resultBuf !== undefined) {
      writer.bytes(this.resultBuf, this.resultStart, this.resultEnd)
      writer.ascii('\r\n')
    } else if (this.outcome >= Outcome.Refused) {
      writer.ascii(this.line)
      writer.ascii('\r\n')
    } else {
      writer.ascii(REPLY_LINES[this.outcome] ?? '')
    }
  }

  /** Appends the VALUE line and data of a hit, without END. */
  writeValue(writer: ByteWriter): void {
    const item = this.resultBuf
    if (item === undefined) throw new Error('bug: a hit without an item')
    const data = this.resultStart + ITEM_HEADER_BYTES
    const flags = readFlags(item, this.resultStart)
    if (this.kind === Op.Gets || this.kind === Op.Gats) {
      const casHi = readCasHi(item, this.resultStart)
      const casLo = readCasLo(item, this.resultStart)
      writeValue(
        writer,
        this.buf,
        this.keyStart,
        this.keyEnd,
        flags,
        item,
        data,
        this.resultEnd,
        casHi,
        casLo,
      )
      return
    }
    writeValue(writer, this.buf, this.keyStart, this.keyEnd, flags, item, data, this.resultEnd)
  }
}

/** Counts operations from acceptance to settlement. */
export interface OperationAccountant {
  operationSettled(operation: Operation): void
}

/** Rough size of an operation beside its bytes, for bounds. */
const OPERATION_BYTES = 256
