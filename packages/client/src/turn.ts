/**
 * One flush per event-loop turn. Everything that gathered output or work while sockets were read
 * (connections, shards) asks for a flush; one callback after the reads (socket.ts) then serves all
 * of them, so that what arrived together leaves together. Flushing inside each read callback costs
 * 36 to 62 % more CPU, process.nextTick about 40 %.
 *
 * It also holds the clock reading of the turn, so that hot paths do not ask the system each time.
 */

import { afterReads } from './socket.ts'

/** Something that has work to do at the end of the turn. */
export interface Flushable {
  /** True from `schedule` until just before `flush`; kept by Turn. */
  flushScheduled: boolean
  flush(): void
}

export class Turn {
  #waiting: Flushable[] = []
  #armed = false
  #nowMs = 0

  /** Monotonic milliseconds, read at most once per turn. */
  get nowMs(): number {
    if (this.#nowMs === 0) {
      this.#nowMs = performance.now()
      this.#arm()
    }
    return this.#nowMs
  }

  /** Has `item.flush` called once at the end of this turn. */
  schedule(item: Flushable): void {
    if (item.flushScheduled) return
    item.flushScheduled = true
    this.#waiting.push(item)
    this.#arm()
  }

  #arm(): void {
    if (this.#armed) return
    this.#armed = true
    afterReads(this.#run)
  }

  #run = (): void => {
    this.#armed = false
    this.#nowMs = 0
    const waiting = this.#waiting
    // Items may schedule further items while they flush; the length grows and they run as well.
    for (let i = 0; i < waiting.length; i++) {
      const item = waiting[i]
      if (item === undefined) continue
      item.flushScheduled = false
      item.flush()
    }
    waiting.length = 0
  }
}
