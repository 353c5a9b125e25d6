/*
 * Changing a shared value in the store without losing anybody's change: read, change, cas, and from
 * the start when another writer was faster. Changes of one key that come from this process wait for
 * each other, so they do not make each other's versions stale.
 *
 * Where `memcachedNodes` names several nodes a value has a copy, `bak:<key>` on the next node,
 * written after each change. The copy stands in while the value's node is away, is itself changed
 * by cas then, and is what a node begins with that came back empty. Of changes that were under way
 * when the node died the copy may lack the last.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { SessionConflictError, SessionStoreUnavailableError } from '../errors.ts'
import type { NodeKey, SessionStore } from '../store/session-store.ts'

export const CHANGE_ATTEMPTS_MAX = 32
const CONFLICT_DELAY_MS_MAX = 40

/** A full key on a node. */
interface Place {
  node: NodeKey
  key: string
}

export interface NewValue {
  value: Buffer
  ttlSeconds: number
}

/** Gives the new value; undefined leaves it as it is. May be called several times. */
export type ValueChange = (value: Buffer | undefined) => NewValue | undefined

export class CasValues {
  readonly #store: SessionStore
  readonly #onConflict: () => void
  /** The last change queued per key; an entry goes when its change is over. */
  readonly #queues = new Map<string, Promise<void>>()

  constructor(store: SessionStore, onConflict: () => void) {
    this.#store = store
    this.#onConflict = onConflict
  }

  async get(key: string): Promise<Buffer | undefined> {
    const { home, copy } = this.#placesOf(key)
    if (copy === undefined) return await this.#valueAt(home)
    const value = home.node.isUp ? await this.#valueAt(home).catch(awayOnly) : undefined
    if (value !== undefined) return value
    // With both nodes away it is an error, and no empty value.
    return copy.node.isUp ? await this.#valueAt(copy) : await this.#valueAt(home)
  }

  /** Stores what `change` makes of the value (undefined: there is none). SessionConflictError. */
  change(key: string, change: ValueChange): Promise<void> {
    const before = this.#queues.get(key) ?? Promise.resolve()
    const changed = before.then(() => this.#changeSomewhere(key, change))
    const settled = changed
      .catch(() => undefined)
      .then(() => {
        if (this.#queues.get(key) === settled) this.#queues.delete(key)
      })
    this.#queues.set(key, settled)
    return changed
  }

  async #changeSomewhere(key: string, change: ValueChange): Promise<void> {
    const { home, copy } = this.#placesOf(key)
    if (copy === undefined) {
      await this.#changeAt(home, change)
      return
    }
    try {
      const first = home.node.isUp || !copy.node.isUp ? home : copy
      const made = await this.#changeAt(first, change, copy)
      if (made === undefined || first === copy) return
      const { value, ttlSeconds } = made
      await this.#store.keys.set(copy.node, copy.key, value, ttlSeconds).catch(awayOnly)
    } catch (error) {
      if (!(error instanceof SessionStoreUnavailableError) || !copy.node.isUp) throw error
      await this.#changeAt(copy, change)
    }
  }

  /** Resolves to what was stored; undefined: nothing. `spare` is looked at where there is nothing. */
  async #changeAt(
    at: Place,
    change: ValueChange,
    spare: Place = at,
  ): Promise<NewValue | undefined> {
    for (let attempt = 0; attempt < CHANGE_ATTEMPTS_MAX; attempt++) {
      if (attempt > 0) {
        this.#onConflict()
        await delay(Math.random() * Math.min(2 ** attempt, CONFLICT_DELAY_MS_MAX))
      }
      const item = await this.#store.keys.get(at.node, at.key)
      const mayHave = item === undefined && spare !== at && spare.node.isUp
      const known = mayHave ? await this.#valueAt(spare).catch(awayOnly) : item?.value
      const made = change(known)
      if (made === undefined) return undefined
      if (await this.#put(at, made, item?.cas)) return made
    }
    throw new SessionConflictError(CHANGE_ATTEMPTS_MAX)
  }

  async #put(
    { node, key }: Place,
    { value, ttlSeconds }: NewValue,
    cas: string | undefined,
  ): Promise<boolean> {
    const { keys } = this.#store
    const written =
      cas === undefined
        ? await keys.add(node, key, value, ttlSeconds)
        : await keys.cas(node, key, value, { ttlSeconds, cas })
    return written.outcome === 'STORED'
  }

  #valueAt({ node, key }: Place): Promise<Buffer | undefined> {
    return this.#store.keys.get(node, key).then((item) => item?.value)
  }

  /** Asked each time: nodes may change while the application runs. */
  #placesOf(key: string): { home: Place; copy: Place | undefined } {
    const [first, second] = this.#store.keys.nodesForText(key)
    if (first === undefined) throw new Error('bug: a store without nodes')
    return {
      home: { node: first, key },
      copy: second === undefined ? undefined : { node: second, key: `bak:${key}` },
    }
  }
}

/** A node that is away has nothing to say; every other failure is one. */
function awayOnly(error: unknown): undefined {
  if (error instanceof SessionStoreUnavailableError) return undefined
  throw error
}
