/**
 * Wrong logins by remote address: how late the next wrong answer is, and when an address may not
 * even try. A guesser who does not wait for late answers gains nothing: each try holds a place for
 * as long, and an address has few. Decides only; the clock comes in with each call.
 */

/** Wrong logins that cost nothing: people mistype. */
export const FREE_FAILURES = 5
const FIRST_LATE_MS = 100
/** The latest that a wrong login is answered; a try holds its place this long. */
export const LATE_MS_MAX = 2000
/** Tries that one address may have under way, once it has failed too often. */
export const PLACES_MAX = 8
/** Tries that any address may have under way: a burst is not all checked before it is counted. */
export const FIRST_PLACES_MAX = 64
/** Addresses that are remembered; the one that failed longest ago gives way. */
export const ADDRESSES_MAX = 1000
/** An address that has not failed for this long is forgotten. */
export const FORGET_MS = 600_000
const REPORT_EVERY_MS = 60_000

interface Offender {
  failures: number
  lastFailureMs: number
  /** When each place that is taken is free again, in order. */
  placesUntilMs: number[]
  reportedAtMs: number
  unreported: number
}

/** What follows from one wrong login. */
export interface Consequence {
  lateMs: number
  /** Wrong logins to log at once, those since the last report among them; 0: none. */
  report: number
}

export class WrongLogins {
  /** In order of the last failure. */
  readonly #records = new Map<string, Offender>()

  get addresses(): number {
    return this.#records.size
  }

  /** Whether the address may try; if so this takes one of its places. */
  mayTry(address: string, nowMs: number): boolean {
    const record = this.#recall(address, nowMs) ?? this.#remember(address, nowMs)
    record.placesUntilMs = record.placesUntilMs.filter((untilMs) => untilMs > nowMs)
    const placesMax = record.failures < FREE_FAILURES ? FIRST_PLACES_MAX : PLACES_MAX
    if (record.placesUntilMs.length >= placesMax) return false
    record.placesUntilMs.push(nowMs + LATE_MS_MAX)
    return true
  }

  /** The try was right: its place is free. Failures stay counted, a guesser may own one login. */
  succeeded(address: string): void {
    this.#records.get(address)?.placesUntilMs.pop()
  }

  failed(address: string, nowMs: number): Consequence {
    const record = this.#recall(address, nowMs) ?? this.#remember(address, nowMs)
    record.failures++
    record.unreported++
    record.lastFailureMs = nowMs
    if (record.failures <= FREE_FAILURES) record.placesUntilMs.pop()
    this.#records.delete(address)
    this.#records.set(address, record)
    return { lateMs: lateMs(record.failures), report: takeReport(record, nowMs) }
  }

  #remember(address: string, nowMs: number): Offender {
    const [oldest] = this.#records.keys()
    if (oldest !== undefined && this.#records.size >= ADDRESSES_MAX) this.#records.delete(oldest)
    const record: Offender = {
      ...{ failures: 0, lastFailureMs: nowMs, placesUntilMs: [] },
      ...{ reportedAtMs: Number.NEGATIVE_INFINITY, unreported: 0 },
    }
    this.#records.set(address, record)
    return record
  }

  #recall(address: string, nowMs: number): Offender | undefined {
    const record = this.#records.get(address)
    if (!record || nowMs - record.lastFailureMs < FORGET_MS) return record
    this.#records.delete(address)
    return undefined
  }
}

function lateMs(failures: number): number {
  const beyond = failures - FREE_FAILURES
  return beyond <= 0 ? 0 : Math.min(LATE_MS_MAX, FIRST_LATE_MS * 2 ** (beyond - 1))
}

function takeReport(record: Offender, nowMs: number): number {
  if (nowMs - record.reportedAtMs < REPORT_EVERY_MS) return 0
  const { unreported } = record
  record.reportedAtMs = nowMs
  record.unreported = 0
  return unreported
}
