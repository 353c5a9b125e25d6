/**
 * Looks at one engine of this member again and again and keeps its status: alive, role, link,
 * slots, whom it knows. Also puts the function library on it when it is a primary.
 *
 * A look is one cheap command. The full cluster picture is only read while things are moving and
 * now and then otherwise: many engines are looked at, on machines that have better things to do.
 */
import { ENGINE_LIBRARY } from '@holdfast/client'
import { type EngineStatus, UNKNOWN_STATUS } from '../membership/messages.ts'
import {
  ENGINE_DATA_RULES,
  ENGINE_DATA_USER,
  ENGINE_TICKS,
  ENGINE_TICKS_AT_REST,
} from './engine-config.ts'
import { EngineControl, EngineError } from './engine-control.ts'
import { clusterPicture, parseInfo, parseRole } from './engine-picture.ts'
import { outOfMemoryErrors, troubleInInfo } from './engine-trouble.ts'
import { itemsIn, USAGE_SECTIONS, usageIn } from './engine-usage.ts'

/** An engine that has not answered for this long is silent: as good as dead. */
export const ENGINE_SILENT_MS = 500
/** A look is given this long at least, however long ago the last answer is. */
const LOOK_MS_MIN = 200
/** After a change the cluster picture is read at every look for this long. */
const MOVING_MS = 5000
/** How often it is read otherwise. */
const PICTURE_INTERVAL_MS = 1500
const MEMORY_INTERVAL_MS = 2000
/** An engine with less to do than this, our own looks among it, is at rest. */
const REST_OPS_PER_SEC = 20

/** Status of an engine without its place in the document. */
export type WatchedStatus = Omit<EngineStatus, 'bucket' | 'shard' | 'port'>

export class EngineWatch {
  readonly #control: EngineControl
  readonly #carriesData: boolean
  readonly #onNews: () => void
  readonly #onFigures: () => void
  #status: WatchedStatus = UNKNOWN_STATUS
  #statusText = ''
  /** Ticks a second that it was told last; null after its start. */
  #ticksPerSec: number | null = null
  #answeredAtMs = performance.now()
  #movedAtMs = performance.now()
  #pictureAtMs = Number.NEGATIVE_INFINITY
  #memoryAtMs = Number.NEGATIVE_INFINITY
  #libraryLoaded = false
  #outOfMemoryErrors = 0
  /** Its part of the quota, told in its usage. */
  itemBytesMax = 0

  constructor(options: {
    host: string
    port: number
    password: string
    /** False for an arbiter's engine, which needs no library. */
    carriesData: boolean
    /** The status has changed. */
    onNews: () => void
    /** Nothing but sizes and counters has changed. */
    onFigures: () => void
  }) {
    this.#control = new EngineControl(options)
    this.#carriesData = options.carriesData
    this.#onNews = options.onNews
    this.#onFigures = options.onFigures
  }

  get status(): WatchedStatus {
    return this.#status
  }

  /** It runs and has what its role needs: a primary its slots, a replica the link to its primary. */
  get hasPlace(): boolean {
    const { state, role, linkUp, slots } = this.#status
    return state === 'running' && (role === 'primary' ? slots.length > 0 : linkUp)
  }

