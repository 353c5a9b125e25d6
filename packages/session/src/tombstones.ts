/*
 * Marks of ended sessions: `gone:<prefix><sid>`, kept for a while after a session was destroyed.
 * The key has no node id and no route: a takeover or a move changes those.
 *
 * Sticky mode needs them. When a session that a server holds in memory is missing in the store, the
 * store may have lost it (then it is stored anew), or another server may have ended it (then it
 * must not come back). The mark tells the two apart; it is asked for in that case only.
 *
 * Several nodes need them in both modes: a session that was ended while one of its nodes was away
 * is still there when that node is back. Then the mark lives as long as what is left there, on two
 * nodes that are up, and is asked for when a session comes from a node that was away, or from a
 * second copy.
 */
import { parseSessionId } from './session-id.ts'
import type { NodeKey, SessionStore } from './store/session-store.ts'
import { storedTtlSeconds } from './ttl.ts'

/** How long a mark is kept, at least; as long as a session that is not modified goes unrenewed. */
export const TOMBSTONE_TTL_SECONDS = 120
/** The longest, where sessions live longer than that, or for ever. */
export const TOMBSTONE_TTL_SECONDS_MAX: number = 30 * 24 * 3600

const MARK = Buffer.from('gone')
/** Nodes that a mark is put on. */
const PLACES = 2

export class Tombstones {
  readonly #store: SessionStore
  readonly #keyPrefix: string
  readonly #lifeSeconds: number

  constructor(store: SessionStore, settings: { keyPrefix: string; maxInactiveSeconds: number }) {
    this.#store = store
    this.#keyPrefix = settings.keyPrefix
    const lifeSeconds = storedTtlSeconds(settings.maxInactiveSeconds) || TOMBSTONE_TTL_SECONDS_MAX
    this.#lifeSeconds = Math.min(
      Math.max(lifeSeconds, TOMBSTONE_TTL_SECONDS),
      TOMBSTONE_TTL_SECONDS_MAX,
    )
  }

  /** How long marks are kept. */
  get ttlSeconds(): number {
    return this.#store.hasSeveralNodes ? this.#lifeSeconds : TOMBSTONE_TTL_SECONDS
  }

  /** Resolves when the store has the mark; rejects with SessionStoreUnavailableError. */
  async mark(id: string, ttlSeconds: number = this.ttlSeconds): Promise<void> {
    const nodes = this.#nodesOf(id).slice(0, PLACES)
    await anyOf(nodes, (node) =>
      this.#store.keys.set(node, this.#key(id), MARK, ttlSeconds).then(() => true),
    )
  }

  /** Whether the session was ended lately. Rejects with SessionStoreUnavailableError. */
  has(id: string): Promise<boolean> {
    return anyOf(
      this.#nodesOf(id),
      async (node) => (await this.#store.keys.get(node, this.#key(id))) !== undefined,
    )
  }

  /** Which nodes were up when a session was ended is not known later, so all can have its mark. */
  #nodesOf(id: string): NodeKey[] {
    return this.#store.keys.nodesUpForText(this.#sidOf(id))
  }

  #key(id: string): string {
    return `gone:${this.#keyPrefix}${this.#sidOf(id)}`
  }

  #sidOf(id: string): string {
    return parseSessionId(id, this.#store.withNodeIds)?.sid ?? id
  }
}

/** Whether any node answers yes; rejects when none answers. */
async function anyOf(
  nodes: readonly NodeKey[],
  ask: (node: NodeKey) => Promise<boolean>,
): Promise<boolean> {
  const answers = await Promise.allSettled(nodes.map(ask))
  const told = answers.filter((answer) => answer.status === 'fulfilled')
  const refused = answers.find((answer) => answer.status === 'rejected')
  if (told.length === 0 && refused !== undefined) throw refused.reason
  return told.some(({ value }) => value)
}
