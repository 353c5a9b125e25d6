/*
 * What a Fastify request holds of its session, whatever keeps it: Holdfast's session manager
 * (`holdfast-session.ts`) or a store of the application's own (`stored-session.ts`).
 */
import type { Shown } from '../exchange/shown-attributes.ts'
import type { SessionUpdate } from '../users/atomic-update.ts'
import type { CookieOptions, SessionCookie } from './session-cookie.ts'

/** What a store that keeps whole sessions is given. */
export interface SessionRecord {
  cookie: SessionCookie
}

export interface HeldSession {
  readonly id: string
  /** Neither the browser nor a store knows it yet. */
  readonly isNew: boolean
  /** The store was away when it was to be loaded: an empty session that is not kept. */
  readonly isDegraded: boolean
  /** Neither stored nor told to the browser: degraded, or of an ignored request. */
  readonly isDetached: boolean
  readonly attributes: Shown
  /** How the stored cookie differs from the configured one. */
  readonly cookie: CookieOptions | undefined
  /** The application looks at the session from now on. */
  access(): void
  /** Keeps what the application did to the cookie. */
  keepCookie(cookie: SessionCookie): void
  /** Before a new session gets its first attribute; throws TooManySessionsError. */
  admit(): void
  isChanged(): boolean
  /** What the head of the response has to wait for, bounded; `record` makes the whole session. */
  beforeHead(record: () => SessionRecord): Promise<void> | undefined
  /** As `beforeHead`, for what was changed after it. Never rejects. */
  beforeEnd(record: () => SessionRecord): Promise<void> | undefined
  /** After `beforeHead`: the browser has to be told the id. */
  readonly isCookieDue: boolean
  save(record: () => SessionRecord): Promise<void>
  reload(): Promise<void>
  /** Changes the stored session atomically. */
  update<T>(change: SessionUpdate<T>): Promise<T>
  destroy(): Promise<void>
  /** This object holds the fresh session at once; resolves when the old one is gone. */
  regenerate(keep: readonly string[]): Promise<void>
  /** False: `close` has nothing to give back and need not be called. */
  readonly mayHold: boolean
  /** The response is over, or the client gone. */
  close(): void
}

/** `request.sessionStore`; stores of express-session and @fastify/session have this form. */
export interface SessionStoreMethods {
  get(id: string, callback: (error: unknown, session?: object | null) => void): void
  set(id: string, session: object, callback: (error?: unknown) => void): void
  destroy(id: string, callback: (error?: unknown) => void): void
  touch?(id: string, session: object, callback: (error?: unknown) => void): void
}

/** Where a plugin's sessions live. */
export interface SessionKeeper {
  readonly store: SessionStoreMethods
  /** The session with this id, or a fresh one; a promise only when a store is asked. */
  open(id: string | undefined, request: object): HeldSession | Promise<HeldSession>
  close(): Promise<void>
}
