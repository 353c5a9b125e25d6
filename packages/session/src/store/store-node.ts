/*
 * One node of the store: a client, and the ONE place on this path that repeats an operation: when a
 * connection could not be made or broke (the local proxy is being restarted, say) within the
 * operation's deadline. A node that has been away for a whole deadline is not waited for again
 * until it answers.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { MemcachedClient } from '@holdfast/client'
import { SessionStoreUnavailableError } from '../errors.ts'
import type { NodeAddress } from './memcached-nodes.ts'
import type { StoredSession, Written } from './store-keys.ts'

export interface NodeHealth {
  id: string | undefined
  address: string
  ok: boolean
  error?: string
}

const RETRY_DELAY_MS = 25
/** Longest wait for one node's answer in `health`. */
export const HEALTH_TIMEOUT_MS = 500

export class StoreNode {
  readonly id: string | undefined
  readonly address: string
  readonly #client: MemcachedClient
  readonly #timeoutMs: number

  constructor({ id, host, port }: NodeAddress, timeoutMs: number) {
    this.id = id
    this.address = `${host}:${port}`
    this.#timeoutMs = timeoutMs
    this.#client = new MemcachedClient({ host, port, timeoutMs })
  }

  get isUp(): boolean {
    return this.#client.downSinceMs === undefined
  }

  load(key: string): Promise<StoredSession | undefined> {
    return this.#run('load the session', (timeoutMs) => this.#client.gets(key, { timeoutMs }))
  }

  loadAndRenew(key: string, ttlSeconds: number): Promise<StoredSession | undefined> {
    return this.#run('load the session', (timeoutMs) =>
      this.#client.gats(key, ttlSeconds, { timeoutMs }),
    )
  }

  set(key: string, value: Buffer, ttlSeconds: number): Promise<{ cas: string | undefined }> {
    return this.#run('store the session', async (timeoutMs) => {
      await this.#client.set(key, value, { ttlSeconds, timeoutMs })
      return { cas: undefined }
    })
  }

  add(key: string, value: Buffer, ttlSeconds: number): Promise<Written> {
    return this.#run('store the session', async (timeoutMs) => {
      const added = await this.#client.add(key, value, { ttlSeconds, timeoutMs })
      return { outcome: added ? 'STORED' : 'EXISTS', cas: undefined }
    })
  }

  cas(key: string, value: Buffer, ttlSeconds: number, cas: string): Promise<Written> {
    return this.#run('store the session', async (timeoutMs) => {
      const outcome = await this.#client.cas(key, value, cas, { ttlSeconds, timeoutMs })
      return { outcome, cas: undefined }
    })
  }

  touch(key: string, ttlSeconds: number): Promise<boolean> {
    return this.#run('renew the session', (timeoutMs) =>
      this.#client.touch(key, ttlSeconds, { timeoutMs }),
    )
  }

  delete(key: string): Promise<boolean> {
    return this.#run('delete the session', (timeoutMs) => this.#client.delete(key, { timeoutMs }))
  }

  async health(): Promise<NodeHealth> {
    const { id, address } = this
    try {
      await this.#client.version({ timeoutMs: HEALTH_TIMEOUT_MS })
      return { id, address, ok: true }
    } catch (error) {
      return { id, address, ok: false, error: messageOf(error) }
    }
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  async #run<T>(operation: string, call: (timeoutMs: number) => Promise<T>): Promise<T> {
    const deadlineMs = performance.now() + this.#timeoutMs
    // The first failure tells most: what comes last may only be the end of the deadline.
    let firstError: unknown
    for (;;) {
      const leftMs = Math.ceil(deadlineMs - performance.now())
      try {
        return await call(Math.max(1, leftMs))
      } catch (error) {
        firstError ??= error
        if (!this.#mayRepeat(error, deadlineMs)) {
          throw new SessionStoreUnavailableError(operation, firstError)
        }
      }
      await delay(RETRY_DELAY_MS * (0.5 + Math.random()))
    }
  }

  #mayRepeat(error: unknown, deadlineMs: number): boolean {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'HOLDFAST_CONNECT_FAILED' && code !== 'HOLDFAST_CONNECTION_LOST') return false
    const nowMs = performance.now()
    if (nowMs + 2 * RETRY_DELAY_MS >= deadlineMs) return false
    const { downSinceMs } = this.#client
    return downSinceMs === undefined || nowMs - downSinceMs < this.#timeoutMs
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
