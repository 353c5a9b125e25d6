/*
 * The store as the session manager sees it: session ids in, memcached operations out.
 *
 * It owns one StoreNode per configured node, puts the key prefix before each id and finds the node
 * by the id's suffix. Deadlines, repetitions and the breaker are the node's. All operations here
 * may be repeated: what a repetition of `add` or `cas` finds changed is settled by the caller's
 * reload and merge.
 */
import { MemcachedClient } from '@holdfast/client'
import { SessionStoreUnavailableError } from '../errors.ts'
import type { NodeGauges } from '../observe/metrics-table.ts'
import type { SessionSettings } from '../options.ts'
import { parseSessionId } from '../session-id.ts'
import type { NodeAddress } from './memcached-nodes.ts'
import { type StoredSession, StoreKeys, type Written } from './store-keys.ts'
import { type NodeHealth, StoreNode } from './store-node.ts'

export type { NodeKey, StoredSession, Written } from './store-keys.ts'
export type { NodeHealth } from './store-node.ts'

/** What can be changed while the application runs. */
export interface StoreChange {
  memcachedNodes?: string | undefined
  failoverNodes?: string | undefined
}

export class SessionStore {
  /** Raw keys beside the sessions. */
  readonly keys: StoreKeys
  readonly #nodes: StoreNode[]
  readonly #keyPrefix: string

  constructor(settings: SessionSettings) {
    this.#keyPrefix = settings.keyPrefix
    this.#nodes = settings.nodes.map((node) => openNode(node, settings))
    this.keys = new StoreKeys({
      nodeOf: (id) => this.#nodeOf(id),
      primaries: () => this.#nodes,
    })
  }

  /** The node that a new session is given: a random one of those that answer. */
  chooseNodeId(): string | undefined {
    const answering = this.#nodes.filter((node) => node.isUp)
    const choice = answering.length > 0 ? answering : this.#nodes
    return choice[Math.floor(Math.random() * choice.length)]?.id
  }

  /** False when the id names a node that is not configured: no store operation can find it. */
  knows(id: string): boolean {
    return this.#nodeOf(id) !== undefined
  }

  /**
   * The id that a session should go on under because its node is away, or because it sits on a
   * failover node and a primary is back; undefined: it stays. To be asked at the start of a request.
   */
  relocated(_id: string): string | undefined {
    return undefined
  }

  async load(id: string): Promise<StoredSession | undefined> {
    return this.#at(id, 'load the session').load(this.#keyPrefix + id)
  }

  /** Loads and renews the time to live in one operation. */
  async loadAndRenew(id: string, ttlSeconds: number): Promise<StoredSession | undefined> {
    return this.#at(id, 'load the session').loadAndRenew(this.#keyPrefix + id, ttlSeconds)
  }

  /** Rejects when the store did not acknowledge, also when it refused. */
  async set(id: string, value: Buffer, ttlSeconds: number): Promise<{ cas: string | undefined }> {
    return this.#at(id, 'store the session').set(this.#keyPrefix + id, value, ttlSeconds)
  }

  /** EXISTS: the key is there already. */
  async add(id: string, value: Buffer, ttlSeconds: number): Promise<Written> {
    return this.#at(id, 'store the session').add(this.#keyPrefix + id, value, ttlSeconds)
  }

  async cas(id: string, value: Buffer, ttlSeconds: number, cas: string): Promise<Written> {
    return this.#at(id, 'store the session').cas(this.#keyPrefix + id, value, ttlSeconds, cas)
  }

  /** False: the store does not have the session. */
  async touch(id: string, ttlSeconds: number): Promise<boolean> {
    return this.#at(id, 'renew the session').touch(this.#keyPrefix + id, ttlSeconds)
  }

  /** False: the store did not have the session. */
  async delete(id: string): Promise<boolean> {
    return this.#at(id, 'delete the session').delete(this.#keyPrefix + id)
  }

  /** Asks each node for its version. Never rejects and takes at most HEALTH_TIMEOUT_MS. */
  health(): Promise<NodeHealth[]> {
    return Promise.all(this.#nodes.map((node) => node.health()))
  }

  /** What metrics show of the nodes. */
  gauges(): NodeGauges[] {
    return this.#nodes.map(({ id, address, isUp }) => ({ node: id ?? address, up: isUp }))
  }

  /** Throws TypeError for settings that are wrong, and then changes nothing. */
  reconfigure(_change: StoreChange): void {
    throw new TypeError('the nodes cannot be changed')
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.close()))
  }

  #at(id: string, operation: string): StoreNode {
    const node = this.#nodeOf(id)
    if (node !== undefined) return node
    throw new SessionStoreUnavailableError(operation, new Error('its node is not configured'))
  }

  #nodeOf(id: string): StoreNode | undefined {
    const [only] = this.#nodes
    // With one node every id is its own: the configuration may have gained or lost the node id.
    if (this.#nodes.length === 1) return only
    const nodeId = parseSessionId(id, true)?.nodeId
    return nodeId === undefined ? undefined : this.#nodes.find((node) => node.id === nodeId)
  }
}

function openNode({ id, host, port }: NodeAddress, settings: SessionSettings): StoreNode {
  const { operationTimeoutMs, storeWaitMs, protocol, credentials, logger } = settings
  const client = new MemcachedClient({
    host,
    port,
    protocol,
    credentials,
    timeoutMs: operationTimeoutMs,
    connectTimeoutMs: storeWaitMs,
    awayAfterMs: storeWaitMs,
  })
  const address = `${host}:${port}`
  return new StoreNode({ id, address, client, operationTimeoutMs, storeWaitMs, logger })
}
