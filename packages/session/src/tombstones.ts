/*
 * Marks of ended sessions: `gone:<prefix><sid>`, kept for a while after a session was destroyed.
 *
 * Sticky mode needs them. When a session that a server holds in memory is missing in the store, the
 * store may have lost it (then it is stored anew), or another server may have ended it (then it
 * must not come back). The mark tells the two apart; it is asked for in that case only. The key has
 * no node id and no route: a takeover changes those.
 */
import { parseSessionId } from './session-id.ts'
import type { SessionStore } from './store/session-store.ts'

/** How long a mark is kept, at least; as long as a session that is not modified goes unrenewed. */
export const TOMBSTONE_TTL_SECONDS = 120

const MARK = Buffer.from('gone')

export class Tombstones {
  readonly #store: SessionStore
  readonly #keyPrefix: string

  constructor(store: SessionStore, settings: { keyPrefix: string }) {
    this.#store = store
    this.#keyPrefix = settings.keyPrefix
  }

  /** Resolves when the store has the mark; rejects with SessionStoreUnavailableError. */
  async mark(id: string): Promise<void> {
    const { keys } = this.#store
    const sid = this.#sidOf(id)
    await keys.set(keys.nodeForText(sid), this.#key(sid), MARK, TOMBSTONE_TTL_SECONDS)
  }

  /** Whether the session was ended lately. Rejects with SessionStoreUnavailableError. */
  async has(id: string): Promise<boolean> {
    const { keys } = this.#store
    const sid = this.#sidOf(id)
    return (await keys.get(keys.nodeForText(sid), this.#key(sid))) !== undefined
  }

  #key(sid: string): string {
    return `gone:${this.#keyPrefix}${sid}`
  }

  #sidOf(id: string): string {
    return parseSessionId(id, this.#store.withNodeIds)?.sid ?? id
  }
}
