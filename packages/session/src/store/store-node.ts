/*
 * One node of the store: a client, a breaker, and the ONE place on this path that repeats an
 * operation within its deadline. Three clocks rule it:
 *
 *   operationTimeout  one operation with its repetitions: long enough for a failover behind a proxy
 *   storeWait         a node that says nothing (refused, unreachable, frozen) for so long is away
 *   probe delay       while it is away one probe at a time asks it, after 50 ms to 1 s
 *
 *      up ── silent for storeWait, or TIMEOUTS_MAX deadlines in a row ──► away: operations
 *       ▲                                                                  │    fail at once
 *       └───────────────── a probe was answered ◄──────────────────────────┘
 *
 * A node is *steady* once it has been up for a while. New sessions and sessions that move back go
 * to steady nodes only, so a node that comes and goes does not drag sessions along.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type ItemClient, probeDelayMs } from '@holdfast/client'
import { SessionStoreUnavailableError } from '../errors.ts'
import type { SessionObserver } from '../observe/session-observer.ts'
import type { SessionLogger } from '../options.ts'
import type { StoredSession, Written } from './store-keys.ts'

export interface NodeHealth {
  id: string | undefined
  address: string
  ok: boolean
  error?: string
}

export interface StoreNodeOptions {
  id: string | undefined
  /** As shown in health and logs; no credentials. */
  address: string
  client: ItemClient
  operationTimeoutMs: number
  storeWaitMs: number
  logger: SessionLogger
  observer: SessionObserver
}

type StoreOperation = 'get' | 'gat' | 'set' | 'add' | 'cas' | 'touch' | 'delete'

/** Deadlines missed in a row, without any answer between, after which a node is away. */
export const TIMEOUTS_MAX = 3
/** How long a node that was away has to be up before sessions are given to it. */
export const STEADY_MS = 1000
/** Longest wait for one node's answer in `health`. */
export const HEALTH_TIMEOUT_MS = 500
const RETRY_DELAY_MS_MIN = 25
/** Probes ask for one of so many keys, as the keys of a bucket are on many servers. */
const PROBE_KEYS = 1024

