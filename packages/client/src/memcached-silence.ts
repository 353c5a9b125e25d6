/*
 * Tells a server that is slow from one that is frozen. A server that owes answers and has sent
 * nothing for a while is greeted over a second connection: when that is answered it is alive, and
 * what it owes may take its time; when it says nothing on either until `awayAfterMs`, it is away.
 * Apart from that a connection that owes answers for `silenceTimeoutMs` is taken for dead itself.
 *
 * The clock is read by the caller. A look that comes late counts as this process' own stall.
 */
import { MemcachedConnection, type MemcachedTarget } from './memcached-connection.ts'

export interface SilenceLimits {
  silenceTimeoutMs: number
  awayAfterMs: number | undefined
}

export interface SilenceVerdict {
  /** The server as a whole, not only this connection. */
  away: boolean
  reason: Error
}

/** Silence of so long is answered by a second connection. */
export const SILENCE_PROBE_MS = 100
/** A look later than this says nothing about the server. */
const LATE_MS = 50

export class SilenceWatch {
  readonly #target: MemcachedTarget
  readonly #limits: SilenceLimits
  #heardMs = 0
  #probe: MemcachedConnection | undefined

  constructor(target: MemcachedTarget, limits: SilenceLimits) {
    this.#target = target
    this.#limits = limits
  }

  /** What to make of a server that has owed answers and sent nothing since `silentSinceMs`. */
  judge(silentSinceMs: number, nowMs: number, lateMs: number): SilenceVerdict | undefined {
    const { silenceTimeoutMs, awayAfterMs } = this.#limits
    if (lateMs > LATE_MS) {
      this.#heardMs = nowMs
      return undefined
    }
    if (nowMs - silentSinceMs >= silenceTimeoutMs) {
      return { away: false, reason: new Error(`no reply for ${silenceTimeoutMs} ms`) }
    }
    if (awayAfterMs === undefined) return undefined
    const silentMs = nowMs - Math.max(silentSinceMs, this.#heardMs)
    if (silentMs >= awayAfterMs) {
      this.stop()
      return { away: true, reason: new Error(`frozen: not a byte for ${awayAfterMs} ms`) }
    }
    if (silentMs >= Math.min(SILENCE_PROBE_MS, awayAfterMs / 2)) this.#greet(awayAfterMs)
    return undefined
  }

  stop(): void {
    this.#probe?.close(new Error('no longer needed'))
  }

  #greet(timeoutMs: number): void {
    if (this.#probe !== undefined) return
    const probe = new MemcachedConnection({ ...this.#target, connectTimeoutMs: timeoutMs }, false, {
      connectionReady: () => {
        this.#heardMs = performance.now()
        probe.close(new Error('answered'))
      },
      connectionClosed: () => {
        this.#probe = undefined
      },
    })
    this.#probe = probe
  }
}
