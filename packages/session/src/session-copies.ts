/*
 * Second copies of non-sticky sessions, where `memcachedNodes` names several nodes: a session on
 * one node has a copy `bak:<prefix><id>` on the next one that is up, in configured order.
 *
 * The copy is written after each write of the session and renewed with each read; a copy that is
 * missing is made again by the next read. Both happen behind the request's back: its answer waits
 * for the session alone. A copy is asked for only when the session's node is away, or has lost it.
 */

import type { SessionObserver } from './observe/session-observer.ts'
import type { SessionLogger, SessionSettings } from './options.ts'
import { idWithoutRoute } from './session-id.ts'
import type { NodeKey, SessionStore, StoredSession } from './store/session-store.ts'

/** Most copies on their way; beyond it one is left out, and made by the session's next request. */
export const COPIES_UNDERWAY_MAX = 1000

export class SessionCopies {
  readonly #store: SessionStore
  readonly #keyPrefix: string
  readonly #logger: SessionLogger
  readonly #observer: SessionObserver
  readonly #underWay: Set<Promise<void>> = new Set()

  constructor(store: SessionStore, { keyPrefix, logger, observer }: SessionSettings) {
    this.#store = store
    this.#keyPrefix = keyPrefix
    this.#logger = logger
    this.#observer = observer
  }

  /** Copies the session as it was just stored. */
  put(id: string, value: Buffer, ttlSeconds: number): void {
    this.#behind(id, async (node, key) => {
      await this.#store.keys.set(node, key, value, ttlSeconds)
    })
  }

  /** Keeps the copy of a session that was read; makes it again when it is missing. */
  renew(id: string, value: Buffer, ttlSeconds: number): void {
    this.#behind(id, async (node, key) => {
      if (await this.#store.keys.touch(node, key, ttlSeconds)) return
      this.#observer.counts.copiesMissing++
      // What another request has stored meanwhile is newer.
      await this.#store.keys.add(node, key, value, ttlSeconds)
    })
  }

  /** Asks each node that can have the copy, once; undefined: none has. */
  async find(id: string): Promise<StoredSession | undefined> {
    const { keys } = this.#store
    for (const node of keys.backupNodesOf(id)) {
      try {
        const found = await keys.get(node, this.#key(id))
        if (found !== undefined) return found
      } catch (error) {
        this.#logger.debug(
          { err: error, node: node.id },
          'copy of a session could not be asked for',
        )
      }
    }
    return undefined
  }

  /** Resolves when no node that is up has a copy; rejects when one did not answer. */
  async delete(id: string): Promise<void> {
    const { keys } = this.#store
    await Promise.all(keys.backupNodesOf(id).map((node) => keys.delete(node, this.#key(id))))
  }

  /** As `delete`, behind the request's back. */
  drop(id: string): void {
    const done = this.delete(id)
      .catch((error: unknown) => {
        this.#logger.warn({ err: error }, 'copy of a session that moved is left to expire')
      })
      .finally(() => this.#underWay.delete(done))
    this.#underWay.add(done)
  }

  /** Waits for the copies on their way. */
  async close(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  #behind(id: string, work: (node: NodeKey, key: string) => Promise<void>): void {
    const node = this.#store.keys.backupNodeOf(id)
    if (node === undefined || this.#underWay.size >= COPIES_UNDERWAY_MAX) return
    const done = work(node, this.#key(id))
      .catch((error: unknown) => {
        this.#logger.warn({ err: error, node: node.id }, 'session has no second copy')
      })
      .finally(() => this.#underWay.delete(done))
    this.#underWay.add(done)
  }

  #key(id: string): string {
    return `bak:${this.#keyPrefix}${idWithoutRoute(id)}`
  }
}
