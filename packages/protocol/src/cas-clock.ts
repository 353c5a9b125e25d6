// CAS stamps that are unique in the whole cluster without anyone to ask: a hybrid logical clock.
// 64 bits = ms since 2020-01-01 (41, lasts until 2089) | sequence (10) | proxy id (13). Strictly
// increasing, also when the wall clock goes back or more than 1024 stamps are made in one ms.

const EPOCH_MS: number = Date.UTC(2020, 0, 1)
const SEQUENCE_MAX = 0x3ff
const PROXY_ID_MAX = 0x1fff

/** Makes CAS stamps; read `hi` and `lo` after each `next`. */
export class CasClock {
  /** Upper and lower half of the last stamp, unsigned 32 bit. */
  hi = 0
  lo = 0

  readonly #proxyId: number
  #lastMs = 0
  #sequence = 0

  /** Throws a RangeError when the id does not fit 13 bits. */
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
    this.hi = Math.floor(this.#lastMs / 512) >>> 0
    this.lo = (((this.#lastMs % 512) << 23) | (this.#sequence << 13) | this.#proxyId) >>> 0
  }
}
