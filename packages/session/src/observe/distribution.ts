/*
 * How often and how long: count, sum, least, most and a histogram of one measured quantity. A
 * measurement costs a few additions and no memory.
 */

/** Upper bounds in seconds: half a millisecond to ten seconds. */
export const SECONDS_BOUNDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]
/** Upper bounds in bytes: 256 bytes to 4 MiB. */
export const BYTES_BOUNDS: readonly number[] = Array.from({ length: 8 }, (_, n) => 256 * 4 ** n)

export class Distribution {
  readonly bounds: readonly number[]
  /** Measurements up to each bound and above the one before it; the last is above all bounds. */
  readonly counts: number[]
  count = 0
  sum = 0
  min: number = Number.POSITIVE_INFINITY
  max = 0

  constructor(bounds: readonly number[] = SECONDS_BOUNDS) {
    this.bounds = bounds
    this.counts = new Array<number>(bounds.length + 1).fill(0)
  }

  add(value: number): void {
    this.count++
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
    let place = 0
    while (place < this.bounds.length && value > (this.bounds[place] ?? 0)) place++
    this.counts[place] = (this.counts[place] ?? 0) + 1
  }

  reset(): void {
    this.counts.fill(0)
    this.count = 0
    this.sum = 0
    this.min = Number.POSITIVE_INFINITY
    this.max = 0
  }
}
