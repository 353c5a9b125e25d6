/*
 * The sessions of users: which there are, and how they end.
 *
 * What is guaranteed, races included, rests on one order of steps:
 *
 *   login        index (cas) ── session stored ── index read again: ended meanwhile? then destroyed
 *   revokeUser   index: all moved to the ended (cas) ── sessions deleted ── index: deletion noted
 *
 * Every index write is a cas, so one of the two is first. Login first: its session is listed, so
 * the revoker moves it to the ended, and deletes it from the store after that; if it is stored only
 * then, the login's last look finds it among the ended. Revoked first: the login came later. A
 * revoker that dies half-way leaves ended sessions that still have an id; whoever meets these in
 * the index deletes them.
 */
import type { SessionSettings } from '../options.ts'
import type { SessionStore } from '../store/session-store.ts'
import { SessionRevokedError, TooManyUserSessionsError } from './user-errors.ts'
import {
  isEnded,
  type ListedSession,
  surplus,
  type UserIndex,
  withDeleted,
  withEnded,
  withoutSessions,
  withSession,
} from './user-index.ts'
import { UserIndexes } from './user-indexes.ts'

/** A session of a user, as `listByUser` tells it. */
export interface UserSession {
  id: string
  createdMs: number
  /** When it was last used, to the minute. */
  lastSeenMs: number
}

/** How sessions end; the modes and the feed are behind it. */
export interface SessionEnder {
  /** Ends sessions in the store and in every server's memory; tries all. Never rejects. */
  end(sessions: readonly EndingSession[]): Promise<EndOutcome>
}

export interface EndingSession {
  sid: string
  id: string
}

export interface EndOutcome {
  ended: readonly EndingSession[]
  /** Why the others could not be ended; undefined: all were. */
  failure: unknown
}

/** A session that is being stored for the first time may be listed before it is there. */
export const ARRIVAL_MS_MAX = 10_000
/** A revoker that has not deleted a session by then is taken for dead. */
const REVOKER_MS_MAX = 5000
const LOADS_AT_ONCE = 50

export class UserSessions {
  readonly indexes: UserIndexes
  readonly #store: SessionStore
  readonly #settings: SessionSettings
  readonly #ender: SessionEnder

  constructor(store: SessionStore, settings: SessionSettings, ender: SessionEnder) {
    this.#store = store
    this.#settings = settings
    this.#ender = ender
    this.indexes = new UserIndexes(store, settings)
  }

