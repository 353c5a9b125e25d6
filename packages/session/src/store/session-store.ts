/*
 * The store as the session manager sees it: session ids in, memcached operations out.
 *
 * It owns one StoreNode per configured node, puts the key prefix before each id and finds the node
 * by the id's suffix. Deadlines, repetitions and the breaker are the node's, which node a session
 * is given is node-choice.ts'. All operations here may be repeated: what a repetition of `add` or
 * `cas` finds changed is settled by the caller's reload and merge. An id that names no node, or one
 * that is not configured, is an id like another: it can be moved to a node, not looked up.
 */
import { SessionStoreUnavailableError } from '../errors.ts'
import type { NodeGauges } from '../observe/metrics-table.ts'
import type { SessionSettings } from '../options.ts'
import { formatSessionId, idWithoutRoute, parseSessionId } from '../session-id.ts'
import { checkLogin } from '../store-options.ts'
import { Tombstones } from '../tombstones.ts'
import { parseStoreTargets, type StoreTargets } from './memcached-nodes.ts'
import { chooseMove, chooseNode } from './node-choice.ts'
import { openStoreNode } from './open-store-node.ts'
import { type StoredSession, StoreKeys, type Written } from './store-keys.ts'
import type { NodeHealth, StoreNode } from './store-node.ts'

export type { NodeKey, StoredSession, Written } from './store-keys.ts'
export type { NodeHealth } from './store-node.ts'

/** What can be changed while the application runs; what is left out stays. */
export interface StoreChange {
  memcachedNodes?: string | undefined
  failoverNodes?: string | undefined
}

const NOTHING = Buffer.alloc(0)
/** A time to live that is over. */
const EXPIRED = -1
/** How far apart the clocks of two servers may be. */
export const CLOCKS_APART_MS_MAX = 5000

export class SessionStore {
  /** Raw keys beside the sessions. */
  readonly keys: StoreKeys
  /** Marks of sessions that were ended. */
  readonly tombstones: Tombstones
  readonly #settings: SessionSettings
  readonly #keyPrefix: string
  #configured: StoreChange
  /** What each node was made of; may hold a password. */
  readonly #targets: WeakMap<StoreNode, string> = new WeakMap()
  /** In configured order. */
  #nodes: StoreNode[] = []

  constructor(settings: SessionSettings) {
    this.#settings = settings
    this.#keyPrefix = settings.keyPrefix
    this.#configured = settings.configured
    this.#nodes = this.#nodesOf(settings)
    this.keys = new StoreKeys({
      nodeOf: (id) => this.#nodeOf(id),
      nodes: () => this.#nodes,
    })
    this.tombstones = new Tombstones(this, settings)
  }

  /** Whether session ids carry the id of their node. */
  get withNodeIds(): boolean {
    return this.#nodes[0]?.id !== undefined
  }

  /** Sessions can move from one node to another. */
  get hasSeveralNodes(): boolean {
    return this.#nodes.length > 1
  }

