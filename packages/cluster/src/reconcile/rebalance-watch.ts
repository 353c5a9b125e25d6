/**
 * Finds out that a rebalance stands still, and says why. No clock: times are given. The rebalance
 * itself goes on trying; this is only for those who wait for it.
 */

/** Standing still for this long is told when a reason is known. */
export const STALL_MS = 10_000
/** And for this long in any case: one large copy may take a while. */
export const STALL_UNEXPLAINED_MS = 120_000

export interface RebalanceLook {
  running: boolean
  movesLeft: number
  /** Members that are not heard, by name. */
  away: readonly string[]
  /** Error of a step that failed lately. */
  failure: string | null
  nowMs: number
}

export class RebalanceWatch {
  #movesLeft = -1
  #movedAtMs = 0

  /** What stands in the way now; null while it moves, or does not run. */
  look({ running, movesLeft, away, failure, nowMs }: RebalanceLook): string | null {
    if (!running || movesLeft !== this.#movesLeft) {
      this.#movesLeft = running ? movesLeft : -1
      this.#movedAtMs = nowMs
      return null
    }
    const standsMs = nowMs - this.#movedAtMs
    const reason = [
      ...(away.length > 0 ? [`not reachable: ${away.join(', ')}`] : []),
      ...(failure === null ? [] : [failure]),
    ].join('; ')
    if (standsMs < (reason === '' ? STALL_UNEXPLAINED_MS : STALL_MS)) return null
    const why = reason === '' ? 'no copy has come into sync' : reason
    return `Rebalance stands still (${why}). It goes on by itself when this has ended.`
  }
}
