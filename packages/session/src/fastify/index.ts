/*
 * The session manager for Fastify, with the surface of @fastify/session: register it in that
 * plugin's place. @fastify/cookie is not needed, and does no harm.
 *
 * `onRequest` loads, without a turn of the event loop where no store has to be asked. `onSend`
 * stores and holds the response, head and body, until the store has acknowledged. What is changed
 * while a stream is being sent is stored before the response ends. A hijacked response is held at
 * `reply.raw` in the same way.
 */

import type * as Fastify from 'fastify'
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { SessionManager } from '../session-manager.ts'
import type { SessionUpdate } from '../users/atomic-update.ts'
import type { SessionStoreMethods } from './held-session.ts'
import { MemoryStore, type MemoryStoreConstructor } from './memory-store.ts'
import { type FastifySessionOptions, parsePluginOptions } from './plugin-options.ts'
import { lifeProperty, RequestHooks, replaceSession, sessionOf } from './request-hooks.ts'
import type { SessionCallback } from './request-session.ts'
import type { CookieOptions, SessionCookie } from './session-cookie.ts'

export type { SessionLogger, SessionOptions } from '../options.ts'
export { type SessionHealth, SessionManager } from '../session-manager.ts'
export type { Signer } from './cookie-signer.ts'
export type { SessionStoreMethods } from './held-session.ts'
export { MemoryStore, MemoryStore as Store } from './memory-store.ts'
export type { FastifySessionOptions } from './plugin-options.ts'
export type { SessionCallback } from './request-session.ts'
export type { CookieOptions, SessionCookie } from './session-cookie.ts'

/** `request.session`: your attributes (see `Session` of the module `fastify`) and these methods. */
export interface FastifySessionObject extends Fastify.Session {
  readonly sessionId: string
  readonly encryptedSessionId: string
  /** The store was away: this session is empty, and what is put into it is not kept. */
  readonly degraded: boolean
  get<K extends keyof Fastify.Session>(key: K): Fastify.Session[K] | undefined
  set<K extends keyof Fastify.Session>(key: K, value: Fastify.Session[K]): void
  touch(): void
  options(options: CookieOptions): void
  regenerate(callback: SessionCallback): void
  regenerate(keys: readonly string[] | undefined, callback: SessionCallback): void
  regenerate(keys?: readonly string[]): Promise<void>
  destroy(callback: SessionCallback): void
  destroy(): Promise<void>
  reload(callback: SessionCallback): void
  reload(): Promise<void>
  save(callback: SessionCallback): void
  save(): Promise<void>
  /** Changes the session so that no parallel change is lost; `change` may run several times. */
  update<T>(change: SessionUpdate<T>): Promise<T>
  isModified(): boolean
  isSaved(): boolean
}

declare module 'fastify' {
  /** For your attributes: `declare module 'fastify' { interface Session { user?: string } }`. */
  interface Session {
    cookie: SessionCookie
  }

  interface FastifyRequest {
    /** Null after `destroy`; typed for the usual case. */
    session: FastifySessionObject
    readonly sessionStore: SessionStoreMethods
  }

  interface FastifyInstance {
    /** Gives `request`, or any object in its place, the session of a signed id. */
    decryptSession(signedId: string, request: object, callback: SessionCallback): void
    decryptSession(
      signedId: string,
      request: object,
      cookieOptions: CookieOptions,
      callback: SessionCallback,
    ): void
    /** For `health()` and sessions outside of a request; null with a `store` of your own. */
    readonly sessionManager: SessionManager | null
  }
}

function register(
  fastify: FastifyInstance,
  options: FastifySessionOptions,
  done: (error?: Error) => void,
): void {
  try {
    decorate(fastify, options)
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)))
    return
  }
  done()
}

function decorate(fastify: FastifyInstance, options: FastifySessionOptions): void {
  const plugin = parsePluginOptions(options)
  const { keeper, manager, inMemory } = plugin
  const hooks = new RequestHooks(plugin, fastify.log)
  if (inMemory) {
    fastify.log.warn('sessions live in the memory of this process: give memcachedNodes or a store')
  }
  fastify.decorate('decryptSession', decryptSession)
  fastify.decorate('sessionManager', manager ?? null)
  fastify.decorateRequest(lifeProperty, null)
  fastify.decorateRequest('sessionStore', { getter: () => keeper.store })
  fastify.decorateRequest('session', {
    getter(this: FastifyRequest) {
      return sessionOf(this) as FastifySessionObject
    },
    setter(this: FastifyRequest, value: unknown) {
      replaceSession(this, value)
    },
  })
  // Fastify has `hijack` further up the prototype chain: this one stands before it.
  fastify.decorateReply('hijack', hijack)
  fastify.addHook('onRequest', hooks.onRequest)
  fastify.addHook('onSend', hooks.onSend)
  fastify.addHook('onClose', () => keeper.close())

  function decryptSession(
    signedId: string,
    request: object,
    optionsOrCallback: CookieOptions | SessionCallback,
    callback?: SessionCallback,
  ): void {
    const withoutOptions = typeof optionsOrCallback === 'function'
    const report = withoutOptions ? optionsOrCallback : callback
    hooks.decrypt(signedId, request, withoutOptions ? {} : optionsOrCallback).then(
      () => process.nextTick(report ?? ignore),
      (error: unknown) => process.nextTick(report ?? ignore, error),
    )
  }

  function hijack(this: FastifyReply): FastifyReply {
    originalHijack(this).call(this)
    hooks.hijack(this.request, this)
    return this
  }

  function originalHijack(reply: FastifyReply): () => FastifyReply {
    let prototype: object | null = Object.getPrototypeOf(reply)
    while (prototype !== null) {
      const method: unknown = Reflect.get(prototype, 'hijack')
      if (typeof method === 'function' && method !== hijack) return method as () => FastifyReply
      prototype = Object.getPrototypeOf(prototype)
    }
    throw new TypeError('reply.hijack is missing')
  }
}

function ignore(): void {}

/** The plugin, callable and with its named exports, as `require()` of the original gives it. */
type FastifySession = FastifyPluginCallback<FastifySessionOptions> & {
  Store: MemoryStoreConstructor
  MemoryStore: MemoryStoreConstructor
}

/**
 * Register it: `app.register(fastifySession, options)`.
 *
 * @example
 * await app.register(fastifySession, { memcachedNodes: 'localhost:11311', secret })
 * app.get('/', async (request) => {
 *   request.session.count = (request.session.count ?? 0) + 1
 *   return { count: request.session.count }
 * })
 */
export const fastifySession: FastifySession = Object.assign(
  // The name that other plugins look for when they depend on sessions.
  fastifyPlugin(register, { fastify: '5.x', name: '@fastify/session' }),
  { Store: MemoryStore, MemoryStore },
)
Object.assign(fastifySession, { fastifySession, default: fastifySession })

export default fastifySession
export { fastifySession as 'module.exports' }