  /**
   * Lists a session before it is stored. Rejects with TooManyUserSessionsError and, for a session
   * that was ended already, SessionRevokedError.
   */
  async reserve(user: string, session: ListedSession): Promise<void> {
    const { sessionsPerUserMax, sessionsPerUserPolicy } = this.#settings
    let ending: ListedSession[] = []
    let doubtful: readonly ListedSession[] | undefined
    let dead: ReadonlySet<string> | undefined
    const change = (stored: UserIndex): UserIndex => {
      if (isEnded(stored, session.sid)) throw new SessionRevokedError()
      const index = dead === undefined ? stored : withoutSessions(stored, dead)
      ending = surplus(index, session.sid, sessionsPerUserMax)
      doubtful = ending.length > 0 && dead === undefined ? index.sessions : undefined
      if (doubtful !== undefined) return stored
      if (ending.length > 0 && sessionsPerUserPolicy === 'reject') {
        throw new TooManyUserSessionsError(sessionsPerUserMax)
      }
      return withSession(this.#withEnded(index, ending), session)
    }
    let index = await this.indexes.change(user, change)
    if (doubtful !== undefined) {
      dead = await this.#dead(doubtful)
      index = await this.indexes.change(user, change)
    }
    this.#finishOthers(user, index)
    if (ending.length > 0) await this.#finish(user, ending).catch(() => undefined)
  }

  /** Whether the session was ended since it was listed. */
  async wasEnded(user: string, sid: string): Promise<boolean> {
    return isEnded(await this.indexes.read(user), sid)
  }

  /** Notes that the session is in use, under its present id; false: it was ended. */
  async refresh(user: string, session: ListedSession): Promise<boolean> {
    const index = await this.indexes.change(user, (stored) =>
      isEnded(stored, session.sid) ? stored : withSession(stored, session),
    )
    this.#finishOthers(user, index)
    return !isEnded(index, session.sid)
  }

  /** The session is over, or no longer this user's. Never rejects. */
  async forget(user: string, sid: string): Promise<void> {
    try {
      await this.indexes.change(user, (index) => withoutSessions(index, new Set([sid])))
    } catch (error) {
      this.#settings.logger.debug({ err: error }, 'ended session stays listed until it is read')
    }
  }

  /** The sessions that are alive, the one used last first. Drops the others from the index. */
  async list(user: string): Promise<UserSession[]> {
    const index = await this.indexes.read(user)
    this.#finishOthers(user, index)
    const dead = await this.#dead(index.sessions)
    if (dead.size > 0) await this.#drop(user, index, dead)
    return index.sessions
      .filter(({ sid }) => !dead.has(sid))
      .toSorted((a, b) => b.seenMs - a.seenMs)
      .map(({ id, createdMs, seenMs }) => ({ id, createdMs, lastSeenMs: seenMs }))
  }

  /** Ends one session; `user`: whose it is, if it is somebody's. Rejects when it could not. */
  async revoke(user: string | undefined, session: EndingSession): Promise<void> {
    if (user === undefined) {
      const { ended, failure } = await this.#ender.end([session])
      this.#tellRevoked(ended)
      if (failure !== undefined) throw failure
      return
    }
    await this.indexes.change(user, (index) => this.#withEnded(index, [session]))
    await this.#finish(user, [session])
  }

  /**
   * Ends all sessions of a user but one; resolves to their number. Rejects when some could not be
   * deleted; all are marked as ended by then, and another call tries those again.
   */
  async revokeUser(user: string, exceptSid: string | undefined): Promise<number> {
    let ending: readonly ListedSession[] = []
    const index = await this.indexes.change(user, (stored) => {
      ending = stored.sessions.filter(({ sid }) => sid !== exceptSid)
      return ending.length === 0 ? stored : this.#withEnded(stored, ending)
    })
    await this.#finish(user, deletable(index, Date.now()))
    return ending.length
  }

  #withEnded(index: UserIndex, ending: readonly EndingSession[]): UserIndex {
    return withEnded(index, ending, Date.now(), this.#settings.maxInactiveSeconds)
  }

  async #finish(user: string, ending: readonly EndingSession[]): Promise<void> {
    if (ending.length === 0) return
    const { ended, failure } = await this.#ender.end(ending)
    this.#tellRevoked(ended)
    const sids = new Set(ended.map(({ sid }) => sid))
    if (sids.size > 0) await this.indexes.change(user, (index) => withDeleted(index, sids))
    if (failure !== undefined) throw failure
  }

  /** Completes what a revoker that died has begun. */
  #finishOthers(user: string, index: UserIndex): void {
    const left = deletable(index, Date.now() - REVOKER_MS_MAX)
    if (left.length === 0) return
    this.#finish(user, left).catch((error: unknown) =>
      this.#settings.logger.warn({ err: error }, 'revoked sessions are not deleted yet'),
    )
  }

  #tellRevoked(sessions: readonly EndingSession[]): void {
    const { observer } = this.#settings
    observer.counts.revocations += sessions.length
    for (const { id } of sessions) observer.tell('destroyed', { id, by: 'revoked' })
  }

  /**
   * Those that are in no store. In sticky mode a session that the store does not have may live in
   * another server's memory; it counts as dead only when it has been silent for its whole life,
   * and such ones the index has dropped already.
   */
  async #dead(sessions: readonly ListedSession[]): Promise<Set<string>> {
    const dead = new Set<string>()
    if (this.#settings.sticky) return dead
    const arrivedMs = Date.now() - ARRIVAL_MS_MAX
    const doubtful = sessions.filter(({ seenMs }) => seenMs < arrivedMs)
    for (let start = 0; start < doubtful.length; start += LOADS_AT_ONCE) {
      const some = doubtful.slice(start, start + LOADS_AT_ONCE)
      const found = await Promise.all(some.map(({ id }) => this.#isStored(id)))
      for (const [place, { sid }] of some.entries()) if (found[place] === false) dead.add(sid)
    }
    return dead
  }

  /** A node that does not answer says nothing against the session. */
  async #isStored(id: string): Promise<boolean> {
    if (!this.#store.knows(id)) return false
    try {
      return (await this.#store.load(id)) !== undefined
    } catch {
      return true
    }
  }

  /** Whoever removes an entry tells that the session has expired, so it is told once. */
  async #drop(user: string, seen: UserIndex, dead: ReadonlySet<string>): Promise<void> {
    let dropped: ListedSession[] = []
    await this.indexes.change(user, (index) => {
      dropped = index.sessions.filter(
        ({ sid, seenMs }) =>
          dead.has(sid) && seen.sessions.some((one) => one.sid === sid && one.seenMs === seenMs),
      )
      return withoutSessions(index, new Set(dropped.map(({ sid }) => sid)))
    })
    for (const { id } of dropped) {
      this.#settings.observer.tell('expired', { id, attributes: undefined })
    }
  }
}

/** The sessions ended until then that are not known to be deleted. */
function deletable({ ended }: UserIndex, endedMsMax: number): EndingSession[] {
  return ended.flatMap(({ sid, id, endedMs }) =>
    id !== undefined && endedMs <= endedMsMax ? [{ sid, id }] : [],
  )
}
