/**
 * Whether items of a bucket may be locked, so that its writes have to look for locks: a look costs
 * an engine function where a plain command would do, and locks are rare. They can be there while
 * one that was given here may last, and for as long after a map was taken over, as other nodes may
 * have given some for vBuckets that are here since. Pure but for what it is told of the time.
 */

/** Longest time of a lock, as in Membase. */
export const LOCK_SECONDS_MAX = 30
/** Time of a lock when none, or too long a one, is asked for. */
export const LOCK_SECONDS_DEFAULT = 15
/** How long a node may go on giving locks by an older map. */
const STALE_MAP_MS = 30_000

export class LockWatch {
  #untilMs: number

  constructor(nowMs: number) {
    this.#untilMs = nowMs + LOCK_SECONDS_MAX * 1000 + STALE_MAP_MS
  }

  /** A lock is given, or the map is another one. */
  extend(nowMs: number): void {
    this.#untilMs = nowMs + LOCK_SECONDS_MAX * 1000 + STALE_MAP_MS
  }

  mayHold(nowMs: number): boolean {
    return nowMs < this.#untilMs
  }
}

/** The seconds of a lock. */
export function lockSeconds(asked: number): number {
  return asked > 0 && asked <= LOCK_SECONDS_MAX ? asked : LOCK_SECONDS_DEFAULT
}
