/**
 * Notices that a WAIT takes unusually long, so that what holds it up can be got rid of.
 *
 * A replica that once continued a broken replication (every one does that was a primary before)
 * leaves Nagle's algorithm on for its connection to the primary: the engine turns it off only for
 * connections that start with a full copy. Of two acknowledgements in a row, the one that a WAIT
 * asks for and the one that the replica sends each second, the second then stays with the replica
 * until the primary's kernel confirms the first, by default 40 ms later. Anything that the primary
 * sends down the replication stream carries that confirmation; a nudge makes it send something.
 *
 * Owns the judgement of what is unusual and one timer; what a nudge is, is the shard's business.
 */

/** How long a WAIT may take before it is helped along; more where WAITs usually take longer. */
const PATIENCE_MS_MIN = 2
const PATIENCE_MS_MAX = 20
const PATIENCE_TO_USUAL = 3
/** Nudges of one shard are at least this far apart. */
const NUDGES_APART_MS = 25
/** Weight of one WAIT in what is usual. */
const WEIGHT = 1 / 32

export class WaitNudge {
  readonly #nudge: () => void
  #timer: NodeJS.Timeout | undefined = undefined
  #waits = false
  #sinceMs = 0
  #nudgedMs: number = Number.NEGATIVE_INFINITY
  #usualMs = 0

  constructor(nudge: () => void) {
    this.#nudge = nudge
  }

  /** How long a WAIT may take before it is helped along. */
  get patienceMs(): number {
    const usual = this.#usualMs * PATIENCE_TO_USUAL
    return Math.min(PATIENCE_MS_MAX, Math.max(PATIENCE_MS_MIN, usual))
  }

  /** Only a WAIT is due. */
  waits(nowMs: number): void {
    this.#waits = true
    this.#sinceMs = nowMs
    if (this.#timer === undefined) this.#lookIn(this.patienceMs)
  }

  /** The WAIT is answered. */
  answered(nowMs: number): void {
    this.#waits = false
    const tookMs = Math.min(PATIENCE_MS_MAX, nowMs - this.#sinceMs)
    this.#usualMs += (tookMs - this.#usualMs) * WEIGHT
  }

  /** Nobody waits any more. */
  cancel(): void {
    this.#waits = false
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #lookIn(delayMs: number): void {
    this.#timer = setTimeout(this.#look, delayMs)
  }

  /** One timer for many WAITs: it is set anew only when one is under way as it fires. */
  #look = (): void => {
    this.#timer = undefined
    if (!this.#waits) return
    const nowMs = performance.now()
    const dueMs = Math.max(this.#sinceMs + this.patienceMs, this.#nudgedMs + NUDGES_APART_MS)
    if (nowMs < dueMs) {
      this.#lookIn(dueMs - nowMs)
      return
    }
    this.#nudgedMs = nowMs
    this.#nudge()
  }
}
