/**
 * What a node needs of somebody who knows how sessions are stored: this package does not. Whoever
 * starts the node hands in `OpenSessionBrowser`; it is called with the first question about
 * sessions, so that a node that is never asked loads nothing.
 */

/** An attribute, without its value. */
export interface SessionAttribute {
  name: string
  type: string
  /** Of the value as JSON text. */
  sizeBytes: number
}

/** A session as the REST shows it. Null: not known, or of `expiresInSeconds`: never. */
export interface SessionRow {
  /** The key that it is stored under. */
  id: string
  bucket: string
  /** The part of the id that all sessions of its application have. */
  prefix: string
  user: string | null
  /** Unix time in milliseconds. */
  createdAt: number | null
  lastAccessedAt: number | null
  ageSeconds: number | null
  idleSeconds: number | null
  expiresInSeconds: number | null
  sizeBytes: number
  encoding: string
  compressed: boolean
  encrypted: boolean
  attributes: SessionAttribute[]
  /** Why something is missing. */
  note?: string
  /** By attribute, as JSON shows them. */
  values?: Record<string, unknown>
  /** Attributes whose value is only the beginning of its JSON text. */
  cut?: string[]
}

/** Some sessions, and where the next ones are. */
export interface SessionPage {
  sessions: SessionRow[]
  /** Null: there are no more. */
  next: string | null
  note?: string
}

/** Which sessions are asked for: by id, by user, or any. */
export interface SessionQuestion {
  bucket: string
  id?: string | undefined
  user?: string | undefined
  /** What stands before all keys of the application; undefined: it is found out. */
  prefix?: string | undefined
  limit: number
  /** `next` of the page before. */
  start?: string | undefined
}

/** Finds, shows and ends sessions. Looking at one changes nothing of it. */
export interface SessionBrowser {
  find(question: SessionQuestion): Promise<SessionPage>
  /** Null: there is none. */
  look(question: {
    bucket: string
    id: string
    prefix?: string | undefined
    values: boolean
  }): Promise<SessionRow | null>
  /** Ends a session on all servers of its application; resolves to how many were known. */
  revoke(question: { bucket: string; id: string; prefix?: string | undefined }): Promise<number>
  /** Ends all sessions of a user. */
  revokeUser(question: {
    bucket: string
    user: string
    prefix?: string | undefined
  }): Promise<number>
  close(): Promise<void>
}

/** An item as its client has stored it. */
export interface StoredItem {
  key: string
  value: Buffer
  /** Unix time; 0 never expires. */
  expiresAtMs: number
}

/** Which items of a bucket are wanted. */
export interface ItemQuestion {
  limit: number
  start?: string | undefined
  /** Bytes of a value that `accepts` is shown. */
  headBytes: number
  accepts(key: string, head: Buffer): boolean
}

/** Items, where the next ones are, and what could not be read. */
export interface ItemPage {
  items: StoredItem[]
  next: string | null
  missingShards: number[]
}

/** A bucket, as a node gives it to a session browser. */
export interface BucketAccess {
  /** Another one for a bucket that was deleted and made anew. */
  uuid: string
  /** Where its config is streamed, for who writes into it. */
  url: string
  username: string
  password: string
  /** The items under these keys, each from its primary where that can be read. */
  read(keys: readonly string[]): Promise<StoredItem[]>
  /** A part of the bucket, read from replicas. Throws {@link CursorError}. */
  page(question: ItemQuestion): Promise<ItemPage>
}

/** What a session browser is opened with. */
export interface SessionSource {
  /** Null: there is no such bucket. */
  bucket(name: string): BucketAccess | null
  warn(fields: object, message: string): void
}

export type OpenSessionBrowser = (source: SessionSource) => Promise<SessionBrowser>

/** Raised for a `start` that no page has given. */
export class CursorError extends Error {
  readonly code = 'HOLDFAST_CURSOR'
}
