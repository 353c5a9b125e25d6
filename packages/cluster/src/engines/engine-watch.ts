/**
 * Looks at one engine of this member again and again and keeps its status: alive, role, link,
 * slots, whom it knows. Also puts the function library on it when it is a primary.
 */
import { ENGINE_LIBRARY } from '@holdfast/client'
import type { EngineStatus } from '../membership/messages.ts'
import { EngineControl, EngineError } from './engine-control.ts'
import { parseClusterNodes, parseInfo } from './engine-picture.ts'

/** An engine that has not answered for this long is silent: as good as dead. */
export const ENGINE_SILENT_MS = 700
/** Between full looks (memory, items) only the cluster picture is read. */
const FULL_LOOK_EVERY = 10

/** Status of an engine without its place in the document. */
export type WatchedStatus = Omit<EngineStatus, 'bucket' | 'shard' | 'port'>

const STOPPED: WatchedStatus = {
  state: 'stopped',
  engineId: '',
  role: 'replica',
  primaryId: '',
  linkUp: false,
  slots: [],
  known: [],
  configEpoch: 0,
  memoryBytes: 0,
  items: 0,
}

export class EngineWatch {
  readonly #control: EngineControl
  readonly #carriesData: boolean
  readonly #onNews: () => void
  #status: WatchedStatus = STOPPED
  #answeredAtMs = performance.now()
  #looks = 0
  #libraryLoaded = false

  constructor(options: {
    host: string
    port: number
    password: string
    /** False for an arbiter's engine, which needs no library. */
    carriesData: boolean
    onNews: () => void
  }) {
    this.#control = new EngineControl(options)
    this.#carriesData = options.carriesData
    this.#onNews = options.onNews
  }

  get status(): WatchedStatus {
    return this.#status
  }

  /** The process has ended. */
  exited(): void {
    this.#libraryLoaded = false
    this.#control.close()
    this.#answeredAtMs = performance.now()
    this.#set({ ...STOPPED, engineId: this.#status.engineId })
  }

  close(): void {
    this.#control.close()
  }

  async look(): Promise<void> {
    try {
      const nodes = parseClusterNodes(await this.#control.text('CLUSTER', 'NODES'))
      const info = parseInfo(await this.#control.text('INFO', 'replication'))
      this.#answeredAtMs = performance.now()
      const self = nodes.find((n) => n.myself)
      if (!self) return
      await this.#loadLibrary(self.role === 'primary')
      this.#set({
        ...this.#status,
        state: 'running',
        engineId: self.id,
        role: self.role,
        primaryId: self.primaryId,
        linkUp: info.get('master_link_status') === 'up',
        slots: self.slots,
        known: nodes
          .filter((n) => !n.myself && !n.handshake)
          .map((n) => ({ id: n.id, address: n.address, failed: n.failed })),
        configEpoch: self.configEpoch,
        ...(this.#looks++ % FULL_LOOK_EVERY === 0 ? await this.#fullLook() : {}),
      })
    } catch (error) {
      this.#failed(error)
    }
  }

  async #fullLook(): Promise<{ memoryBytes: number; items: number }> {
    const memory = parseInfo(await this.#control.text('INFO', 'memory'))
    const items = Number(await this.#control.call('DBSIZE'))
    return { memoryBytes: Number(memory.get('used_memory') ?? 0), items }
  }

  async #loadLibrary(isPrimary: boolean): Promise<void> {
    if (!isPrimary || !this.#carriesData || this.#libraryLoaded) return
    await this.#control.call('FUNCTION', 'LOAD', 'REPLACE', ENGINE_LIBRARY.source)
    this.#libraryLoaded = true
  }

  #failed(error: unknown): void {
    const loading = error instanceof EngineError && error.message.includes('LOADING')
    if (loading) {
      this.#answeredAtMs = performance.now()
      this.#set({ ...this.#status, state: 'loading' })
      return
    }
    const before = this.#status.state
    if (before === 'stopped') this.#answeredAtMs = performance.now()
    const silentMs = performance.now() - this.#answeredAtMs
    if (before === 'stopped' || before === 'starting') {
      this.#set({ ...this.#status, state: 'starting' })
    } else if (silentMs > ENGINE_SILENT_MS) {
      this.#set({ ...this.#status, state: 'silent' })
    }
  }

  #set(status: WatchedStatus): void {
    const changed =
      status.state !== this.#status.state ||
      status.role !== this.#status.role ||
      status.linkUp !== this.#status.linkUp ||
      status.primaryId !== this.#status.primaryId ||
      status.slots.length !== this.#status.slots.length
    this.#status = status
    if (changed) this.#onNews()
  }
}
