/*
 * The session manager for Express (and any framework with `(req, res, next)` middleware), in the
 * place of express-session: the same call, the same options, the same `req.session`.
 *
 * With `memcachedNodes` the sessions are the Holdfast engine's. Without, the middleware works over
 * an express-session store with express-session's rules. This file only chooses.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SessionOptions } from '../options.ts'
import { type SessionHealth, SessionManager } from '../session-manager.ts'
import type { SessionUpdate } from '../users/atomic-update.ts'
import { engineMiddleware } from './engine-middleware.ts'
import { EngineStore } from './engine-store.ts'
import type { Next } from './failure.ts'
import { Cookie } from './session-cookie.ts'
import {
  type RegenerateOptions,
  type SessionCallback,
  Session as SessionObject,
} from './session-object.ts'
import { MemoryStore, Store } from './store.ts'
import type { SessionStoreLike } from './store-like.ts'
import { storeMiddleware } from './store-middleware.ts'
import type { StoreSessionOptions } from './store-options.ts'
import type { HttpSessionRequest } from './store-request.ts'

export type { CookieOption } from '../cookie-option.ts'
export type { SessionLogger, SessionOptions } from '../options.ts'
export { type SessionHealth, SessionManager } from '../session-manager.ts'
export type { SessionUpdate } from '../users/atomic-update.ts'
export type { RegenerateOptions, SessionCallback } from './session-object.ts'
export type { SessionStoreLike, StoreCallback, StoredRecord } from './store-like.ts'
export type { StoreSessionOptions } from './store-options.ts'
export { Cookie, MemoryStore, Store }

/**
 * The attributes of your sessions: add yours by
 * `declare module '@holdfast/session/express' { interface SessionAttributes { user?: string } }`.
 */
export interface SessionAttributes {
  [name: string]: unknown
}

/** What a session does besides holding attributes. */
export interface SessionMethods {
  readonly id: string
  cookie: Cookie
  /** Stores now. With a callback nothing is returned. */
  save(callback: SessionCallback): void
  save(): Promise<void>
  /** Brings the session to its stored state; the error is `failed to load session`. */
  reload(callback: SessionCallback): void
  reload(): Promise<void>
  /** Ends the session; the request has none from now on. */
  destroy(callback: SessionCallback): Session
  destroy(): Promise<void>
  /** Ends this session and puts one with a new id in its place. */
  regenerate(callback: SessionCallback): Session
  regenerate(options: RegenerateOptions, callback: SessionCallback): Session
  regenerate(options?: RegenerateOptions): Promise<void>
  touch(): Session
  resetMaxAge(): Session
  /**
   * Changes the session so that no parallel change is lost: the function changes a copy of the
   * attributes, and runs again when another writer was faster. Not over an express-session store.
   */
  update<T>(change: SessionUpdate<T>): Promise<T>
  /** The session could not be loaded (`loadFailure: 'degrade'`): it is empty and is not stored. */
  readonly degraded: boolean
}

/** `req.session`. */
export type Session = SessionMethods & SessionAttributes

/** What `req.sessionStore` offers. */
export type RequestSessionStore = Store & SessionStoreLike

declare global {
  namespace Express {
    interface Request {
      /** Absent after `destroy`, and where the middleware does not run; typed for the usual case. */
      session: Session
      sessionID: string
      sessionStore: RequestSessionStore
    }
  }
}

/** The middleware, with what an application needs besides. */
export interface SessionMiddleware {
  (request: IncomingMessage, response: ServerResponse, next: Next): void
  /** A real round trip to the store, at most half a second; for the load balancer's health check. */
  health(): Promise<SessionHealth>
  /** Stores what is unsaved once more and closes the connections. */
  close(): Promise<void>
}

/** The middleware over the Holdfast engine. */
export interface EngineSessionMiddleware extends SessionMiddleware {
  readonly sessionManager: SessionManager
}

interface SessionFunction {
  /**
   * Makes the session middleware. Throws TypeError for options that are wrong.
   *
   * @example
   * app.use(session({ memcachedNodes: 'localhost:11311', secret: 'keep me', jvmRoute: 'app1' }))
   * app.get('/', (req, res) => {
   *   req.session.count = Number(req.session.count ?? 0) + 1
   *   res.json({ count: req.session.count })
   * })
   */
  (options: SessionOptions): EngineSessionMiddleware
  /** The middleware over an express-session store. */
  (options?: StoreSessionOptions): SessionMiddleware
  readonly Store: typeof Store
  readonly Session: typeof SessionObject
  readonly Cookie: typeof Cookie
  readonly MemoryStore: typeof MemoryStore
}

function makeSession(options: SessionOptions | StoreSessionOptions = {}): SessionMiddleware {
  return 'memcachedNodes' in options ? overEngine(options) : overStore(options)
}

function overEngine(options: SessionOptions): EngineSessionMiddleware {
  if (Reflect.get(options, 'store') !== undefined) {
    throw new TypeError('options memcachedNodes and store exclude each other')
  }
  const manager = new SessionManager(options)
  return Object.assign(toMiddleware(engineMiddleware(manager, new EngineStore(manager))), {
    health: () => manager.health(),
    close: () => manager.close(),
    sessionManager: manager,
  })
}

function overStore(options: StoreSessionOptions): SessionMiddleware {
  const { middleware, isReady } = storeMiddleware(options)
  return Object.assign(toMiddleware(middleware), {
    health: async () => ({ ok: isReady(), nodes: [] }),
    // The store is the application's to close.
    close: async () => undefined,
  })
}

function toMiddleware(
  middleware: (request: HttpSessionRequest, response: ServerResponse, next: Next) => void,
): (request: IncomingMessage, response: ServerResponse, next: Next) => void {
  return function session(request, response, next) {
    middleware(request as HttpSessionRequest, response, next)
  }
}

/** See SessionFunction. */
export const session: SessionFunction = Object.assign(
  function session(options?: SessionOptions | StoreSessionOptions) {
    return makeSession(options)
  } as (options?: SessionOptions | StoreSessionOptions) => EngineSessionMiddleware,
  { Store, Session: SessionObject, Cookie, MemoryStore },
)

export default session
export { session as 'module.exports' }
