/**
 * The log of slow requests: one JSON line for each, at most a few a second. A key may be a secret
 * (whoever knows a session's id has the session), so the line has a short hash of it, which the one
 * who knows the key can compute as well: `printf %s KEY | sha256sum | cut -c1-12`.
 *
 * Connections call `see` for replies that took longer than `slowMs`; below that nothing is done.
 */
import { createHash } from 'node:crypto'
import { Gather, Operation, Outcome, type ReplySlot } from '@holdfast/client'
import { Op } from '@holdfast/protocol'
import type { Logger } from 'pino'

/** Lines a second; beyond that requests are only counted. */
const LINES_PER_SECOND_MAX = 10
const HASH_CHARS = 12

/** What a slow log is made with. */
export interface SlowLogOptions {
  /** Milliseconds above which a request is slow; 0 logs nothing. */
  slowMs: number
  /** Write keys as they are. Only where keys are no secrets. */
  keys?: boolean
  logger: Logger
}

/** How many requests were slow, and how many of those were not logged. */
export interface SlowCounts {
  seen: number
  suppressed: number
}

export class SlowLog {
  /** Milliseconds above which `see` has to be called; infinite when the log is off. */
  readonly thresholdMs: number
  readonly #logger: Logger
  readonly #keys: boolean
  #seen = 0
  #suppressed = 0
  #second = 0
  #linesInSecond = 0
  #suppressedBefore = 0

  constructor(options: SlowLogOptions) {
    this.thresholdMs = options.slowMs > 0 ? options.slowMs : Number.POSITIVE_INFINITY
    this.#keys = options.keys ?? false
    this.#logger = options.logger
  }

  /** Notes a slow request, when its reply is about to be written. */
  see(slot: ReplySlot, ms: number, bucket: string): void {
    this.#seen++
    const second = Math.floor(performance.now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#linesInSecond = 0
    }
    if (this.#linesInSecond >= LINES_PER_SECOND_MAX) {
      this.#suppressed++
      return
    }
    const operation = slowest(slot)
    if (operation === undefined) return
    this.#linesInSecond++
    const suppressed = this.#suppressed - this.#suppressedBefore
    this.#suppressedBefore = this.#suppressed
    this.#logger.warn(
      {
        bucket,
        ms: Math.round(ms * 10) / 10,
        ...this.#describe(operation),
        ...(slot instanceof Gather ? { keyCount: slot.parts.length } : {}),
        ...(suppressed > 0 ? { suppressed } : {}),
      },
      'slow request',
    )
  }

  counts(): SlowCounts {
    return { seen: this.#seen, suppressed: this.#suppressed }
  }

  #describe(operation: Operation): object {
    const { buf, keyStart, keyEnd, outcome, line } = operation
    const key = buf.subarray(keyStart, keyEnd)
    const hash = createHash('sha256').update(key).digest('hex').slice(0, HASH_CHARS)
    return {
      command: nameOf(Op, operation.kind),
      ...(this.#keys ? { key: key.toString('latin1') } : { keyHash: hash }),
      vBucket: operation.vBucket,
      bytesIn: operation.valueEnd - operation.valueStart,
      bytesOut: outcome === Outcome.Hit ? operation.resultEnd - operation.resultStart : 0,
      attempts: operation.attempts,
      outcome: nameOf(Outcome, outcome),
      ...(line === '' ? {} : { line }),
    }
  }
}

/** Of a gathered reply the part that failed says most, else the first. */
function slowest(slot: ReplySlot): Operation | undefined {
  if (slot instanceof Operation) return slot
  if (!(slot instanceof Gather)) return undefined
  return slot.parts.find((part) => part.outcome === Outcome.Failed) ?? slot.parts[0]
}

function nameOf(table: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(table).find((name) => table[name] === value) ?? String(value)
}
