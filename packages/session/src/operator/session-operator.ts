/*
 * Ends sessions of applications that one knows only by their bucket, as an application's own
 * `revoke` and `revokeUser` do, and reads users' lists. All that a server of the application may
 * look at is written, whatever its mode and options are:
 *
 *   user's list ── moved to the ended     mark `gone:` ── as long as the session may live
 *   session and second copy ── deleted    `feed:` ── tells servers that have it in memory
 *
 * The mark is set before the session is deleted, so a server that misses the session finds it.
 */
import { randomBytes } from 'node:crypto'
import { parseSessionOptions, type SessionLogger, type SessionSettings } from '../options.ts'
import { idWithoutRoute } from '../session-id.ts'
import { SessionStore } from '../store/session-store.ts'
import { TOMBSTONE_TTL_SECONDS, TOMBSTONE_TTL_SECONDS_MAX, Tombstones } from '../tombstones.ts'
import { storedTtlSeconds } from '../ttl.ts'
import { REVOCATION_POLL_MS_MAX } from '../user-options.ts'
import { RevocationFeed } from '../users/revocation-feed.ts'
import type { ListedSession } from '../users/user-index.ts'
import { UserIndexes } from '../users/user-indexes.ts'
import { type EndingSession, type EndOutcome, UserSessions } from '../users/user-sessions.ts'
import { sidsOf } from './session-keys.ts'

export interface SessionOperatorOptions {
  /** URL at which the bucket's config is streamed. */
  url: string
  username: string
  password: string
  logger?: SessionLogger | undefined
}

/** A session that is to end. */
export interface SessionToEnd {
  key: string
  /** What stands before all keys of its application. */
  prefix: string
  /** Whose it is; undefined: nobody's, or not known. */
  user: string | undefined
  /** How long it lives after its last use; 0 or less: for ever. */
  lifeSeconds: number
}

const ENDED_AT_ONCE = 16

/** Reads and ends sessions of one bucket. Connects with its first call. */
export class SessionOperator {
  readonly #settings: SessionSettings
  readonly #store: SessionStore

  constructor({ url, username, password, logger }: SessionOperatorOptions) {
    this.#settings = parseSessionOptions({
      memcachedNodes: url,
      username,
      password,
      secret: randomBytes(16).toString('hex'),
      userOf: 'user',
      revocationPoll: REVOCATION_POLL_MS_MAX,
      ...(logger === undefined ? {} : { logger }),
    })
    this.#store = new SessionStore(this.#settings)
  }

  /** The sessions in a user's list, as they stand there. */
  async sessionsOf(user: string, prefix: string): Promise<readonly ListedSession[]> {
    const indexes = new UserIndexes(this.#store, this.#settingsFor(prefix))
    return (await indexes.read(user)).sessions
  }

  /** Ends one session. Rejects with SessionStoreUnavailableError. */
  async revoke({ key, prefix, user, lifeSeconds }: SessionToEnd): Promise<void> {
    const id = key.slice(prefix.length)
    const listed = user === undefined ? [] : await this.sessionsOf(user, prefix)
    const known = listed.find((one) => prefix + idWithoutRoute(one.id) === key)
    const users = this.#users(prefix, lifeSeconds)
    await users.revoke(known === undefined ? undefined : user, { sid: known?.sid ?? id, id })
  }

  /** Ends all sessions of a user; resolves to their number. */
  async revokeUser(user: string, prefix: string): Promise<number> {
    const lives = (await this.sessionsOf(user, prefix)).map(({ lifeSeconds }) => lifeSeconds)
    const isEternal = lives.some((lifeSeconds) => lifeSeconds <= 0)
    const users = this.#users(prefix, isEternal ? 0 : Math.max(1, ...lives))
    return await users.revokeUser(user, undefined)
  }

  async close(): Promise<void> {
    await this.#store.close()
  }

  #users(prefix: string, lifeSeconds: number): UserSessions {
    const settings = this.#settingsFor(prefix, lifeSeconds)
    return new UserSessions(this.#store, settings, {
      end: (sessions) => this.#end(sessions, settings),
    })
  }

  #settingsFor(keyPrefix: string, lifeSeconds?: number): SessionSettings {
    const maxInactiveSeconds = lifeSeconds ?? this.#settings.maxInactiveSeconds
    return { ...this.#settings, keyPrefix, maxInactiveSeconds }
  }

  async #end(sessions: readonly EndingSession[], settings: SessionSettings): Promise<EndOutcome> {
    const ended: EndingSession[] = []
    let failure: unknown
    const tried = async (session: EndingSession): Promise<void> => {
      try {
        await this.#endOne(session, settings)
        ended.push(session)
      } catch (error) {
        failure ??= error
      }
    }
    for (let start = 0; start < sessions.length; start += ENDED_AT_ONCE) {
      await Promise.all(sessions.slice(start, start + ENDED_AT_ONCE).map(tried))
    }
    try {
      await this.#tell(sessions.flatMap(formsOf), settings)
    } catch (error) {
      return { ended: [], failure: error }
    }
    return { ended, failure }
  }

  async #endOne(session: EndingSession, settings: SessionSettings): Promise<void> {
    const { keyPrefix, maxInactiveSeconds } = settings
    const tombstones = new Tombstones(this.#store, settings)
    const lifeSeconds = storedTtlSeconds(maxInactiveSeconds) || TOMBSTONE_TTL_SECONDS_MAX
    const markSeconds = Math.max(
      TOMBSTONE_TTL_SECONDS,
      Math.min(lifeSeconds, TOMBSTONE_TTL_SECONDS_MAX),
    )
    const mark = async (): Promise<void> => {
      await Promise.all(formsOf(session).map((sid) => tombstones.mark(sid, markSeconds)))
    }
    const isMarked = await mark().then(
      () => true,
      () => false,
    )
    const key = keyPrefix + idWithoutRoute(session.id)
    const { keys } = this.#store
    const node = keys.nodeForText(key)
    await Promise.all([key, `bak:${key}`].map((one) => keys.delete(node, one)))
    // A full bucket has room for it only after something was deleted.
    if (!isMarked) await mark()
  }

  async #tell(sids: readonly string[], settings: SessionSettings): Promise<void> {
    if (sids.length === 0) return
    const feed = new RevocationFeed(this.#store, settings, () => {})
    // It only writes: nothing is in memory here.
    feed.close()
    await feed.append(sids)
  }
}

/** The sids by which servers may know a session. */
function formsOf({ sid, id }: EndingSession): string[] {
  return [...new Set([sid, ...sidsOf(id)])]
}