  /** The process has ended. */
  exited(): void {
    if (this.#status.state === 'stopped') return
    this.#libraryLoaded = false
    this.#pictureAtMs = Number.NEGATIVE_INFINITY
    this.#memoryAtMs = Number.NEGATIVE_INFINITY
    this.#outOfMemoryErrors = 0
    this.#ticksPerSec = null
    this.#control.close()
    this.#set({ ...UNKNOWN_STATUS, state: 'stopped', engineId: this.#status.engineId })
  }

  close(): void {
    this.#control.close()
  }

  /** Has the running engine take these settings; throws when it does not. */
  async configure(settings: readonly [name: string, value: string][]): Promise<void> {
    // An engine that was adopted may have been started with other rules.
    await this.#control.call('ACL', 'SETUSER', ENGINE_DATA_USER, ...ENGINE_DATA_RULES)
    await this.#control.call('CONFIG', 'SET', ...settings.flat())
  }

  /** Its append-only file holds everything that it has. */
  async isPersisted(): Promise<boolean> {
    const info = parseInfo(await this.#control.text('INFO', 'persistence'))
    const isBusy = info.get('aof_rewrite_in_progress') !== '0'
    const isDue = info.get('aof_rewrite_scheduled') !== '0'
    const isWell = info.get('aof_last_bgrewrite_status') === 'ok'
    return info.get('aof_enabled') === '1' && !isBusy && !isDue && isWell
  }

  async look(): Promise<void> {
    try {
      const { role, linkUp } = parseRole(await this.#inTime(this.#control.call('ROLE')))
      this.#answeredAtMs = performance.now()
      const moved = role !== this.#status.role || linkUp !== this.#status.linkUp
      if (moved || this.#status.state !== 'running') this.#movedAtMs = this.#answeredAtMs
      const picture = this.#pictureIsDue() ? await this.#picture() : {}
      const memory = this.#memoryIsDue() ? await this.#memory() : {}
      await this.#loadLibrary(role === 'primary')
      this.#set({ ...this.#status, state: 'running', role, linkUp, ...picture, ...memory })
    } catch (error) {
      this.#failed(error)
    }
  }

  /** Gives up as soon as the engine counts as silent, rather than when the command times out. */
  async #inTime(answer: Promise<unknown>): Promise<unknown> {
    const silentAtMs = this.#answeredAtMs + ENGINE_SILENT_MS
    const untilMs = Math.max(silentAtMs, performance.now() + LOOK_MS_MIN)
    const { promise: tooLate, reject } = Promise.withResolvers<never>()
    const expire = (): void => {
      const leftMs = untilMs - performance.now()
      // A timer may fire a little early; given up a moment too soon it would have to look again.
      if (leftMs > 0) {
        timer = setTimeout(expire, Math.ceil(leftMs))
        return
      }
      reject(new EngineError('no answer in time'))
      this.#control.close()
    }
    let timer = setTimeout(expire, Math.ceil(untilMs - performance.now()))
    try {
      return await Promise.race([answer, tooLate])
    } finally {
      clearTimeout(timer)
    }
  }

  #pictureIsDue(): boolean {
    const nowMs = performance.now()
    return nowMs - this.#movedAtMs < MOVING_MS || nowMs - this.#pictureAtMs > PICTURE_INTERVAL_MS
  }

  #memoryIsDue(): boolean {
    return performance.now() - this.#memoryAtMs > MEMORY_INTERVAL_MS
  }

  async #picture(): Promise<Partial<WatchedStatus>> {
    const picture = clusterPicture(await this.#control.text('CLUSTER', 'NODES'))
    this.#pictureAtMs = performance.now()
    return picture ?? {}
  }

  async #memory(): Promise<Partial<WatchedStatus>> {
    const info = parseInfo(await this.#control.text('INFO', ...USAGE_SECTIONS))
    const trouble = troubleInInfo(info, this.#outOfMemoryErrors)
    this.#outOfMemoryErrors = outOfMemoryErrors(info)
    this.#memoryAtMs = performance.now()
    const usage = usageIn(info, this.itemBytesMax)
    await this.#setTicks(usage.opsPerSec)
    return {
      memoryBytes: Number(info.get('used_memory') ?? 0),
      items: itemsIn(info),
      usage,
      trouble,
    }
  }

  /**
   * A tick ends what waits for replicas too long: that is worth something where there are writes,
   * and costs half of what an engine takes that nobody asks.
   */
  async #setTicks(opsPerSec: number): Promise<void> {
    const isMoving = performance.now() - this.#movedAtMs < MOVING_MS
    const rests = opsPerSec < REST_OPS_PER_SEC && !isMoving
    const ticksPerSec = rests ? ENGINE_TICKS_AT_REST : ENGINE_TICKS
    if (ticksPerSec === this.#ticksPerSec) return
    await this.#control.call('CONFIG', 'SET', 'hz', ticksPerSec)
    this.#ticksPerSec = ticksPerSec
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
    if (before === 'stopped' || before === 'starting') {
      this.#answeredAtMs = performance.now()
      this.#set({ ...this.#status, state: 'starting' })
    } else if (performance.now() - this.#answeredAtMs >= ENGINE_SILENT_MS) {
      this.#set({ ...this.#status, state: 'silent' })
    }
  }

  #set(status: WatchedStatus): void {
    const { memoryBytes, items, usage, ...state } = status
    const before = this.#status
    this.#status = status
    const text = JSON.stringify(state)
    if (text === this.#statusText) {
      const isSame = memoryBytes === before.memoryBytes && items === before.items
      if (!isSame || usage !== before.usage) this.#onFigures()
      return
    }
    this.#statusText = text
    const isMove =
      status.primaryId !== before.primaryId ||
      status.slots.length !== before.slots.length ||
      status.known.length !== before.known.length
    if (isMove) this.#movedAtMs = performance.now()
    this.#onNews()
  }
}
