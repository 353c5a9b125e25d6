// CAS stamps that are unique in the whole cluster without anyone to ask: a hybrid logical clock.
// 60 bits = ms since 2020-01-01 (40, lasts until 2054) | sequence (8) | proxy id (12). Strictly
// increasing, also when the wall clock goes back or more than 256 stamps are made in one ms. The
// upper 4 bits of 64 stay free for the marks of a stored item (item.ts).

const EPOCH_MS: number = Date.UTC(2020, 0, 1)
const SEQUENCE_MAX = 0xff
const PROXY_ID_MAX = 0xfff
/** Milliseconds that fit the lower half beside sequence and proxy id. */
const LOWER_MS = 4096

/** Bits of a proxy id. */
export const PROXY_ID_BITS = 12

/** Makes CAS stamps; read `hi` and `lo` after each `next`. */
export class CasClock {
  /** Upper (28 bits) and lower half of the last stamp, unsigned. */
  hi = 0
  lo = 0

  readonly #proxyId: number
  #lastMs = 0
  #sequence = 0

  /** Throws a RangeError when the id does not fit its bits. */
  constructor(proxyId: number) {
    if (!Number.isInteger(proxyId) || proxyId < 0 || proxyId > PROXY_ID_MAX) {
      throw new RangeError(`proxy id ${proxyId} is not in 0..${PROXY_ID_MAX}`)
    }
    this.#proxyId = proxyId
  }

  /** Makes the next stamp. */
  next(nowMs: number): void {
    const ms = Math.floor(nowMs) - EPOCH_MS
    if (ms > this.#lastMs) {
      this.#lastMs = ms
      this.#sequence = 0
    } else if (this.#sequence < SEQUENCE_MAX) {
      this.#sequence++
    } else {
      this.#lastMs++
      this.#sequence = 0
    }
    this.hi = Math.floor(this.#lastMs / LOWER_MS)
    this.lo = (((this.#lastMs % LOWER_MS) << 20) | (this.#sequence << 12) | this.#proxyId) >>> 0
  }
}

/** Wall clock of a stamp that a clock made; of a CAS that a client gave it means nothing. */
export function stampTimeMs(hi: number, lo: number): number {
  return EPOCH_MS + hi * LOWER_MS + (lo >>> 20)
}
