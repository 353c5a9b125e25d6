/**
 * One operation on its way through the client: what was asked, where it stands, what came out.
 *
 * The upstream side (who asked) keeps slots in the order of its requests and writes their replies
 * in that order. The downstream side (a shard, a pool, an embedded store, a routing policy) decides
 * an operation's outcome and settles it. Settling twice is a bug and stops the process: one
 * request, one reply.
 *
 * An operation keeps offsets into the request's bytes and is serialized for a server when it is
 * sent, so it can be sent again, with the same CAS stamp, to another primary.
 */
import {
  type ByteWriter,
  Dialect,
  Extra,
  type MemcachedRequest,
  Op,
  type SpecialRequest,
} from '@holdfast/protocol'
import { Outcome } from './outcome.ts'
import type { ReadSlab } from './read-slab.ts'
import { writeBinaryReply } from './reply-binary.ts'
import { writeMetaReply } from './reply-meta.ts'
import { writeTextReply } from './reply-text.ts'

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
  /** Lets go of what the reply was made from, once it is written. */
  release?(): void
}

/** Length of an upstream's counters. */
export const UPSTREAM_ORDER_SHARDS = 64

/** Whoever hands operations to a backend; its counters have `UPSTREAM_ORDER_SHARDS` entries. */
export interface Upstream {
  /** Reads sent beside the write path and not settled, by shard. */
  readonly readsOutstanding: Int32Array
  /** Writes not settled, by shard. */
  readonly writesOutstanding: Int32Array
  /** Called once for each slot, when its reply can be written. */
  slotSettled(slot: ReplySlot): void
}

/** Counts operations from acceptance to settlement. */
export interface OperationAccountant {
  operationSettled(operation: Operation): void
}

const EMPTY: Buffer = Buffer.alloc(0)
const NO_SPECIAL: SpecialRequest = {
  newCasHi: 0,
  newCasLo: 0,
  initial: 0n,
  vivifyExptime: 0,
  recacheTtlSeconds: 0,
}

/** Rough size of an operation beside its bytes, for bounds. */
const OPERATION_BYTES = 320

export class Operation implements ReplySlot {
  readonly upstream: Upstream
  readonly deadlineMs: number

  /** The request, see `MemcachedRequest`; constant once `take` or `copy` has filled it in. */
  kind: Op = Op.Invalid
  dialect: Dialect = Dialect.Text
  noreply = false
  quiet = false
  keyEncoded = false
  opcode = 0
  opaque = 0
  extras = 0
  buf: Buffer = EMPTY
  keyStart = 0
  keyEnd = 0
  valueStart = 0
  valueEnd = 0
  metaStart = 0
  metaEnd = 0
  flags = 0
  exptime = 0
  casHi = 0
  casLo = 0
  delta = 0n
  special: SpecialRequest = NO_SPECIAL

  /** For the backend that has it: the key's vBucket. */
  vBucket = 0
  /** Milliseconds to live, -1 never expires, 0 already expired. */
  ttlMs = -1
  /** CAS that a write gives the item, when the backend makes it; else as the server answered. */
  stampHi = 0
  stampLo = 0
  /** Times it was sent to a server; more than 0 means a replay. */
  attempts = 0
  /** True while it counts as a read beside the write path. */
  besideWrites = false
  /** It came in at a vBucket port: a failure has to tell whether it may have been carried out. */
  direct = false
  /** Who asked knows the statuses that came after Membase. */
  extendedErrors = false
  /** A write that locks of items hold up. */
  guarded = false
  /** Replicas that must have the write, whatever the bucket needs, for it to be acknowledged. */
  replicasWanted = 0
  /** A delete that was once seen to remove the item; a replay then finds nothing. */
  onceDeleted = false

  settled = false
  outcome: Outcome = Outcome.Pending
  /** The line of a refused or failed operation. */
  line = ''
  /** The data of a hit (without any header), or the digits of a count. */
  resultBuf: Buffer = EMPTY
  resultStart = 0
  resultEnd = 0
  resultFlags = 0
  /** CAS of a hit. Of a successful write it is the stamp. */
  resultCasHi = 0
  resultCasLo = 0
  /** Memory of `resultBuf` that is used again when nobody holds it any more. */
  resultSlab: ReadSlab | undefined = undefined
  /** Where `resultBuf` holds the whole VALUE item of a text reply to this very request, else 0, 0. */
  rawStart = 0
  rawEnd = 0
  /** As far as `extras` asked: seconds to live (-1 never expires) and since the last read. */
  resultTtlSeconds = -1
  resultAccessSeconds = 0
  /** Bits of `ItemMark`. */
  resultMarks = 0

  #accountant: OperationAccountant | undefined = undefined

  constructor(upstream: Upstream, deadlineMs: number) {
    this.upstream = upstream
    this.deadlineMs = deadlineMs
  }

