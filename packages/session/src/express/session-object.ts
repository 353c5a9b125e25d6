/*
 * `session.Session`: `req.session` as express-session's applications know it, over any store.
 *
 * A session is plain data with methods on its prototype; `id` and `req` are hidden and fixed,
 * `cookie` is an ordinary property. Its methods only speak to the request's store and to what the
 * middleware keeps for the request (`RequestRecord`); the rules of saving are the middleware's.
 * Methods with a callback behave as in express-session; without one they return a promise.
 */
import { SessionGoneError } from '../errors.ts'
import { type Cookie, cookieFromStore } from './session-cookie.ts'
import type { SessionStoreLike, StoreCallback, StoredRecord } from './store-like.ts'

export type SessionCallback = (error?: unknown) => void

/** Options of `regenerate`. */
export interface RegenerateOptions {
  /** Names of attributes that the new session keeps, or true for all. */
  keep?: readonly string[] | true | undefined
}

/** What the middleware has to learn from a session's methods. */
export interface RequestRecord {
  /** The session was given to the store as it is. */
  saved(session: Session): void
}

export const RECORD: unique symbol = Symbol('holdfast.record')

/** A request as sessions see it. */
export interface SessionRequest {
  sessionID?: string | undefined
  sessionStore?: SessionStoreLike | undefined
  session?: unknown
  [RECORD]?: RequestRecord | undefined
}

export class Session {
  declare readonly id: string
  declare readonly req: SessionRequest
  declare cookie: Cookie;
  [name: string]: unknown

  constructor(request: SessionRequest, attributes?: unknown) {
    Object.defineProperty(this, 'req', { value: request })
    Object.defineProperty(this, 'id', { value: request.sessionID })
    if (typeof attributes !== 'object' || attributes === null) return
    for (const name in attributes) {
      if (!(name in this)) this[name] = Reflect.get(attributes, name)
    }
  }

  /** The cookie lives as long again as it did at first. */
  touch(): this {
    return this.resetMaxAge()
  }

  resetMaxAge(): this {
    this.cookie.maxAge = this.cookie.originalMaxAge
    return this
  }

  /** Stores now. */
  save(callback?: SessionCallback): Promise<void> | undefined {
    return answer(callback, (done) => {
      this.req[RECORD]?.saved(this)
      storeOf(this).set(this.id, this, done)
    })
  }

  /** Puts the stored session in the place of this one, with the error `failed to load session`. */
  reload(callback?: SessionCallback): Promise<void> | undefined {
    return answer(callback, (done) => {
      storeOf(this).get(this.id, (error, record) => {
        if (error) done(error)
        else if (record) {
          const session = inflateSession(this.req, record)
          this.req[RECORD]?.saved(session)
          done()
        } else done(new SessionGoneError())
      })
    })
  }

  /** Ends the session; the request has none from now on. */
  destroy(callback?: SessionCallback): this | Promise<void> {
    Reflect.deleteProperty(this.req, 'session')
    return (
      answer(callback, (done) => {
        storeOf(this).destroy(this.id, done)
      }) ?? this
    )
  }

  /** Ends this session and puts one with a new id in its place. */
  regenerate(
    options?: RegenerateOptions | SessionCallback,
    callback?: SessionCallback,
  ): this | Promise<void> {
    const done = typeof options === 'function' ? options : callback
    const keep = typeof options === 'function' ? undefined : options?.keep
    return (
      answer(done, (generated) => {
        storeOf(this).regenerate(this.req, (error) => {
          keepAttributes(this, this.req.session, keep)
          generated(error)
        })
      }) ?? this
    )
  }
}

// As in express-session the methods can be replaced, and do not show.
for (const name of ['touch', 'resetMaxAge', 'save', 'reload', 'destroy', 'regenerate']) {
  Object.defineProperty(Session.prototype, name, { enumerable: false, writable: true })
}

/** Makes the request's session from what a store kept. */
export function inflateSession(request: SessionRequest, record: StoredRecord): Session {
  const cookie = cookieFromStore(record.cookie)
  const session = new Session(request, record)
  session.cookie = cookie
  request.session = session
  return session
}

interface RegeneratingStore extends SessionStoreLike {
  regenerate(request: SessionRequest, callback: StoreCallback): void
}

/** The middleware has set it. */
function storeOf(session: Session): RegeneratingStore {
  return session.req.sessionStore as RegeneratingStore
}

function keepAttributes(from: Session, to: unknown, keep: RegenerateOptions['keep']): void {
  if (keep === undefined || typeof to !== 'object' || to === null) return
  for (const name of keep === true ? Object.keys(from) : keep) {
    if (name !== 'cookie' && Object.hasOwn(from, name)) Reflect.set(to, name, from[name])
  }
}

/** Hands the outcome to the callback, or returns a promise whose rejection nobody has to look at. */
function answer(
  callback: SessionCallback | undefined,
  work: (done: SessionCallback) => void,
): Promise<void> | undefined {
  if (typeof callback === 'function') {
    work(callback)
    return undefined
  }
  const working = new Promise<void>((resolve, reject) => {
    work((error) => (error ? reject(error) : resolve()))
  })
  working.catch(() => undefined)
  return working
}
