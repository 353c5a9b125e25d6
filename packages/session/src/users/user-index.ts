/*
 * The list of one user's sessions as it is kept under `user:<prefix><sha256 of the user>`, and what
 * can be done to it.
 *
 * Pure. A session is known by its sid, which stays when it moves to another server or node; its
 * full id is kept beside it. A session that was ended stays on a second list until it would have
 * expired anyway, so that a server that still has it in memory, or is storing it at this moment,
 * finds out; as long as its id is there, it has not been deleted from the store yet.
 */

export interface ListedSession {
  sid: string
  id: string
  createdMs: number
  seenMs: number
}

export interface EndedSession {
  sid: string
  /** Undefined once the session is deleted from the store. */
  id: string | undefined
  endedMs: number
}

export interface UserIndex {
  sessions: readonly ListedSession[]
  ended: readonly EndedSession[]
}

export const EMPTY_INDEX: UserIndex = { sessions: [], ended: [] }
export const INDEX_VERSION = 1
/** Most sessions of one user; one more ends the oldest. */
export const USER_SESSIONS_MAX = 1000
/** Most ended sessions that are remembered; beyond it the one ended first is forgotten. */
export const ENDED_SESSIONS_MAX = 1000

export function encodeIndex({ sessions, ended }: UserIndex): Buffer {
  return Buffer.from(
    JSON.stringify({
      v: INDEX_VERSION,
      sessions: sessions.map(({ sid, id, createdMs, seenMs }) => [sid, id, createdMs, seenMs]),
      ended: ended.map(({ sid, id, endedMs }) => [sid, id ?? null, endedMs]),
    }),
  )
}

/** Undefined: the value is no index. */
export function decodeIndex(value: Buffer): UserIndex | undefined {
  let json: unknown
  try {
    json = JSON.parse(value.toString())
  } catch {
    return undefined
  }
  if (typeof json !== 'object' || json === null) return undefined
  const { v, sessions, ended } = json as { v?: unknown; sessions?: unknown; ended?: unknown }
  if (v !== INDEX_VERSION || !Array.isArray(sessions) || !Array.isArray(ended)) return undefined
  return {
    sessions: sessions.flatMap((row: unknown) => listedFrom(row)),
    ended: ended.flatMap((row: unknown) => endedFrom(row)),
  }
}

/** Adds a session, or renews what is known of it. */
export function withSession(index: UserIndex, session: ListedSession): UserIndex {
  const others = index.sessions.filter(({ sid }) => sid !== session.sid)
  return { ...index, sessions: [...others, session] }
}

export function withoutSessions(index: UserIndex, sids: ReadonlySet<string>): UserIndex {
  if (!index.sessions.some(({ sid }) => sids.has(sid))) return index
  return { ...index, sessions: index.sessions.filter(({ sid }) => !sids.has(sid)) }
}

/** Moves sessions to the list of the ended; those that are on neither list are added to it. */
export function withEnded(
  index: UserIndex,
  ending: readonly { sid: string; id: string }[],
  nowMs: number,
): UserIndex {
  const sids = new Set(ending.map(({ sid }) => sid))
  const kept = index.ended.filter(({ sid }) => !sids.has(sid))
  const added = ending.map(({ sid, id }) => ({ sid, id, endedMs: nowMs }))
  return {
    sessions: index.sessions.filter(({ sid }) => !sids.has(sid)),
    ended: [...kept, ...added].slice(-ENDED_SESSIONS_MAX),
  }
}

/** These ended sessions are deleted from the store. */
export function withDeleted(index: UserIndex, sids: ReadonlySet<string>): UserIndex {
  if (!index.ended.some(({ sid, id }) => id !== undefined && sids.has(sid))) return index
  return {
    ...index,
    ended: index.ended.map((one) => (sids.has(one.sid) ? { ...one, id: undefined } : one)),
  }
}

/** Forgets what has been silent for longer than any session lives. */
export function withoutExpired(index: UserIndex, nowMs: number, lifeMs: number): UserIndex {
  const sessions = index.sessions.filter(({ seenMs }) => nowMs - seenMs <= lifeMs)
  const ended = index.ended.filter(({ endedMs }) => nowMs - endedMs <= lifeMs)
  const same = sessions.length === index.sessions.length && ended.length === index.ended.length
  return same ? index : { sessions, ended }
}

export function isEnded(index: UserIndex, sid: string): boolean {
  return index.ended.some((one) => one.sid === sid)
}

/** The sessions that must end to make room for one more, the one created first at the front. */
export function surplus(index: UserIndex, sid: string, sessionsMax: number): ListedSession[] {
  const others = index.sessions.filter((one) => one.sid !== sid)
  const tooMany = others.length + 1 - sessionsMax
  if (tooMany <= 0) return []
  return others.toSorted((a, b) => a.createdMs - b.createdMs).slice(0, tooMany)
}

function listedFrom(row: unknown): ListedSession[] {
  if (!Array.isArray(row)) return []
  const [sid, id, createdMs, seenMs]: unknown[] = row
  if (typeof sid !== 'string' || typeof id !== 'string') return []
  if (typeof createdMs !== 'number' || typeof seenMs !== 'number') return []
  return [{ sid, id, createdMs, seenMs }]
}

function endedFrom(row: unknown): EndedSession[] {
  if (!Array.isArray(row)) return []
  const [sid, id, endedMs]: unknown[] = row
  if (typeof sid !== 'string' || typeof endedMs !== 'number') return []
  return [{ sid, id: typeof id === 'string' ? id : undefined, endedMs }]
}
