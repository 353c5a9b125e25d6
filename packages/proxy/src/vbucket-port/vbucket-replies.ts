/**
 * The replies that only a vBucket port gives: configs and refusals with configs, the answers to
 * HELLO, OBSERVE and GET_META; and what it says unasked when a map changes.
 */
import { Operation, Outcome, type ReplySlot, type Upstream } from '@holdfast/client'
import {
  BinaryStatus,
  type ByteWriter,
  createBinaryHeader,
  type MemcachedRequest,
  writeBinaryResponseHeader,
  writeBinaryServerRequestHeader,
  writeBinaryStatus,
} from '@holdfast/protocol'
import type { PublishedConfig } from './published-config.ts'

const header = createBinaryHeader()
const MAP_CHANGE_OPCODE = 0x01
const VERSION_BYTES = 16
const META_BYTES = 20
/** Of an item as OBSERVE tells it: in memory, and whether it is on disk is not known. */
const OBSERVED_FOUND = 0x00
const OBSERVED_NOT_FOUND = 0x80

/** A reply with a value of its own, settled at once. */
export class ValueReply implements ReplySlot {
  readonly settled = true
  readonly deadlineMs = 0
  readonly #opcode: number
  readonly #opaque: number
  readonly #status: number
  readonly #value: Buffer

  constructor(asked: MemcachedRequest, status: number, value: Buffer | string) {
    this.#opcode = asked.opcode
    this.#opaque = asked.opaque
    this.#status = status
    this.#value = typeof value === 'string' ? Buffer.from(value) : value
  }

  fail(): void {}

  writeReply(writer: ByteWriter): void {
    beginReply(this.#opcode, this.#opaque, this.#status)
    header.bodyBytes = this.#value.length
    writeBinaryResponseHeader(writer, header)
    writer.bytes(this.#value, 0, this.#value.length)
  }
}

/** What an item is known by, without its value (GET_META). */
export class MetaReply implements ReplySlot, Upstream {
  readonly readsOutstanding: Int32Array
  readonly writesOutstanding: Int32Array
  readonly deadlineMs: number
  readonly operation: Operation
  readonly #upstream: Upstream
  /** A byte of data type follows. */
  readonly #typed: boolean

  constructor(asked: MemcachedRequest, upstream: Upstream, deadlineMs: number) {
    this.readsOutstanding = upstream.readsOutstanding
    this.writesOutstanding = upstream.writesOutstanding
    this.deadlineMs = deadlineMs
    this.#upstream = upstream
    this.#typed = asked.args === '2'
    this.operation = new Operation(this, deadlineMs).take(asked, 0)
  }

  get settled(): boolean {
    return this.operation.settled
  }

  slotSettled(): void {
    this.#upstream.slotSettled(this)
  }

  fail(line: string): void {
    this.operation.fail(line)
  }

  writeReply(writer: ByteWriter): void {
    const { operation } = this
    if (operation.outcome !== Outcome.Hit) {
      operation.writeReply(writer)
      return
    }
    const { opcode, opaque, resultTtlSeconds: ttlSeconds } = operation
    beginReply(opcode, opaque, BinaryStatus.Success)
    header.extrasBytes = META_BYTES + (this.#typed ? 1 : 0)
    header.bodyBytes = header.extrasBytes
    header.casHi = operation.resultCasHi
    header.casLo = operation.resultCasLo
    writeBinaryResponseHeader(writer, header)
    // Deleted: no. Then flags, expiry as unix time, and a sequence number, which there is none of.
    writer.u32be(0)
    writer.u32be(operation.resultFlags)
    writer.u32be(ttlSeconds < 0 ? 0 : Math.floor(Date.now() / 1000) + ttlSeconds)
    writer.u32be(0)
    writer.u32be(0)
    if (this.#typed) writer.byte(0)
  }

  release(): void {
    this.operation.release()
  }
}

/** How the items of an OBSERVE stand. */
export class ObserveReply implements ReplySlot, Upstream {
  readonly readsOutstanding: Int32Array
  readonly writesOutstanding: Int32Array
  readonly deadlineMs: number
  readonly operations: Operation[] = []
  readonly #upstream: Upstream
  readonly #opcode: number
  readonly #opaque: number
  #unsettled = 0

  constructor(asked: MemcachedRequest, upstream: Upstream, deadlineMs: number) {
    this.readsOutstanding = upstream.readsOutstanding
    this.writesOutstanding = upstream.writesOutstanding
    this.deadlineMs = deadlineMs
    this.#upstream = upstream
    this.#opcode = asked.opcode
    this.#opaque = asked.opaque
  }

  /** Another item; all are added before the first is submitted. */
  add(): Operation {
    const operation = new Operation(this, this.deadlineMs)
    this.operations.push(operation)
    this.#unsettled++
    return operation
  }

  get settled(): boolean {
    return this.#unsettled === 0
  }

  slotSettled(): void {
    this.#unsettled--
    if (this.#unsettled === 0) this.#upstream.slotSettled(this)
  }

  fail(line: string): void {
    for (const operation of this.operations) operation.fail(line)
  }

  writeReply(writer: ByteWriter): void {
    if (this.operations.some(({ outcome }) => outcome > Outcome.Counted)) {
      const asked = { opcode: this.#opcode, opaque: this.#opaque }
      writeBinaryStatus(writer, asked, BinaryStatus.TemporaryFailure)
      return
    }
    beginReply(this.#opcode, this.#opaque, BinaryStatus.Success)
    header.bodyBytes = this.operations.reduce((sum, { keyStart, keyEnd }) => {
      return sum + 4 + keyEnd - keyStart + 9
    }, 0)
    writeBinaryResponseHeader(writer, header)
    for (const operation of this.operations) writeObserved(operation, writer)
  }

  release(): void {
    for (const operation of this.operations) operation.release()
  }
}

function writeObserved(operation: Operation, writer: ByteWriter): void {
  const { buf, keyStart, keyEnd, outcome } = operation
  const isFound = outcome === Outcome.Hit
  writer.u32be(((operation.vBucket << 16) | (keyEnd - keyStart)) >>> 0)
  writer.bytes(buf, keyStart, keyEnd)
  writer.byte(isFound ? OBSERVED_FOUND : OBSERVED_NOT_FOUND)
  writer.u32be(isFound ? operation.resultCasHi : 0)
  writer.u32be(isFound ? operation.resultCasLo : 0)
}

/** Appends what clients are told when a map changes; `brief`: only that it did. */
export function writeMapChange(
  writer: ByteWriter,
  bucketName: string,
  config: PublishedConfig,
  brief: boolean,
): void {
  const name = Buffer.from(bucketName)
  const body = Buffer.from(brief ? '' : config.json)
  beginReply(MAP_CHANGE_OPCODE, 0, 0)
  header.keyBytes = name.length
  header.extrasBytes = VERSION_BYTES
  header.bodyBytes = VERSION_BYTES + name.length + body.length
  writeBinaryServerRequestHeader(writer, header)
  const version = Buffer.alloc(VERSION_BYTES)
  version.writeBigInt64BE(BigInt(config.epoch), 0)
  version.writeBigInt64BE(BigInt(config.rev), 8)
  writer.bytes(version, 0, version.length)
  writer.bytes(name, 0, name.length)
  writer.bytes(body, 0, body.length)
}

function beginReply(opcode: number, opaque: number, status: number): void {
  header.opcode = opcode
  header.opaque = opaque
  header.vBucketOrStatus = status
  header.keyBytes = 0
  header.extrasBytes = 0
  header.bodyBytes = 0
  header.casHi = 0
  header.casLo = 0
}
