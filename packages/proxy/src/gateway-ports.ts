/**
 * Ports of buckets: beside the gateway's own port a bucket that asks for no login may have one of
 * its own, which leads to it alone. They open and close while the proxy serves, as the config
 * servers list them. A port that is taken is tried again until it is free or not wanted any more;
 * the other ports do not wait for it.
 */
import type { ClientLog } from '@holdfast/client'
import type { Listener } from './listener.ts'

/** Pause before a port that was taken is tried again. */
const RETRY_MS = 1000
/** Connections of a port that closes may finish what they have asked within this. */
const DRAIN_MS = 1000

/** A bucket, and the port that leads to it. */
export interface BucketPort {
  readonly bucket: string
  readonly port: number
}

/** What ports are opened with. */
export interface GatewayPortsOptions {
  open: (wanted: BucketPort) => Promise<Listener>
  log: ClientLog
}

export class GatewayPorts {
  readonly #options: GatewayPortsOptions
  readonly #open: Map<string, Listener> = new Map()
  readonly #refused: Set<string> = new Set()
  #wanted: ReadonlyMap<string, BucketPort> = new Map()
  #working: Promise<void> | undefined
  #again = false
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: GatewayPortsOptions) {
    this.#options = options
  }

  /** Those that are open. */
  get listeners(): readonly Listener[] {
    return [...this.#open.values()]
  }

  /** From now on these are wanted. */
  want(ports: readonly BucketPort[]): void {
    this.#wanted = new Map(ports.map((wanted) => [`${wanted.port} ${wanted.bucket}`, wanted]))
    this.#work()
  }

  async stop(drainMs: number): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#working
    await Promise.all(this.listeners.map((listener) => listener.stop(drainMs)))
    this.#open.clear()
  }

  #work(): void {
    if (this.#stopped) return
    if (this.#working !== undefined) {
      this.#again = true
      return
    }
    clearTimeout(this.#timer)
    this.#working = this.#once().finally(() => {
      this.#working = undefined
      if (!this.#again) return
      this.#again = false
      this.#work()
    })
  }

  /** First those that go, so that a port may pass from one bucket to another. */
  async #once(): Promise<void> {
    const { log } = this.#options
    for (const [key, listener] of this.#open) {
      if (this.#wanted.has(key)) continue
      this.#open.delete(key)
      log('info', 'port of a bucket closes', { address: listener.address })
      void listener.stop(DRAIN_MS)
    }
    for (const [key, wanted] of this.#wanted) {
      if (!this.#open.has(key)) await this.#tryOpen(key, wanted)
    }
    const isWhole = [...this.#wanted.keys()].every((key) => this.#open.has(key))
    if (!isWhole && !this.#stopped) this.#timer = setTimeout(() => this.#work(), RETRY_MS)
  }

  async #tryOpen(key: string, wanted: BucketPort): Promise<void> {
    const { open, log } = this.#options
    try {
      const listener = await open(wanted)
      this.#open.set(key, listener)
      this.#refused.delete(key)
      log('info', 'port of a bucket opens', { bucket: wanted.bucket, address: listener.address })
    } catch (error) {
      if (this.#refused.has(key)) return
      this.#refused.add(key)
      log('warn', 'port of a bucket cannot be opened', { ...wanted, error: String(error) })
    }
  }
}
