/*
 * The middleware over an express-session store: express-session's rules of loading, saving,
 * touching and setting cookies, with the response held until the store has answered.
 *
 * A store of express-session has no versions, so parallel requests that change one session
 * overwrite each other here as they do there; only the Holdfast engine merges. What is different
 * on purpose is in docs/reference/express-session-differences.md.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { decodeCookieValue, rawCookies } from '../cookie.ts'
import { CookieSigner } from '../cookie-signer.ts'
import type { Next } from './failure.ts'
import { pathOf, urlOf } from './request-facts.ts'
import { RECORD, type SessionRequest } from './session-object.ts'
import { Store } from './store.ts'
import type { SessionStoreLike, StoreCallback } from './store-like.ts'
import { parseStoreOptions, type StoreSessionOptions, type StoreSettings } from './store-options.ts'
import { generateSession, type HttpSessionRequest, StoreRequest } from './store-request.ts'

type Middleware = (request: HttpSessionRequest, response: ServerResponse, next: Next) => void

export interface StoreMiddleware {
  middleware: Middleware
  /** False after the store said `disconnect`, until it says `connect`. */
  isReady: () => boolean
}

/** Throws TypeError. */
export function storeMiddleware(options: StoreSessionOptions): StoreMiddleware {
  const settings = parseStoreOptions(options)
  const { store } = settings
  let ready = true
  store.on?.('disconnect', () => {
    ready = false
  })
  store.on?.('connect', () => {
    ready = true
  })
  adopt(store, settings)
  const middleware: Middleware = (request, response, next) => {
    if (request.session || !ready || !isInPath(request, settings)) {
      next()
      return
    }
    const signer = settings.signer ?? signerOf(request)
    if (signer === undefined) {
      next(new Error('secret option required for sessions'))
      return
    }
    const life = new StoreRequest(settings, signer, request, response)
    life.begin(idsSent(request, settings.cookieName, signer), next)
  }
  return { middleware, isReady: () => ready }
}

/** Gives the store what express-session's middleware gives it: `generate`. */
function adopt(store: SessionStoreLike, settings: StoreSettings): void {
  // Two middlewares may share one store: the request knows whose it is.
  Reflect.set(store, 'generate', (request: HttpSessionRequest) => {
    const life = request[RECORD]
    if (life instanceof StoreRequest) life.generate()
    else generateSession(request, settings)
  })
  if (typeof Reflect.get(store, 'regenerate') === 'function') return
  // A store that is not built on Store: its sessions can be regenerated all the same.
  Reflect.set(store, 'regenerate', (request: SessionRequest, callback: StoreCallback) =>
    Store.prototype.regenerate.call(store as never, request, callback),
  )
}

function isInPath(request: IncomingMessage, settings: StoreSettings): boolean {
  return pathOf(urlOf(request)).startsWith(settings.cookieFor(request).path || '/')
}

const signers = new Map<string, CookieSigner>()
const SIGNERS_MAX = 16

/** cookie-parser leaves its secret on the request. */
function signerOf(request: IncomingMessage): CookieSigner | undefined {
  const { secret } = request as { secret?: unknown }
  if (typeof secret !== 'string' || secret === '') return undefined
  let signer = signers.get(secret)
  if (signer === undefined) {
    if (signers.size >= SIGNERS_MAX) signers.clear()
    signer = new CookieSigner([secret])
    signers.set(secret, signer)
  }
  return signer
}

/**
 * The ids of all cookies of the name that verify, in the order sent; without one, what
 * cookie-parser has found elsewhere.
 */
function idsSent(request: IncomingMessage, name: string, signer: CookieSigner): string[] {
  const ids: string[] = []
  for (const value of rawCookies(request.headers.cookie, name)) {
    const id = signer.verify(value)
    if (id !== undefined && !ids.includes(id)) ids.push(id)
  }
  if (ids.length > 0) return ids
  const { signedCookies, cookies } = request as {
    signedCookies?: Record<string, unknown>
    cookies?: Record<string, unknown>
  }
  const signed = signedCookies?.[name]
  if (typeof signed === 'string' && signed !== '') return [signed]
  const value = cookies?.[name]
  const id = typeof value === 'string' ? signer.verify(decodeCookieValue(value)) : undefined
  return id === undefined ? [] : [id]
}
