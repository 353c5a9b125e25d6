/**
 * The reply to a text get of several keys: one operation per key, scattered over the shards or
 * servers and gathered in the order of the request, duplicates kept. One failed part fails the
 * whole reply: a failure is never shown as a miss.
 */
import type { ByteWriter } from '@holdfast/protocol'
import { Operation, type ReplySlot, type Upstream } from './operation.ts'
import { Outcome } from './outcome.ts'
import { writeTextValue } from './reply-text.ts'

/** Most bytes of values that one reply is gathered from; it is kept until its last part is there. */
export const GATHER_BYTES_MAX: number = 256 * 1024 * 1024
/** memcached's line for a reply that it has no room for. */
const TOO_MUCH_LINE = 'SERVER_ERROR out of memory writing get response'
const EMPTY: Buffer = Buffer.alloc(0)

/** One reply made of the outcomes of several operations. */
export class Gather implements ReplySlot, Upstream {
  readonly readsOutstanding: Int32Array
  readonly writesOutstanding: Int32Array
  readonly deadlineMs: number
  readonly #upstream: Upstream
  #parts: readonly Operation[] = []
  #unsettled = 0
  #bytes = 0
  #settled = false
  #failure = ''

  constructor(upstream: Upstream, deadlineMs: number) {
    this.#upstream = upstream
    this.readsOutstanding = upstream.readsOutstanding
    this.writesOutstanding = upstream.writesOutstanding
    this.deadlineMs = deadlineMs
  }

  get settled(): boolean {
    return this.#settled
  }

  /** The operations, in the order of the reply. */
  get parts(): readonly Operation[] {
    return this.#parts
  }

  /** Names the parts; call before any of them is submitted. */
  begin(parts: readonly Operation[]): void {
    this.#parts = parts
    this.#unsettled = parts.length
  }

  /** Called by each part when it is settled. */
  slotSettled(part: ReplySlot): void {
    this.#unsettled--
    if (this.#unsettled < 0) throw new Error('bug: a gather has more replies than parts')
    if (this.#settled) {
      if (part instanceof Operation) part.resultBuf = EMPTY
      return
    }
    if (part instanceof Operation) this.#bytes += part.resultEnd - part.resultStart
    if (this.#bytes > GATHER_BYTES_MAX) this.#giveUp()
    if (this.#unsettled > 0 || this.#settled) return
    this.#settled = true
    this.#upstream.slotSettled(this)
  }

  fail(line: string): void {
    if (this.#settled) return
    this.#settled = true
    this.#failure = line
    for (const part of this.#parts) part.fail(line)
    this.#upstream.slotSettled(this)
  }

  release(): void {
    for (const part of this.#parts) part.release()
  }

  writeReply(writer: ByteWriter): void {
    const failure = this.#failure || this.#parts.find(failed)?.line
    if (failure !== undefined) {
      writer.ascii(`${failure}\r\n`)
      return
    }
    for (const part of this.#parts) {
      if (part.outcome === Outcome.Hit) writeTextValue(part, writer)
    }
    writer.ascii('END\r\n')
  }

  #giveUp(): void {
    this.fail(TOO_MUCH_LINE)
    for (const part of this.#parts) part.resultBuf = EMPTY
  }
}

function failed(part: Operation): boolean {
  return part.outcome === Outcome.Failed || part.outcome === Outcome.Refused
}
