/*
 * Raw keys beside the sessions (`lock:`, `gone:`, `bak:`, `user:`): the same operations with a full
 * key on a stated node. The prefix of the application is part of the key that the caller makes.
 *
 * A key that belongs to a session lives on the node of its id, a copy on the node after it, and a
 * key without a session on the node that the hash of a text chooses. That choice is rendezvous
 * hashing: with a node more or less only that node's keys move.
 */
import { createHash } from 'node:crypto'
import { nodesAfter } from './node-choice.ts'
import type { StoreNode } from './store-node.ts'

export interface StoredSession {
  value: Buffer
  /** Undefined where the store tells none. */
  cas: string | undefined
}

export interface Written {
  outcome: 'STORED' | 'EXISTS' | 'NOT_FOUND'
  /** The version that the write made, where the store tells it. */
  cas: string | undefined
}

/** A node that a raw key is on; only handed back to `StoreKeys`. */
export type NodeKey = StoreNode

export interface KeysOwner {
  nodeOf(id: string): StoreNode | undefined
  /** In configured order. */
  nodes(): readonly StoreNode[]
}

export class StoreKeys {
  readonly #owner: KeysOwner

  constructor(owner: KeysOwner) {
    this.#owner = owner
  }

  /** The node of a session id; undefined when that is not configured. */
  nodeOf(id: string): NodeKey | undefined {
    return this.#owner.nodeOf(id)
  }

  /** The next primary after the session's node that is up; undefined when there is no other. */
  backupNodeOf(id: string): NodeKey | undefined {
    return this.#owner.nodeOf(id) === undefined ? undefined : this.backupNodesOf(id)[0]
  }

  /**
   * The primaries after the session's node that are up, in the order in which they take copies. Of
   * a node that is configured no more any primary may have the copy.
   */
  backupNodesOf(id: string): NodeKey[] {
    const node = this.#owner.nodeOf(id)
    const nodes = this.#owner.nodes()
    const others =
      node === undefined ? nodes.filter(({ isFailover }) => !isFailover) : nodesAfter(node, nodes)
    return others.filter(({ isUp }) => isUp)
  }

  /** The node that the hash of a text chooses, the same one on every application server. */
  nodeForText(text: string): NodeKey {
    const [first] = this.nodesForText(text)
    if (first === undefined) throw new Error('bug: a store without nodes')
    return first
  }

  /** All primaries, the one that the hash of a text chooses first, then the one that stands in. */
  nodesForText(text: string): NodeKey[] {
    const primaries = this.#owner.nodes().filter(({ isFailover }) => !isFailover)
    if (primaries.length < 2) return primaries
    return primaries
      .map((node) => ({ node, weight: weight(node, text) }))
      .sort((a, b) => Buffer.compare(b.weight, a.weight))
      .map(({ node }) => node)
  }

  /** As `nodesForText`, of the nodes that are up, then failover nodes that are; all when none is. */
  nodesUpForText(text: string): NodeKey[] {
    const primaries = this.nodesForText(text)
    const failovers = this.#owner.nodes().filter(({ isFailover }) => isFailover)
    const up = [...primaries, ...failovers].filter(({ isUp }) => isUp)
    return up.length === 0 ? primaries : up
  }

  get(node: NodeKey, key: string): Promise<StoredSession | undefined> {
    return node.load(key)
  }

  set(
    node: NodeKey,
    key: string,
    value: Buffer,
    ttlSeconds: number,
  ): Promise<{ cas: string | undefined }> {
    return node.set(key, value, ttlSeconds)
  }

  add(node: NodeKey, key: string, value: Buffer, ttlSeconds: number): Promise<Written> {
    return node.add(key, value, ttlSeconds)
  }

  cas(
    node: NodeKey,
    key: string,
    value: Buffer,
    version: { ttlSeconds: number; cas: string },
  ): Promise<Written> {
    return node.cas(key, value, version.ttlSeconds, version.cas)
  }

  touch(node: NodeKey, key: string, ttlSeconds: number): Promise<boolean> {
    return node.touch(key, ttlSeconds)
  }

  delete(node: NodeKey, key: string): Promise<boolean> {
    return node.delete(key)
  }
}

function weight(node: StoreNode, text: string): Buffer {
  return createHash('sha256').update(`${node.id}\0${text}`).digest()
}
