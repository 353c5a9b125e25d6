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
  /** How long it lives after its last use; 0 or less: for ever. */
  lifeSeconds: number
}

export interface EndedSession {
  sid: string
  /** Undefined once the session is deleted from the store. */
  id: string | undefined
  endedMs: number
  /** How long it would have lived. */
  lifeSeconds: number
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
      sessions: sessions.map((one) => [
        one.sid,
        one.id,
        one.createdMs,
        one.seenMs,
        one.lifeSeconds,
      ]),
      ended: ended.map((one) => [one.sid, one.id ?? null, one.endedMs, one.lifeSeconds]),
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

/**
 * Moves sessions to the list of the ended; those that are on neither list are added to it, as ones
 * that live for `lifeSeconds`.
 */
export function withEnded(
  index: UserIndex,
  ending: readonly { sid: string; id: string }[],
  nowMs: number,
  lifeSeconds: number,
): UserIndex {
  const sids = new Set(ending.map(({ sid }) => sid))
  const kept = index.ended.filter(({ sid }) => !sids.has(sid))
  const lives = new Map(index.sessions.map((one) => [one.sid, one.lifeSeconds]))
  const added = ending.map(({ sid, id }) => {
    return { sid, id, endedMs: nowMs, lifeSeconds: lives.get(sid) ?? lifeSeconds }
  })
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

/** Forgets what has been silent for longer than it lives, and `marginMs`. */
export function withoutExpired(index: UserIndex, nowMs: number, marginMs: number): UserIndex {
  const mayLive = (silentMs: number, lifeSeconds: number): boolean =>
    lifeSeconds <= 0 || silentMs <= lifeSeconds * 1000 + marginMs
  const sessions = index.sessions.filter((one) => mayLive(nowMs - one.seenMs, one.lifeSeconds))
  const ended = index.ended.filter((one) => mayLive(nowMs - one.endedMs, one.lifeSeconds))
  const same = sessions.length === index.sessions.length && ended.length === index.ended.length
  return same ? index : { sessions, ended }
}

/** How long the index is of use if nobody writes it again; 0: for ever. */
export function indexTtlSeconds({ sessions, ended }: UserIndex, marginMs: number): number {
  const lives = [...sessions, ...ended].map(({ lifeSeconds }) => lifeSeconds)
  if (lives.some((lifeSeconds) => lifeSeconds <= 0)) return 0
  return Math.max(1, ...lives) + Math.ceil(marginMs / 1000)
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
  const [sid, id, createdMs, seenMs, lifeSeconds]: unknown[] = row
  if (typeof sid !== 'string' || typeof id !== 'string') return []
  if (typeof createdMs !== 'number' || typeof seenMs !== 'number') return []
  if (typeof lifeSeconds !== 'number') return []
  return [{ sid, id, createdMs, seenMs, lifeSeconds }]
}

function endedFrom(row: unknown): EndedSession[] {
  if (!Array.isArray(row)) return []
  const [sid, id, endedMs, lifeSeconds]: unknown[] = row
  if (typeof sid !== 'string' || typeof endedMs !== 'number') return []
  if (typeof lifeSeconds !== 'number') return []
  return [{ sid, id: typeof id === 'string' ? id : undefined, endedMs, lifeSeconds }]
}
