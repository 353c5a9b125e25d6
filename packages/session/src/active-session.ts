/*
 * A session as one request holds it, and what the two modes (sticky, non-sticky) do with it.
 */
import type { AttributeWatch } from './encoding/attribute-watch.ts'
import type { Attributes, CookieOverrides } from './encoding/envelope.ts'
import type { SessionContent } from './encoding/session-codec.ts'
import type { LocalSession } from './local-sessions.ts'
import type { SessionHold } from './locks/session-hold.ts'
import type { ModeGauges } from './observe/metrics-table.ts'
import type { Written } from './store/session-store.ts'

/** What a session is made active with. */
export interface ActiveParts {
  id: string
  watch: AttributeWatch
  cookie: CookieOverrides
  isNew: boolean
  cookieDue: boolean
  createdMs: number
  local?: LocalSession | undefined
  stored?: StoredState | undefined
}

export class ActiveSession {
  readonly id: string
  /** For views: its attributes may be shown by those that report to it. */
  readonly watch: AttributeWatch
  readonly cookie: CookieOverrides
  /** No one knows this id yet: it is in no store, no memory and no browser. */
  isNew: boolean
  /** The application looked at the session; otherwise it cannot have changed it. */
  accessed = false
  /** The id changed by a takeover, so the browser has to be told. */
  cookieDue: boolean
  /** Of an ignored request: not stored at its end. */
  detached = false
  destroyed = false
  /** Stands empty in the place of a session that could not be loaded; is not stored. */
  degraded: boolean | undefined
  /** The id of the session that could not be loaded. */
  notLoadedId: string | undefined
  createdMs: number
  /** Sticky mode. */
  local: LocalSession | undefined
  /** Non-sticky mode. */
  stored: StoredState | undefined
  /** Where requests lock, or are declared read-only. */
  hold: SessionHold | undefined

  constructor(parts: ActiveParts) {
    this.id = parts.id
    this.watch = parts.watch
    this.cookie = parts.cookie
    this.isNew = parts.isNew
    this.cookieDue = parts.cookieDue
    this.createdMs = parts.createdMs
    this.local = parts.local
    this.stored = parts.stored
  }

  /** Sticky: the shared local object. Non-sticky: this request's own copy. */
  get attributes(): Attributes {
    return this.watch.attributes
  }
}

/** What a non-sticky request knows about the stored session. */
export interface StoredState {
  /** Content as last seen in the store, the base of a merge; undefined: not stored yet. */
  content: SessionContent | undefined
  /** Undefined after a write where the server does not tell the version it made. */
  cas: string | undefined
  /** When that version was written, by the clock of the server that wrote it. */
  writtenMs?: number | undefined
  /** The id that the session had before it moved; what is stored under it goes once it is stored. */
  formerId?: string | undefined
}

/** What the end of a request needs. */
export interface Commit {
  /** Resolves when the store has acknowledged; undefined: nothing has to be stored. */
  saved: Promise<void> | undefined
  /** The session cookie must be set. */
  cookieDue: boolean
  /** The session was changed, though nothing is to be stored: there is no store. */
  changed?: boolean | undefined
  /** The response waits for `saved` also with sessionBackupAsync: a login. */
  awaited?: boolean | undefined
}

export const NOTHING_TO_COMMIT: Commit = { saved: undefined, cookieDue: false }

export interface SessionMode {
  /** Undefined: there is no such session. Rejects when that cannot be known. */
  load(id: string): Promise<ActiveSession | undefined> | ActiveSession | undefined
  /** Whatever memory holds; no store operation. */
  peek(id: string): ActiveSession | undefined
  create(id: string): ActiveSession
  /** Throws TooManySessionsError when the new session must not come to be. */
  admit(): void
  /** Differs from its stored state, or is new and holds attributes; throws SessionEncodingError. */
  isChanged(active: ActiveSession): boolean
  /** Starts to store what changed; throws SessionEncodingError. */
  commit(active: ActiveSession, saveUninitialized: boolean): Commit
  /** Stores now, changed or not accessed; resolves when acknowledged. */
  save(active: ActiveSession): Promise<void>
  /**
   * Stores the session, changed or not, without merging: EXISTS tells that another writer was
   * faster, NOT_FOUND that the session is gone. Sticky sessions are merged and STORED.
   */
  storeOnce(active: ActiveSession): Promise<Written['outcome']>
  /** What local memory holds; looking is no use of the session. */
  held(id: string): LocalSession | undefined
  /** Reads the stored state again; rejects with SessionGoneError. */
  reload(active: ActiveSession): Promise<void>
  destroy(active: ActiveSession): Promise<void>
  destroyById(id: string): Promise<void>
  /** What metrics show of local memory. */
  gauges(): ModeGauges
  close(): Promise<void>
}
