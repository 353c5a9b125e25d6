/**
 * Requests that are answered by several operations: a get of several keys, scattered over the
 * shards and gathered in the order of the request, and flush_all, which every shard has to do.
 * One failed part fails the whole reply: a failure is never shown as a miss.
 */
import type { ByteWriter } from '@holdfast/protocol'
import { type Operation, Outcome, type ReplySlot, type Upstream } from './operation.ts'

/** One reply made of the outcomes of several operations. */
export class Gather implements ReplySlot, Upstream {
  readonly readsOutstanding: Int32Array
  readonly writesOutstanding: Int32Array
  readonly deadlineMs: number
  readonly #upstream: Upstream
  readonly #noreply: boolean
  #parts: readonly Operation[] = []
  #unsettled = 0
  #settled = false
  #failure = ''

  constructor(upstream: Upstream, deadlineMs: number, noreply: boolean) {
    this.#upstream = upstream
    this.#noreply = noreply
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

  /** Settles a gather that needs no parts with OK. */
  succeed(): void {
    this.#settled = true
    this.#upstream.slotSettled()
  }

  /** Called by each part when it is settled. */
  slotSettled(): void {
    this.#unsettled--
    if (this.#unsettled < 0) throw new Error('bug: a gather has more replies than parts')
    if (this.#unsettled > 0 || this.#settled) return
    this.#settled = true
    this.#upstream.slotSettled()
  }

  fail(line: string): void {
    if (this.#settled) return
    this.#settled = true
    this.#failure = line
    for (const part of this.#parts) part.fail(line)
    this.#upstream.slotSettled()
  }

  writeReply(writer: ByteWriter): void {
    if (this.#noreply) return
    const failure = this.#failure || this.#parts.find(failed)?.line
    if (failure !== undefined) {
      writer.ascii(`${failure}\r\n`)
      return
    }
    if (this.#parts.length === 0 || this.#parts[0]?.outcome === Outcome.Ok) {
      writer.ascii('OK\r\n')
      return
    }
    for (const part of this.#parts) {
      if (part.outcome === Outcome.Hit) part.writeValue(writer)
    }
    writer.ascii('END\r\n')
  }
}

function failed(part: Operation): boolean {
  return part.outcome === Outcome.Failed || part.outcome === Outcome.Refused
}