  /**
   * The node that a new session is given: a random primary that is up, else a failover node.
   * Undefined: ids carry none, or none of several is up; `relocated` gives the session one later.
   */
  chooseNodeId(): string | undefined {
    const [only] = this.#nodes
    // The only node is the only place that the session may ever go to.
    if (this.#nodes.length === 1) return only?.id
    return chooseNode(this.#nodes, Math.random())?.id
  }

  /** False when the id names a node that is not configured: no store operation can find it. */
  knows(id: string): boolean {
    return this.#nodeOf(id) !== undefined
  }

  /** False: the session's node is away, operations on it fail at once. */
  isUp(id: string): boolean {
    return this.#nodeOf(id)?.isUp ?? false
  }

  /**
   * The id that a session should go on under because its node is away or none, or because it sits
   * on a failover node and a primary is back; undefined: it stays. To be asked at the start of a
   * request, never at its end, when the response may be out. Parallel requests are told the same.
   */
  relocated(id: string): string | undefined {
    if (!this.withNodeIds) return undefined
    const parsed = parseSessionId(id, true)
    if (parsed === undefined) return undefined
    const current = this.#nodes.find((node) => node.id === parsed.nodeId)
    const target =
      this.#nodes.length === 1 && current === undefined
        ? this.#nodes[0]
        : chooseMove(current, this.#nodes, shareOf(parsed.sid))
    if (target === undefined || target === current) return undefined
    return formatSessionId({ ...parsed, nodeId: target.id })
  }

  /** Never a session that was ended while its node was away, as far as that is known here. */
  async load(id: string): Promise<StoredSession | undefined> {
    const item = await this.#at(id, 'load the session').load(this.#key(id))
    if (item === undefined || !this.isSuspect(id, 0)) return item
    return (await this.dropIfEnded(id, item.cas)) ? undefined : item
  }

  /**
   * Whether what is found under this id may have been left behind: it was written before its node
   * was away, and while it was the session may have moved and ended elsewhere.
   */
  isSuspect(id: string, writtenMs: number): boolean {
    const returnedMs = this.#nodeOf(id)?.returnedMs
    if (returnedMs === undefined || !this.hasSeveralNodes) return false
    if (Date.now() - returnedMs > this.tombstones.ttlSeconds * 1000) return false
    return writtenMs < returnedMs + CLOCKS_APART_MS_MAX
  }

  /** Asks for the mark of an ended session; what was left of it goes. */
  async dropIfEnded(id: string, cas: string | undefined): Promise<boolean> {
    if (!(await this.tombstones.has(id))) return false
    this.#settings.logger.debug({}, 'what was left of an ended session is deleted')
    if (cas !== undefined) await this.expire(id, cas).catch(() => false)
    return true
  }

  /** Loads and renews the time to live in one operation; the caller looks whether it is suspect. */
  async loadAndRenew(id: string, ttlSeconds: number): Promise<StoredSession | undefined> {
    return await this.#at(id, 'load the session').loadAndRenew(this.#key(id), ttlSeconds)
  }

  /** Rejects when the store did not acknowledge, also when it refused. */
  async set(id: string, value: Buffer, ttlSeconds: number): Promise<{ cas: string | undefined }> {
    this.#settings.observer.counts.sizeBytes.add(value.length)
    return await this.#at(id, 'store the session').set(this.#key(id), value, ttlSeconds)
  }

  /** EXISTS: the key is there already. */
  async add(id: string, value: Buffer, ttlSeconds: number): Promise<Written> {
    this.#settings.observer.counts.sizeBytes.add(value.length)
    return await this.#at(id, 'store the session').add(this.#key(id), value, ttlSeconds)
  }

  async cas(id: string, value: Buffer, ttlSeconds: number, cas: string): Promise<Written> {
    this.#settings.observer.counts.sizeBytes.add(value.length)
    return await this.#at(id, 'store the session').cas(this.#key(id), value, ttlSeconds, cas)
  }

  /** False: the store does not have the session. */
  async touch(id: string, ttlSeconds: number): Promise<boolean> {
    return await this.#at(id, 'renew the session').touch(this.#key(id), ttlSeconds)
  }

  /** Lets the session expire at once if it still has that version; false: somebody has written it. */
  async expire(id: string, cas: string): Promise<boolean> {
    const node = this.#at(id, 'delete the session')
    return (await node.cas(this.#key(id), NOTHING, EXPIRED, cas)).outcome === 'STORED'
  }

  /** False: the store did not have the session. */
  async delete(id: string): Promise<boolean> {
    return await this.#at(id, 'delete the session').delete(this.#key(id))
  }

  /** Asks each node for its version. Never rejects and takes at most HEALTH_TIMEOUT_MS. */
  health(): Promise<NodeHealth[]> {
    return Promise.all(this.#nodes.map((node) => node.health()))
  }

  /** What metrics show of the nodes. */
  gauges(): NodeGauges[] {
    return this.#nodes.map(({ id, address, isUp, awayMs }) => {
      return { node: id ?? address, up: isUp, awayMs }
    })
  }

  /**
   * Follows other nodes. Nodes that stay keep their connections; of those that go, what is out is
   * still answered. Throws TypeError for settings that are wrong, and then changes nothing.
   */
  reconfigure(change: StoreChange): void {
    const configured = {
      memcachedNodes: change.memcachedNodes ?? this.#configured.memcachedNodes,
      failoverNodes: change.failoverNodes ?? this.#configured.failoverNodes,
    }
    const { credentials } = this.#settings
    const targets = parseStoreTargets({ ...configured, username: credentials?.username })
    checkLogin(targets.nodes, this.#settings)
    const before = this.#nodes
    this.#nodes = this.#nodesOf(targets)
    this.#configured = configured
    for (const node of before) if (!this.#nodes.includes(node)) node.retire()
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.close()))
  }

  #nodesOf({ nodes, failoverIds }: StoreTargets): StoreNode[] {
    return nodes.map((target) => {
      const isFailover = target.id !== undefined && failoverIds.includes(target.id)
      const key = JSON.stringify(target)
      const kept = this.#nodes.find((node) => this.#targets.get(node) === key)
      const node = kept ?? openStoreNode(target, this.#settings)
      this.#targets.set(node, key)
      node.isFailover = isFailover
      return node
    })
  }

  #key(id: string): string {
    return this.#keyPrefix + idWithoutRoute(id)
  }

  #at(id: string, operation: string): StoreNode {
    const node = this.#nodeOf(id)
    if (node !== undefined) return node
    const isNodeless = parseSessionId(id, true)?.nodeId === undefined
    const why = isNodeless ? 'no node was up when it was made' : 'its node is not configured'
    throw new SessionStoreUnavailableError(operation, new Error(why))
  }

  #nodeOf(id: string): StoreNode | undefined {
    const [only] = this.#nodes
    // With one node every id is its own: the configuration may have gained or lost the node id.
    if (this.#nodes.length === 1) return only
    const nodeId = parseSessionId(id, true)?.nodeId
    return nodeId === undefined ? undefined : this.#nodes.find((node) => node.id === nodeId)
  }
}

/** 0 to below 1, the same for the same text: FNV-1a. */
function shareOf(text: string): number {
  let hash = 0x811c_9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193)
  }
  return (hash >>> 0) / 2 ** 32
}
