/*
 * The sessions in this process's memory: in sticky mode the master copies.
 *
 * It owns the map and knows when a session has expired; what happens to an expired or unsaved
 * session is decided by its caller. It has no clock: the time is an argument.
 */
import type { Attributes, CookieOverrides } from './encoding/envelope.ts'
import type { SessionContent } from './encoding/session-codec.ts'

/** One session; all requests of this process that belong to it share this object. */
export interface LocalSession {
  id: string
  attributes: Attributes
  cookie: CookieOverrides
  createdMs: number
  lastAccessedMs: number
  maxInactiveSeconds: number
  /** The content that the store has acknowledged, the base of a merge; undefined: none. */
  savedContent: SessionContent | undefined
  /** When the store last renewed its time to live. */
  renewedMs: number
  /** The key this session was taken over from; deleted once the session is stored under its own id. */
  supersededId: string | undefined
  /** Like supersededId, but stays: a second request with the old cookie belongs to this session. */
  takenOverFrom: string | undefined
  destroyed: boolean
}

export class LocalSessions {
  readonly #sessions = new Map<string, LocalSession>()

  get size(): number {
    return this.#sessions.size
  }

  get(id: string): LocalSession | undefined {
    return this.#sessions.get(id)
  }

  put(session: LocalSession): void {
    this.#sessions.set(session.id, session)
  }

  /** Removes this session; another one that has come under the same id stays. */
  remove(session: LocalSession): void {
    if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id)
  }

  /** Removes and returns the sessions that have expired, at most `countMax`. */
  takeExpired(nowMs: number, countMax: number): LocalSession[] {
    const expired: LocalSession[] = []
    for (const session of this.#sessions.values()) {
      if (!isExpired(session, nowMs)) continue
      this.#sessions.delete(session.id)
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
