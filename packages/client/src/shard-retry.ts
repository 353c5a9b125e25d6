/**
 * When a shard tries a lost engine again: soon and at random while somebody waits for it, less
 * often while nobody does. One timer; the pace changes when the first waits.
 */
const RETRY_MS_MIN = 10
const RETRY_MS_MAX = 50
const IDLE_RETRY_MS_MIN = 50
const IDLE_RETRY_MS_MAX = 250

export class ShardRetry {
  readonly #retry: () => void
  #timer: NodeJS.Timeout | undefined = undefined
  #idle = false

  constructor(retry: () => void) {
    this.#retry = retry
  }

  /** Tries again later, unless that is already arranged. */
  later(idle: boolean): void {
    if (this.#timer !== undefined) return
    this.#idle = idle
    const min = idle ? IDLE_RETRY_MS_MIN : RETRY_MS_MIN
    const max = idle ? IDLE_RETRY_MS_MAX : RETRY_MS_MAX
    this.#timer = setTimeout(
      () => {
        this.cancel()
        this.#retry()
      },
      min + Math.random() * (max - min),
    )
  }

  /** Somebody waits now: what was arranged at the idle pace comes sooner. */
  hurry(): void {
    if (!this.#idle) return
    this.cancel()
    this.later(false)
  }

  cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#idle = false
  }
}
