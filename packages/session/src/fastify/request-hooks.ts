/*
 * The plugin's hooks: `onRequest` loads the session, `onSend` stores it before the head leaves, and
 * `hijack` hands the holding over to `reply.raw`. The hooks take callbacks: a promise per request
 * would cost more than all the rest where the session is in local memory.
 */
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import { holdResponse } from '../exchange/response-hold.ts'
import type { HeldSession } from './held-session.ts'
import type { ParsedPlugin, PluginSettings } from './plugin-options.ts'
import { RequestLife } from './request-life.ts'
import type { SentCookie } from './sent-cookie.ts'
import type { CookieOptions } from './session-cookie.ts'

type Done = (error?: Error) => void

const LIFE: unique symbol = Symbol('holdfast session')

/** What the request carries; null before `onRequest`. */
interface LifeHolder {
  [LIFE]?: RequestLife | Elsewhere | null
}

/** A request outside of the cookie's path: its session is an object that nobody keeps. */
class Elsewhere {
  session: unknown = {}
}

/** Where the life of a request's session is kept; for `decorateRequest`. */
export const lifeProperty: typeof LIFE = LIFE

/** `request.session`. */
export function sessionOf(request: object): unknown {
  return (request as LifeHolder)[LIFE]?.session ?? null
}

export function replaceSession(request: object, value: unknown): void {
  const holder = request as LifeHolder
  holder[LIFE] ??= new Elsewhere()
  holder[LIFE].session = value
}

export class RequestHooks {
  readonly #settings: PluginSettings
  readonly #plugin: ParsedPlugin
  readonly #log: FastifyBaseLogger

  constructor(plugin: ParsedPlugin, log: FastifyBaseLogger) {
    this.#settings = plugin.settings
    this.#plugin = plugin
    this.#log = log
  }

  readonly onRequest = (request: FastifyRequest, reply: FastifyReply, done: Done): void => {
    const { raw } = request
    if (!isBelow(raw.url ?? '/', this.#settings.path)) {
      attach(request, new Elsewhere())
      done()
      return
    }
    const sent = this.#settings.sentCookies.read(raw.headers.cookie)
    let opened: HeldSession | Promise<HeldSession>
    try {
      opened = this.#plugin.keeper.open(sent.id, request)
    } catch (error) {
      done(error as Error)
      return
    }
    if (!(opened instanceof Promise)) {
      this.#begin(request, reply, sent, opened)
      done()
      return
    }
    opened.then(
      (held) => {
        this.#begin(request, reply, sent, held)
        done()
      },
      (error: Error) => done(retryable(error, reply)),
    )
  }

  readonly onSend = (
    request: FastifyRequest,
    reply: FastifyReply,
    payload: unknown,
    done: Done,
  ): void => {
    const life = (request as LifeHolder)[LIFE]
    if (!(life instanceof RequestLife) || life.isSettled) {
      done()
      return
    }
    let wait: Promise<void> | undefined
    try {
      wait = life.beforeHead()
      if (wait === undefined) release(life, reply, payload)
    } catch (error) {
      done(retryable(error as Error, reply))
      return
    }
    if (wait === undefined) {
      done()
      return
    }
    wait.then(
      () => {
        try {
          release(life, reply, payload)
        } catch (error) {
          done(error as Error)
          return
        }
        done()
      },
      (error: Error) => done(retryable(error, reply)),
    )
  }

  /** After this the application answers by `reply.raw`, and no hook runs. */
  hijack(request: FastifyRequest, reply: FastifyReply): void {
    const life = (request as LifeHolder)[LIFE]
    if (!(life instanceof RequestLife) || life.isSettled) return
    // A socket that is upgraded lives for long and has no response: nothing may be held for it.
    if (request.raw.headers.upgrade !== undefined) life.held.close()
    holdResponse(reply.raw, {
      beforeHead: () => life.beforeHead(),
      beforeEnd: () => life.beforeEnd(),
      prepareHead: () => {
        const header = life.setCookie()
        if (header !== undefined) reply.raw.appendHeader('Set-Cookie', header)
      },
      failure: (error) => refuse(reply, error),
      onError: (error) => this.#log.error({ err: error }, 'held response could not be sent'),
    })
  }

  /** `fastify.decryptSession`: gives a session to any object, a Fastify request or not. */
  async decrypt(signedId: string, target: object, cookieOptions: CookieOptions): Promise<void> {
    const sent = this.#settings.sentCookies.parse(signedId)
    const held = await this.#plugin.keeper.open(sent.id, target)
    const configured = held.cookie ?? this.#settings.cookie
    const options = { ...configured, ...cookieOptions }
    const life = new RequestLife(this.#settings, target, sent, held, options)
    if (!(LIFE in target)) {
      Object.defineProperty(target, 'session', {
        configurable: true,
        enumerable: true,
        get: () => life.session,
        set: (session: unknown) => {
          life.session = session
        },
      })
    }
    attach(target, life)
  }

  #begin(request: FastifyRequest, reply: FastifyReply, sent: SentCookie, held: HeldSession): void {
    attach(request, new RequestLife(this.#settings, request, sent, held))
    if (held.mayHold) reply.raw.on('close', () => held.close())
  }
}

function attach(request: object, life: RequestLife | Elsewhere): void {
  ;(request as LifeHolder)[LIFE] = life
}

/** Right before the head: the cookie, and for streams the hold of the end. */
function release(life: RequestLife, reply: FastifyReply, payload: unknown): void {
  const header = life.setCookie()
  if (header !== undefined) reply.header('set-cookie', header)
  if (typeof payload !== 'object' || payload === null || payload instanceof Uint8Array) return
  holdResponse(reply.raw, {
    beforeHead: () => undefined,
    beforeEnd: () => life.beforeEnd(),
    prepareHead: () => undefined,
    failure: () => reply.raw.destroy(),
    onError: (error) => reply.log.error({ err: error }, 'held response could not be ended'),
  })
}

/** Equal to the cookie's path, or below it at a `/`. */
function isBelow(url: string, cookiePath: string): boolean {
  if (cookiePath === '/') return true
  const query = url.indexOf('?')
  const path = query === -1 ? url : url.slice(0, query)
  if (!path.startsWith(cookiePath)) return false
  return (
    path.length === cookiePath.length || cookiePath.endsWith('/') || path[cookiePath.length] === '/'
  )
}

/** Tells the client when to come back, where the store is away. */
function retryable(error: Error, reply: FastifyReply): Error {
  if ('status' in error && error.status === 503) reply.header('retry-after', '1')
  return error
}

function refuse(reply: FastifyReply, error: unknown): void {
  const isAway = error instanceof Error && 'status' in error && error.status === 503
  reply.raw.statusCode = isAway ? 503 : 500
  reply.raw.setHeader('content-type', 'text/plain; charset=utf-8')
  reply.raw.setHeader('cache-control', 'no-store')
  if (isAway) reply.raw.setHeader('retry-after', '1')
  reply.raw.end(isAway ? 'session store is not available\n' : 'session cannot be stored\n')
}
