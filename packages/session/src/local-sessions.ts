/*
 * The sessions in this process's memory: in sticky mode the master copies.
 *
 * It owns the map and knows when a session has expired; what happens to an expired or unsaved
 * session is decided by its caller. It has no clock: the time is an argument.
 */
import type { AttributeWatch } from './encoding/attribute-watch.ts'
import type { Attributes, CookieOverrides } from './encoding/envelope.ts'
import type { SessionContent } from './encoding/session-codec.ts'

/** One session; all requests of this process that belong to it share this object. */
export interface LocalSession {
  id: string
  attributes: Attributes
  /** Of those attributes. */
  watch: AttributeWatch
  cookie: CookieOverrides
  createdMs: number
  lastAccessedMs: number
  maxInactiveSeconds: number
  /** The content that the store has acknowledged, the base of a merge; undefined: none. */
  savedContent: SessionContent | undefined
  /** The version of that in the store; undefined: unknown, or nothing is stored. */
  savedCas: string | undefined
  /** Content at the end of the last request, as long as no store is used. */
  heldContent: SessionContent | undefined
  /** When the store last renewed its time to live. */
  renewedMs: number
  /** Taken over from another server, and not stored by this one yet. */
  unclaimed: boolean
  /** The id on the node that it has left; deleted there once it is stored under its own. */
  supersededId: string | undefined
  /** The id it had before a takeover or a move: a second request with the old cookie means it. */
  formerId: string | undefined
  destroyed: boolean
}

export class LocalSessions {
  readonly #sessions = new Map<string, LocalSession>()
  readonly #byFormerId = new Map<string, LocalSession>()

  get size(): number {
    return this.#sessions.size
  }

  get(id: string): LocalSession | undefined {
    return this.#sessions.get(id)
  }

  /** The session that this id moved to. */
  movedFrom(formerId: string): LocalSession | undefined {
    return this.#byFormerId.get(formerId)
  }

  put(session: LocalSession): void {
    this.#sessions.set(session.id, session)
    if (session.formerId !== undefined) this.#byFormerId.set(session.formerId, session)
  }

  /** Gives a session another id; the one that it had leads to it from now on. */
  move(session: LocalSession, id: string): void {
    this.remove(session)
    session.formerId = session.id
    session.id = id
    this.put(session)
  }

  /** Removes this session; another one that has come under the same id stays. */
  remove(session: LocalSession): void {
    const { id, formerId } = session
    if (this.#sessions.get(id) === session) this.#sessions.delete(id)
    if (formerId === undefined || this.#byFormerId.get(formerId) !== session) return
    this.#byFormerId.delete(formerId)
  }

  /** Removes and returns the sessions that have expired, at most `countMax`. */
  takeExpired(nowMs: number, countMax: number): LocalSession[] {
    const expired: LocalSession[] = []
    for (const session of this.#sessions.values()) {
      if (!isExpired(session, nowMs)) continue
      this.remove(session)
      if (expired.push(session) === countMax) break
    }
    return expired
  }
}

export function isExpired(
  session: Pick<LocalSession, 'lastAccessedMs' | 'maxInactiveSeconds'>,
  nowMs: number,
): boolean {
  const { lastAccessedMs, maxInactiveSeconds } = session
  return maxInactiveSeconds > 0 && nowMs - lastAccessedMs >= maxInactiveSeconds * 1000
}
