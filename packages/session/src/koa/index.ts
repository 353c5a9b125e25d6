/*
 * The session manager for Koa, with the surface of koa-session: put it in that middleware's place.
 *
 * The session is loaded before the application runs and stored after it, also when it throws; Koa
 * sends the response only then, so head and body wait for the store, bounded. What is changed while
 * a stream is being sent is stored before the response ends.
 */
import type { ServerResponse } from 'node:http'
import type { BaseContext } from 'koa'
import { holdResponse } from '../exchange/response-hold.ts'
import type { SessionHealth, SessionManager } from '../session-manager.ts'
import { ContextSession, type Keeping } from './context-session.ts'
import { CookieKeeping } from './cookie-keeping.ts'
import { HoldfastKeeping } from './holdfast-keeping.ts'
import {
  type ContextOptions,
  type KoaContext,
  type KoaSessionOptions,
  parseKoaOptions,
} from './koa-options.ts'
import type { Session } from './koa-session.ts'
import { StoreKeeping } from './store-keeping.ts'

export type { SessionLogger, SessionOptions } from '../options.ts'
export { type SessionHealth, SessionManager } from '../session-manager.ts'
export type { ContextOptions, KoaContext, KoaSessionOptions, KoaStore } from './koa-options.ts'
export type { Session, SessionCallback } from './koa-session.ts'

declare module 'koa' {
  interface BaseContext {
    /** Null after it was set to null. Assign an object to replace its content. */
    session: Session | null
    readonly sessionOptions: ContextOptions | undefined
  }
}

/** The members of a Koa application that matter here. */
export interface KoaApplication {
  use: unknown
  readonly context: BaseContext
}

/** The context within the middleware. */
export interface ResponseContext extends KoaContext {
  readonly res: ServerResponse
  readonly body?: unknown
  readonly respond?: boolean
}

/** The middleware, with what an application needs besides. */
export interface KoaSessionMiddleware {
  (context: ResponseContext, next: () => Promise<unknown>): Promise<void>
  /** A real round trip to the store, at most half a second; for a load balancer. */
  health(): Promise<SessionHealth>
  /** Stores what is unsaved once more and closes the connections. */
  close(): Promise<void>
  /** Null where a store of the application's own, or the cookie, holds the sessions. */
  readonly sessionManager: SessionManager | null
}

const CONTEXT_SESSION = Symbol('holdfast context session')
const EXTENDED = Symbol('holdfast session')

/**
 * Makes the session middleware: `session(options, app)` or `session(app, options)`. Throws for
 * options that are wrong.
 *
 * @example
 * app.keys = ['keep me']
 * app.use(session({ memcachedNodes: 'localhost:11311', sticky: false }, app))
 * app.use((ctx) => {
 *   ctx.session.views = (ctx.session.views ?? 0) + 1
 *   ctx.body = `${ctx.session.views} views`
 * })
 */
export function session(app: KoaApplication, options?: KoaSessionOptions): KoaSessionMiddleware
export function session(options: KoaSessionOptions, app: KoaApplication): KoaSessionMiddleware
export function session(first: object, second: object = {}): KoaSessionMiddleware {
  const [app, given]: [object, KoaSessionOptions] = isApplication(first)
    ? [first, second]
    : [second, first]
  if (!isApplication(app)) {
    throw new TypeError('app instance required: `session(opts, app)`')
  }
  const { options, manager } = parseKoaOptions(given)
  const inCookie = manager === undefined && !options.store && !options.ContextStore
  extendContext(app.context, options, (context, own) => {
    if (manager !== undefined) return new HoldfastKeeping(context, own, manager)
    const store = own.ContextStore === undefined ? own.store : new own.ContextStore(context)
    return store ? new StoreKeeping(context, own, store) : new CookieKeeping(context, own)
  })
  const middleware = async (
    context: ResponseContext,
    next: () => Promise<unknown>,
  ): Promise<void> => {
    const held = sessionOf(context)
    context.res.once('close', () => held.close())
    if (!inCookie) await held.load().catch(retryable)
    try {
      await next()
    } finally {
      if (options.autoCommit) await held.commit().catch(retryable)
      if (manager !== undefined) holdStream(context, held)
    }
  }
  return Object.assign(middleware, {
    health: () => manager?.health() ?? Promise.resolve({ ok: true, nodes: [] }),
    close: () => manager?.close() ?? Promise.resolve(),
    sessionManager: manager ?? null,
  })
}

/** koa-session's name for it. */
export const createSession: typeof session = session
// What `require()` gives is the function; the names of the original are on it too.
Object.assign(session, { session, createSession, default: session })

export default session
export { session as 'module.exports' }

function isApplication(value: object | undefined): value is KoaApplication {
  return typeof Reflect.get(Object(value), 'use') === 'function'
}

function sessionOf(context: object): ContextSession {
  return Reflect.get(context, EXTENDED) as ContextSession
}

/** `ctx.session` and `ctx.sessionOptions`, once per application. */
function extendContext(
  prototype: object,
  options: ContextOptions,
  makeKeeping: (context: KoaContext, options: ContextOptions) => Keeping,
): void {
  if (Object.hasOwn(prototype, EXTENDED)) return
  Object.defineProperties(prototype, {
    [EXTENDED]: {
      get(this: KoaContext & { [CONTEXT_SESSION]?: ContextSession }) {
        this[CONTEXT_SESSION] ??= new ContextSession(this, options, makeKeeping)
        return this[CONTEXT_SESSION]
      },
    },
    session: {
      configurable: true,
      get(this: object) {
        return sessionOf(this).get()
      },
      set(this: object, value: unknown) {
        sessionOf(this).set(value)
      },
    },
    sessionOptions: {
      get(this: object) {
        return sessionOf(this).opts
      },
    },
  })
}

/** Koa's error handler answers with the error's status and headers. */
function retryable(error: unknown): never {
  if (error instanceof Error && 'status' in error && error.status === 503) {
    throw Object.assign(error, { headers: { 'retry-after': '1' } })
  }
  throw error
}

/** The end of a streamed response waits for what was changed during the stream. */
function holdStream({ res, body, respond }: ResponseContext, held: ContextSession): void {
  if (respond === false || typeof Reflect.get(Object(body), 'pipe') !== 'function') return
  holdResponse(res, {
    beforeHead: () => undefined,
    beforeEnd: () => held.beforeEnd(),
    prepareHead: () => undefined,
    failure: () => res.destroy(),
    onError: () => undefined,
  })
}
