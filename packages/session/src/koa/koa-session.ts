/*
 * `ctx.session`, with koa-session's members. Attributes are own enumerable properties; names that
 * begin with `_`, `isNew` and functions are not stored.
 */

import { inspect } from 'node:util'
import { settled } from '../exchange/settled.ts'
import { type Shown, setOwn } from '../exchange/shown-attributes.ts'
import type { SessionUpdate } from '../users/atomic-update.ts'

export type SessionCallback = (error?: unknown) => void

/** What `commit` does besides storing what changed. */
export interface CommitOptions {
  /** Store also when nothing changed. */
  save?: boolean | undefined
  /** Move the content to a fresh id. */
  regenerate?: boolean | undefined
}

/** The request's side of a session. */
export interface SessionOwner {
  /** Milliseconds, or `'session'`. */
  maxAge: number | 'session' | undefined
  /** Undefined where the cookie holds the session. */
  readonly externalKey: string | undefined
  readonly degraded: boolean
  commit(options?: CommitOptions): Promise<void>
  update<T>(session: Session, change: SessionUpdate<T>): Promise<T>
}

/** A session that was loaded, without what is kept beside its attributes. */
export interface LoadedSession {
  attributes: Shown
  /** When it ends, milliseconds since 1970, where that is known. */
  expireMs?: number | undefined
}

export class Session {
  /** Neither sent by the browser nor found in the store. */
  isNew: boolean
  /** `maxAge` was changed, so cookie and store have to be told. */
  _requireSave = false
  /** When it ends, where that is known. */
  _expire: number | undefined;
  [attribute: string]: unknown
  #owner: SessionOwner

  constructor(owner: SessionOwner, loaded: LoadedSession | undefined) {
    this.isNew = loaded === undefined
    this._expire = loaded?.expireMs
    this.#owner = owner
    for (const [name, value] of Object.entries(loaded?.attributes ?? {})) setOwn(this, name, value)
  }

  /** What is stored. */
  toJSON(): Shown {
    const stored: Shown = {}
    for (const [name, value] of Object.entries(this)) {
      if (name === 'isNew' || name.startsWith('_') || typeof value === 'function') continue
      setOwn(stored, name, value)
    }
    return stored
  }

  /** How many attributes there are. */
  get length(): number {
    return Object.keys(this.toJSON()).length
  }

  get populated(): boolean {
    return this.length > 0
  }

  /** Life of the cookie in milliseconds, or `'session'`. */
  get maxAge(): number | 'session' | undefined {
    return this.#owner.maxAge
  }

  set maxAge(value: number | 'session' | undefined) {
    this.#owner.maxAge = value
    this._requireSave = true
  }

  /** The id in the store. */
  get externalKey(): string | undefined {
    return this.#owner.externalKey
  }

  /** The store was away: this session is empty, and what is put into it is not kept. */
  get degraded(): boolean {
    return this.#owner.degraded
  }

  /** Stores now, changed or not. */
  save(callback?: SessionCallback): Promise<void> | undefined {
    return settled(this.#owner.commit({ save: true }), callback)
  }

  /** A fresh id with the same content. */
  regenerate(callback?: SessionCallback): Promise<void> | undefined {
    return settled(this.#owner.commit({ regenerate: true }), callback)
  }

  /**
   * Changes the session so that no parallel change is lost: `change` gets a copy of the attributes,
   * changes it in place, and runs again when another request was faster.
   */
  update<T>(change: SessionUpdate<T>): Promise<T> {
    return this.#owner.update(this, change)
  }

  /** What `autoCommit: false` leaves to the application. */
  manuallyCommit(): Promise<void> {
    return this.#owner.commit()
  }

  commit(
    options?: CommitOptions | SessionCallback,
    callback?: SessionCallback,
  ): Promise<void> | undefined {
    if (typeof options === 'function') return settled(this.#owner.commit(), options)
    return settled(this.#owner.commit(options), callback)
  }
}

/** Consoles and logs show attributes only. */
Object.defineProperty(Session.prototype, inspect.custom, {
  value(this: Session): Shown {
    return this.toJSON()
  },
})
