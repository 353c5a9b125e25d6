/*
 * The store as the session manager sees it: session ids in, memcached operations out.
 *
 * It owns one client per configured node, puts the key prefix before each id, finds the node by
 * the id's suffix, and is the ONE place on this path that repeats an operation: when a connection
 * could not be made or broke (the local proxy is being restarted, say) within the operation's
 * deadline. All operations here may be repeated: what a repetition of `add` or `cas` finds
 * changed is settled by the caller's reload and merge. A node that has been away for a whole
 * deadline is not waited for again until it answers.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type MemcachedCasItem, MemcachedClient } from '@holdfast/client'
import { SessionStoreUnavailableError } from './errors.ts'
import type { SessionSettings } from './options.ts'
import { parseSessionId } from './session-id.ts'

export interface NodeHealth {
  id: string | undefined
  address: string
  ok: boolean
  error?: string
}

const RETRY_DELAY_MS = 25
/** Longest wait for one node's answer in `health`. */
export const HEALTH_TIMEOUT_MS = 500

interface ConnectedNode {
  id: string | undefined
  address: string
  client: MemcachedClient
}

export class SessionStore {
  readonly #nodes: ConnectedNode[]
  readonly #keyPrefix: string
  readonly #timeoutMs: number

  constructor(settings: SessionSettings) {
    this.#keyPrefix = settings.keyPrefix
    this.#timeoutMs = settings.operationTimeoutMs
    this.#nodes = settings.nodes.map(({ id, host, port }) => ({
      id,
      address: `${host}:${port}`,
      client: new MemcachedClient({ host, port, timeoutMs: settings.operationTimeoutMs }),
    }))
  }

  /** The node that a new session is given: a random one of those that answer. */
  chooseNodeId(): string | undefined {
    const answering = this.#nodes.filter(({ client }) => client.downSinceMs === undefined)
    const choice = answering.length > 0 ? answering : this.#nodes
    return choice[Math.floor(Math.random() * choice.length)]?.id
  }

  /** False when the id names a node that is not configured: no store operation can find it. */
  knows(id: string): boolean {
    return this.#nodeOf(id) !== undefined
  }

  load(id: string): Promise<MemcachedCasItem | undefined> {
    return this.#run('load the session', id, (client, key, timeoutMs) =>
      client.gets(key, { timeoutMs }),
    )
  }

  /** Loads and renews the time to live in one operation. */
  loadAndRenew(id: string, ttlSeconds: number): Promise<MemcachedCasItem | undefined> {
    return this.#run('load the session', id, (client, key, timeoutMs) =>
      client.gats(key, ttlSeconds, { timeoutMs }),
    )
  }

  /** Rejects when the store did not acknowledge, also when it refused. */
  set(id: string, value: Buffer, ttlSeconds: number): Promise<void> {
    return this.#run('store the session', id, (client, key, timeoutMs) =>
      client.set(key, value, { ttlSeconds, timeoutMs }),
    )
  }

  /** False: the key exists already. */
  add(id: string, value: Buffer, ttlSeconds: number): Promise<boolean> {
    return this.#run('store the session', id, (client, key, timeoutMs) =>
      client.add(key, value, { ttlSeconds, timeoutMs }),
    )
  }

  cas(
    id: string,
    value: Buffer,
    ttlSeconds: number,
    cas: string,
  ): Promise<'STORED' | 'EXISTS' | 'NOT_FOUND'> {
    return this.#run('store the session', id, (client, key, timeoutMs) =>
      client.cas(key, value, cas, { ttlSeconds, timeoutMs }),
    )
  }

  /** False: the store does not have the session. */
  touch(id: string, ttlSeconds: number): Promise<boolean> {
    return this.#run('renew the session', id, (client, key, timeoutMs) =>
      client.touch(key, ttlSeconds, { timeoutMs }),
    )
  }

  delete(id: string): Promise<boolean> {
    return this.#run('delete the session', id, (client, key, timeoutMs) =>
      client.delete(key, { timeoutMs }),
    )
  }

  /** Asks each node for its version. Never rejects and takes at most HEALTH_TIMEOUT_MS. */
  health(): Promise<NodeHealth[]> {
    return Promise.all(
      this.#nodes.map(async ({ id, address, client }) => {
        try {
          await client.version({ timeoutMs: HEALTH_TIMEOUT_MS })
          return { id, address, ok: true }
        } catch (error) {
          return { id, address, ok: false, error: messageOf(error) }
        }
      }),
    )
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map(({ client }) => client.close()))
  }

  async #run<T>(
    operation: string,
    id: string,
    call: (client: MemcachedClient, key: string, timeoutMs: number) => Promise<T>,
  ): Promise<T> {
    const client = this.#nodeOf(id)?.client
    if (client === undefined) {
      throw new SessionStoreUnavailableError(operation, new Error('its node is not configured'))
    }
    const deadlineMs = performance.now() + this.#timeoutMs
    // The first failure tells most: what comes last may only be the end of the deadline.
    let firstError: unknown
    for (;;) {
      const leftMs = Math.ceil(deadlineMs - performance.now())
      try {
        return await call(client, this.#keyPrefix + id, Math.max(1, leftMs))
      } catch (error) {
        firstError ??= error
        if (!this.#mayRepeat(error, client, deadlineMs)) {
          throw new SessionStoreUnavailableError(operation, firstError)
        }
      }
      await delay(RETRY_DELAY_MS * (0.5 + Math.random()))
    }
  }

  #mayRepeat(error: unknown, client: MemcachedClient, deadlineMs: number): boolean {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'HOLDFAST_CONNECT_FAILED' && code !== 'HOLDFAST_CONNECTION_LOST') return false
    const nowMs = performance.now()
    if (nowMs + 2 * RETRY_DELAY_MS >= deadlineMs) return false
    return client.downSinceMs === undefined || nowMs - client.downSinceMs < this.#timeoutMs
  }

  #nodeOf(id: string): ConnectedNode | undefined {
    const [only] = this.#nodes
    // With one node every id is its own: the configuration may have gained or lost the node id.
    if (this.#nodes.length === 1) return only
    const nodeId = parseSessionId(id, true)?.nodeId
    return nodeId === undefined ? undefined : this.#nodes.find((node) => node.id === nodeId)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