  /** Fills in what was asked, from one key of a request. */
  take(request: MemcachedRequest, keyIndex: number): this {
    this.kind = request.op
    this.dialect = request.dialect
    this.noreply = request.noreply
    this.buf = request.buf
    if (keyIndex < request.keyCount) {
      this.keyStart = request.keyStarts[keyIndex] ?? 0
      this.keyEnd = request.keyEnds[keyIndex] ?? 0
    }
    this.valueStart = request.valueStart
    this.valueEnd = request.valueEnd
    this.flags = request.flags
    this.exptime = request.exptime
    this.casHi = request.casHi
    this.casLo = request.casLo
    this.delta = request.delta
    if (request.dialect === Dialect.Text) return this
    this.quiet = request.quiet
    this.keyEncoded = request.keyEncoded
    this.opcode = request.opcode
    this.opaque = request.opaque
    this.metaStart = request.metaStart
    this.metaEnd = request.metaEnd
    this.extras = request.extras
    if (request.extras !== 0) this.special = { ...request.special }
    return this
  }

  /** Fills in what was asked, as another operation has it. */
  copy(asked: Operation): this {
    this.kind = asked.kind
    this.dialect = asked.dialect
    this.noreply = asked.noreply
    this.quiet = asked.quiet
    this.keyEncoded = asked.keyEncoded
    this.opcode = asked.opcode
    this.opaque = asked.opaque
    this.extras = asked.extras
    this.buf = asked.buf
    this.keyStart = asked.keyStart
    this.keyEnd = asked.keyEnd
    this.valueStart = asked.valueStart
    this.valueEnd = asked.valueEnd
    this.metaStart = asked.metaStart
    this.metaEnd = asked.metaEnd
    this.flags = asked.flags
    this.exptime = asked.exptime
    this.casHi = asked.casHi
    this.casLo = asked.casLo
    this.delta = asked.delta
    this.special = asked.special
    this.direct = asked.direct
    this.extendedErrors = asked.extendedErrors
    this.guarded = asked.guarded
    this.replicasWanted = asked.replicasWanted
    return this
  }

  /** Bytes that it keeps alive while it waits. */
  get bytesHeld(): number {
    return this.keyEnd - this.keyStart + this.valueEnd - this.valueStart + OPERATION_BYTES
  }

  /** True for reads that change nothing, which need no place in the order of writes. */
  get readsOnly(): boolean {
    const { kind } = this
    if (kind !== Op.Get && kind !== Op.Gets && kind !== Op.Debug) return false
    return (this.extras & CHANGING) === 0
  }

  /** Registers who counts it until it is settled. */
  accountTo(accountant: OperationAccountant): void {
    this.#accountant = accountant
  }

  decide(outcome: Outcome, line = ''): void {
    this.outcome = outcome
    this.line = line
  }

  /** Decides as `answered` was decided; the keys may differ, so a raw item is not taken over. */
  decideAs(answered: Operation): void {
    this.outcome = answered.outcome
    this.line = answered.line
    this.stampHi = answered.stampHi
    this.stampLo = answered.stampLo
    this.resultBuf = answered.resultBuf
    this.resultStart = answered.resultStart
    this.resultEnd = answered.resultEnd
    this.resultFlags = answered.resultFlags
    this.resultCasHi = answered.resultCasHi
    this.resultCasLo = answered.resultCasLo
    this.resultTtlSeconds = answered.resultTtlSeconds
    this.resultAccessSeconds = answered.resultAccessSeconds
    this.resultMarks = answered.resultMarks
  }

  /** The reply is written: the result's memory may be used again. */
  release(): void {
    if (this.resultSlab === undefined) return
    this.resultSlab.held--
    this.resultSlab = undefined
  }

  settle(): void {
    if (this.settled || this.outcome === Outcome.Pending) {
      throw new Error(`bug: operation settled twice or undecided (outcome ${this.outcome})`)
    }
    this.settled = true
    this.#accountant?.operationSettled(this)
    this.upstream.slotSettled(this)
  }

  fail(line: string): void {
    if (this.settled) return
    this.decide(Outcome.Failed, line)
    this.settle()
  }

  writeReply(writer: ByteWriter): void {
    if (this.noreply) return
    if (this.dialect === Dialect.Text) writeTextReply(this, writer)
    else if (this.dialect === Dialect.Meta) writeMetaReply(this, writer)
    else writeBinaryReply(this, writer)
  }
}

/** Extras that make a read change the item. */
const CHANGING: number = Extra.Touch | Extra.Vivify | Extra.Recache

/** Holds the place of an operation where a reply is due that nobody waits for. */
export const NO_OPERATION: Operation = new Operation(
  {
    readsOutstanding: new Int32Array(0),
    writesOutstanding: new Int32Array(0),
    slotSettled: () => {},
  },
  0,
)
NO_OPERATION.settled = true