export class StoreNode {
  readonly id: string | undefined
  readonly address: string
  /** Used only when no primary is up. */
  isFailover = false
  readonly #client: ItemClient
  readonly #timeoutMs: number
  readonly #storeWaitMs: number
  readonly #logger: SessionLogger
  readonly #observer: SessionObserver
  #away: Error | undefined
  #awaySinceMs = 0
  #upSinceMs = Number.NEGATIVE_INFINITY
  #returnedMs: number | undefined
  #timeouts = 0
  #probes = 0
  #probeTimer: NodeJS.Timeout | undefined
  #running = 0
  #checking: Promise<void> | undefined
  #lastCheck: { error: string | undefined; atMs: number } = {
    error: undefined,
    atMs: Number.NEGATIVE_INFINITY,
  }
  #retired = false
  #closed = false

  constructor(options: StoreNodeOptions) {
    this.id = options.id
    this.address = options.address
    this.#client = options.client
    this.#timeoutMs = options.operationTimeoutMs
    this.#storeWaitMs = options.storeWaitMs
    this.#logger = options.logger
    this.#observer = options.observer
    this.#observer.nodeOpened(this.#name)
  }

  /** False: operations fail at once. */
  get isUp(): boolean {
    return this.#away === undefined && !this.#retired && !this.#closed
  }

  /** For how long it has been away; 0 while it is not. */
  get awayMs(): number {
    return this.#away === undefined ? 0 : performance.now() - this.#awaySinceMs
  }

  /** Up, and not only just back. */
  get isSteady(): boolean {
    return this.isUp && performance.now() - this.#upSinceMs >= STEADY_MS
  }

  /** When it was last seen to be back, on the clock of `Date.now()`; undefined: it never was away. */
  get returnedMs(): number | undefined {
    return this.#returnedMs
  }

  load(key: string): Promise<StoredSession | undefined> {
    return this.#run('get', 'load the session', (timeoutMs) =>
      this.#client.gets(key, { timeoutMs }),
    )
  }

  loadAndRenew(key: string, ttlSeconds: number): Promise<StoredSession | undefined> {
    return this.#run('gat', 'load the session', (timeoutMs) =>
      this.#client.gats(key, ttlSeconds, { timeoutMs }),
    )
  }

  set(key: string, value: Buffer, ttlSeconds: number): Promise<{ cas: string | undefined }> {
    return this.#run('set', 'store the session', (timeoutMs) =>
      this.#client.set(key, value, { ttlSeconds, timeoutMs }),
    )
  }

  add(key: string, value: Buffer, ttlSeconds: number): Promise<Written> {
    return this.#run('add', 'store the session', (timeoutMs) =>
      this.#client.add(key, value, { ttlSeconds, timeoutMs }),
    )
  }

  cas(key: string, value: Buffer, ttlSeconds: number, cas: string): Promise<Written> {
    return this.#run('cas', 'store the session', (timeoutMs) =>
      this.#client.cas(key, value, cas, { ttlSeconds, timeoutMs }),
    )
  }

  touch(key: string, ttlSeconds: number): Promise<boolean> {
    return this.#run('touch', 'renew the session', (timeoutMs) =>
      this.#client.touch(key, ttlSeconds, { timeoutMs }),
    )
  }

  delete(key: string): Promise<boolean> {
    return this.#run('delete', 'delete the session', (timeoutMs) =>
      this.#client.delete(key, { timeoutMs }),
    )
  }

  /**
   * Whether this node can be worked with; takes HEALTH_TIMEOUT_MS at most and never rejects. A
   * round trip through the store is made, but one that is late is waited for in the background:
   * while a store behind a proxy fails over, its operations are held, and a balancer that took
   * every application server out of its pool for that moment would make it an outage.
   */
  async health(): Promise<NodeHealth> {
    const { id, address } = this
    if (this.#away !== undefined) return { id, address, ok: false, error: messageOf(this.#away) }
    this.#checking ??= this.#ping(this.#timeoutMs)
      .then(
        () => {
          this.#lastCheck = { error: undefined, atMs: performance.now() }
        },
        (error: unknown) => {
          this.#lastCheck = { error: messageOf(error), atMs: performance.now() }
        },
      )
      .finally(() => {
        this.#checking = undefined
      })
    const inTime = delay(HEALTH_TIMEOUT_MS, undefined, { ref: false })
    await Promise.race([this.#checking, inTime])
    const { error, atMs } = this.#lastCheck
    if (error !== undefined) return { id, address, ok: false, error }
    const isStale = performance.now() - atMs > this.#timeoutMs + HEALTH_TIMEOUT_MS
    if (isStale) return { id, address, ok: false, error: 'no answer from the store' }
    return { id, address, ok: true }
  }

  /** Closes when what is out has been settled, which takes no longer than `operationTimeout`. */
  retire(): void {
    this.#retired = true
    clearTimeout(this.#probeTimer)
    if (this.#running === 0) void this.close()
  }

  /** What waits fails. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#probeTimer)
    await this.#client.close()
  }

  async #run<T>(
    name: StoreOperation,
    operation: string,
    call: (timeoutMs: number) => Promise<T>,
  ): Promise<T> {
    const startMs = performance.now()
    let failure: unknown
    this.#running++
    try {
      return await this.#repeat(operation, call, startMs)
    } catch (error) {
      failure = error
      throw error
    } finally {
      this.#observer.operation(this.#name, name, startMs, failure)
      this.#running--
      if (this.#retired && this.#running === 0) void this.close()
    }
  }

  async #repeat<T>(
    operation: string,
    call: (timeoutMs: number) => Promise<T>,
    startMs: number,
  ): Promise<T> {
    const deadlineMs = startMs + this.#timeoutMs
    // The first failure tells most: what comes last may only be the end of the deadline.
    let firstError: unknown
    for (let attempt = 0; ; attempt++) {
      if (this.#away !== undefined) {
        throw new SessionStoreUnavailableError(operation, firstError ?? this.#away)
      }
      try {
        const result = await call(this.#leftMs(startMs))
        this.#timeouts = 0
        return result
      } catch (error) {
        firstError ??= error
        this.#judge(error, startMs)
        if (this.#closed || !mayRepeat(error) || performance.now() >= deadlineMs) {
          throw new SessionStoreUnavailableError(operation, firstError)
        }
      }
      if (this.#away === undefined) {
        const waitMs = RETRY_DELAY_MS_MIN * 2 ** Math.min(attempt, 3) * (0.5 + Math.random() / 2)
        await delay(Math.min(waitMs, this.#leftMs(startMs)))
        this.#judge(firstError, startMs)
      }
    }
  }

  /** What an operation that began at `startMs` may still wait: less while the node says nothing. */
  #leftMs(startMs: number): number {
    const { downSinceMs } = this.#client
    let untilMs = startMs + this.#timeoutMs
    if (downSinceMs !== undefined) {
      untilMs = Math.min(untilMs, Math.max(downSinceMs, startMs) + this.#storeWaitMs)
    }
    return Math.max(1, Math.ceil(untilMs - performance.now()))
  }

  /** Decides whether the failure of an operation that began at `startMs` means the node is away. */
  #judge(error: unknown, startMs: number): void {
    if (this.#away !== undefined || this.#closed) return
    const nowMs = performance.now()
    const { downSinceMs } = this.#client
    const isDown = downSinceMs !== undefined
    if (codeOf(error) === 'HOLDFAST_OPERATION_TIMEOUT' && !isDown) this.#timeouts++
    const silentMs = isDown ? nowMs - Math.max(downSinceMs, startMs) : 0
    if (silentMs < this.#storeWaitMs && this.#timeouts < TIMEOUTS_MAX) return
    this.#away = error instanceof Error ? error : new Error(String(error))
    this.#awaySinceMs = nowMs
    this.#observer.nodeAway(this.#name)
    this.#probes = 0
    this.#logger.warn({ node: this.id, address: this.address, err: error }, 'store node is away')
    this.#scheduleProbe()
  }

  /** As metrics have it. */
  get #name(): string {
    return this.id ?? this.address
  }

  #scheduleProbe(): void {
    if (this.#closed || this.#retired) return
    this.#probes++
    this.#probeTimer = setTimeout(() => void this.#probe(), probeDelayMs(this.#probes))
    this.#probeTimer.unref()
  }

  async #probe(): Promise<void> {
    try {
      await this.#ping(this.#storeWaitMs)
    } catch (error) {
      this.#observer.nodeProbed(this.#name, false)
      this.#logger.debug({ node: this.id, err: error }, 'store node is still away')
      this.#scheduleProbe()
      return
    }
    this.#observer.nodeProbed(this.#name, true)
    this.#observer.nodeBack(this.#name, this.awayMs)
    this.#away = undefined
    this.#timeouts = 0
    this.#upSinceMs = performance.now()
    this.#returnedMs = Date.now()
    this.#logger.info({ node: this.id, address: this.address }, 'store node is back')
  }

  /** A proxy answers `version` by itself, so a key is asked for; any answer will do. */
  async #ping(timeoutMs: number): Promise<void> {
    const key = `ping-${Math.floor(Math.random() * PROBE_KEYS)}`
    await this.#client.gets(key, { timeoutMs })
  }
}

const REPEATABLE: ReadonlySet<unknown> = new Set([
  'HOLDFAST_CONNECT_FAILED',
  'HOLDFAST_CONNECTION_LOST',
])

/** Also what a proxy or a bucket refuses for the moment. */
function mayRepeat(error: unknown): boolean {
  if (REPEATABLE.has(codeOf(error))) return true
  return (
    error instanceof Error &&
    codeOf(error) === 'HOLDFAST_SERVER_REPLY' &&
    /SERVER_ERROR (?:proxy (?!is stopping)|temporary failure)/i.test(error.message)
  )
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
