/*
 * `session.Store` and `session.MemoryStore`: what express-session's stores are built on.
 *
 * Both are functions, not classes: third-party stores of all ages do `Store.call(this, options)`
 * and set their prototype's prototype to `Store.prototype`, which a class refuses.
 */
import { EventEmitter } from 'node:events'
import { inflateSession, type Session, type SessionRequest } from './session-object.ts'
import type { LoadCallback, SessionStoreLike, StoreCallback, StoredRecord } from './store-like.ts'

/** The base of stores. */
export interface Store extends EventEmitter {
  /** Puts a new session in the place of the request's. */
  // biome-ignore lint/suspicious/noExplicitAny: @types/express-session has a type of its own
  regenerate(request: any, callback: StoreCallback): void
  /** The session with this id, for use outside of a request. */
  load(id: string, callback: LoadCallback): void
  /** Makes the request's session from what the store kept. */
  // biome-ignore lint/suspicious/noExplicitAny: @types/express-session has a type of its own
  createSession(request: any, record: any): any
  /** Set by the middleware: gives the request a new session. */
  // biome-ignore lint/suspicious/noExplicitAny: @types/express-session has a type of its own
  generate(request: any): void
}

export interface StoreConstructor {
  new (options?: unknown): Store
  (this: unknown, options?: unknown): void
  readonly prototype: Store
}

// A function used as a constructor has no other way to its type.
export const Store: StoreConstructor = function Store(this: EventEmitter): void {
  EventEmitter.call(this)
} as unknown as StoreConstructor

inherit(Store, EventEmitter.prototype, {
  regenerate(this: Store & SessionStoreLike, request: SessionRequest, callback: StoreCallback) {
    this.destroy(String(request.sessionID), (error) => {
      this.generate(request)
      callback(error)
    })
  },
  load(
    this: Store & SessionStoreLike,
    id: string,
    callback: (error?: unknown, session?: Session) => void,
  ) {
    this.get(id, (error, record) => {
      if (error) callback(error)
      else if (!record) callback()
      else callback(null, this.createSession({ sessionID: id, sessionStore: this }, record))
    })
  },
  createSession(this: Store, request: SessionRequest, record: StoredRecord): Session {
    return inflateSession(request, record)
  },
})

/** Keeps sessions as JSON in this process; for development, as it never forgets unread ones. */
export interface MemoryStore extends Store {
  /** JSON texts by id. */
  sessions: Record<string, string>
  get(id: string, callback: LoadCallback): void
  set(id: string, session: object, callback?: StoreCallback): void
  destroy(id: string, callback?: StoreCallback): void
  all(callback: (error: null, sessions: Record<string, StoredRecord>) => void): void
  clear(callback?: StoreCallback): void
  length(callback: (error: null, count: number) => void): void
  touch(id: string, session: object, callback?: StoreCallback): void
}

export interface MemoryStoreConstructor {
  new (): MemoryStore
  (this: unknown): void
  readonly prototype: MemoryStore
}

export const MemoryStore: MemoryStoreConstructor = function MemoryStore(this: MemoryStore): void {
  Store.call(this)
  this.sessions = Object.create(null) as Record<string, string>
} as unknown as MemoryStoreConstructor

inherit(MemoryStore, Store.prototype, {
  all(this: MemoryStore, callback: (...args: unknown[]) => void) {
    const found: Record<string, unknown> = Object.create(null) as Record<string, unknown>
    for (const id of Object.keys(this.sessions)) {
      const record = readRecord(this, id)
      if (record !== undefined) found[id] = record
    }
    later(callback, null, found)
  },
  clear(this: MemoryStore, callback?: StoreCallback) {
    this.sessions = Object.create(null) as Record<string, string>
    later(callback)
  },
  destroy(this: MemoryStore, id: string, callback?: StoreCallback) {
    delete this.sessions[id]
    later(callback)
  },
  get(this: MemoryStore, id: string, callback: LoadCallback) {
    later(callback, null, readRecord(this, id))
  },
  set(this: MemoryStore, id: string, session: object, callback?: StoreCallback) {
    this.sessions[id] = JSON.stringify(session)
    later(callback)
  },
  length(this: MemoryStore, callback: (...args: unknown[]) => void) {
    this.all((error, sessions) => callback(error, Object.keys(sessions).length))
  },
  touch(this: MemoryStore, id: string, session: object, callback?: StoreCallback) {
    const record = readRecord(this, id)
    if (record !== undefined) {
      record.cookie = Reflect.get(session, 'cookie')
      this.sessions[id] = JSON.stringify(record)
    }
    later(callback)
  },
})

/** The unexpired record of an id; an expired one is dropped. */
function readRecord(store: MemoryStore, id: string): StoredRecord | undefined {
  const text = store.sessions[id]
  if (text === undefined) return undefined
  const record = JSON.parse(text) as StoredRecord
  const expires: unknown =
    typeof record.cookie === 'object' && record.cookie !== null
      ? Reflect.get(record.cookie, 'expires')
      : undefined
  if (typeof expires === 'string' && new Date(expires).valueOf() <= Date.now()) {
    delete store.sessions[id]
    return undefined
  }
  return record
}

/** Stores call back in a later turn, as those over a network do. */
function later(callback: ((...args: never[]) => void) | undefined, ...args: unknown[]): void {
  if (callback !== undefined) setImmediate(callback as (...args: unknown[]) => void, ...args)
}

function inherit(heir: object, base: object, methods: object): void {
  const prototype: object = Reflect.get(heir, 'prototype')
  Object.setPrototypeOf(prototype, base)
  for (const [name, method] of Object.entries(methods)) {
    Object.defineProperty(prototype, name, { value: method, configurable: true, writable: true })
  }
}
