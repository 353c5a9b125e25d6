/*
 * What an express-session store offers, and what it keeps: the types by which `session.Store`, the
 * sessions and the middleware meet stores of any origin.
 */

/** A session as stores keep it: attributes beside a cookie. */
export interface StoredRecord {
  cookie?: unknown
  [name: string]: unknown
}

export type StoreCallback = (error?: unknown) => void
// biome-ignore lint/suspicious/noExplicitAny: stores of all origins say differently what they give
export type LoadCallback = (error?: unknown, record?: any) => void

/** What a store has to offer; `touch` is used where it is there. */
export interface SessionStoreLike {
  get(id: string, callback: LoadCallback): unknown
  // biome-ignore lint/suspicious/noExplicitAny: each store has its own type of a session
  set(id: string, session: any, callback?: StoreCallback): unknown
  destroy(id: string, callback?: StoreCallback): unknown
  // biome-ignore lint/suspicious/noExplicitAny: each store has its own type of a session
  touch?(id: string, session: any, callback?: StoreCallback): unknown
  // biome-ignore lint/suspicious/noExplicitAny: EventEmitter's own signature
  on?(event: string, listener: (...args: any[]) => void): unknown
}
