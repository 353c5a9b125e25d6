/*
 * One request over an express-session store, from its cookie to the end of its response.
 *
 * It owns what express-session's rules need to know of a request: the id the browser sent, the
 * session as it was at first and as it was last given to the store. It decides at the first byte of
 * the response whether to save, touch or destroy and whether to set the cookie, and again, for
 * saving alone, at the end of a streamed one.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { serializeCookie } from '../cookie.ts'
import type { CookieSigner } from '../cookie-signer.ts'
import { SessionStoreUnavailableError } from '../errors.ts'
import { type HoldQuestions, holdResponse } from '../exchange/response-hold.ts'
import { answerFailure, type Next } from './failure.ts'
import { isSecureRequest } from './request-facts.ts'
import { attributesOf, Cookie } from './session-cookie.ts'
import {
  inflateSession,
  RECORD,
  type RequestRecord,
  Session,
  type SessionRequest,
} from './session-object.ts'
import type { StoreCallback, StoredRecord } from './store-like.ts'
import type { StoreSettings } from './store-options.ts'

export type HttpSessionRequest = IncomingMessage & SessionRequest

export class StoreRequest implements HoldQuestions, RequestRecord {
  readonly #settings: StoreSettings
  readonly #signer: CookieSigner
  readonly #request: HttpSessionRequest
  readonly #response: ServerResponse
  #next: Next | undefined
  /** The id the browser sent. */
  #sentId: string | undefined
  #firstId: string | undefined
  #firstContent: string | undefined
  /** As last given to the store; undefined: not known to be there as it is. */
  #savedContent: string | undefined
  #savedId: string | undefined
  #hadSession = false
  #touched = false
  #cookieHeader: string | undefined

  constructor(
    settings: StoreSettings,
    signer: CookieSigner,
    request: HttpSessionRequest,
    response: ServerResponse,
  ) {
    this.#settings = settings
    this.#signer = signer
    this.#request = request
    this.#response = response
  }

  /** Calls `next` when the request has its session, or with the error that kept it from it. */
  begin(idsSent: readonly string[], next: Next): void {
    this.#next = next
    this.#sentId = idsSent[0]
    const request = this.#request
    request.sessionStore = this.#settings.store
    request.sessionID = this.#sentId
    request[RECORD] = this
    holdResponse(this.#response, this)
    this.#load(idsSent, 0)
  }

  /** Gives the request a new session. */
  generate(): void {
    const settings = this.#settings
    const request = this.#request
    const session = generateSession(request, settings)
    const option = settings.cookieFor(request)
    if (option.secure === 'auto' || option.sameSite === 'auto') {
      const secure = isSecureRequest(request, settings.trustProxy)
      if (option.secure === 'auto') session.cookie.secure = secure
      if (option.sameSite === 'auto') session.cookie.sameSite = secure ? 'none' : 'lax'
    }
  }

  saved(session: Session): void {
    this.#savedContent = contentOf(session)
    this.#savedId = session.id
  }

  beforeHead(): Promise<void> | undefined {
    try {
      const session = this.#session
      if (session === undefined) return this.#unset()
      const content = contentOf(session)
      if (this.#isCookieDue(session, content)) this.#cookieHeader = this.#setCookie(session)
      this.#touch(session)
      if (this.#isSaveDue(session, content)) return this.#save(session)
      return this.#isTouchDue ? this.#touchStored(session) : undefined
    } catch (error) {
      return Promise.reject(error)
    }
  }

  beforeEnd(): Promise<void> | undefined {
    let storing: Promise<void> | undefined
    try {
      const session = this.#session
      if (session === undefined) storing = this.#unset()
      else if (this.#isSaveDue(session, contentOf(session))) storing = this.#save(session)
    } catch (error) {
      storing = Promise.reject(error)
    }
    // The head has left: the application is told, and the response ends.
    return storing?.catch((error: unknown) => {
      setImmediate(() => this.#next?.(error))
    })
  }

  prepareHead(): void {
    if (this.#cookieHeader !== undefined) {
      this.#response.appendHeader('Set-Cookie', this.#cookieHeader)
    }
  }

  failure(error: unknown, ended: boolean): void {
    answerFailure(this.#response, error, ended ? this.#next : undefined)
  }

  onError(error: unknown): void {
    setImmediate(() => this.#next?.(error))
  }

  get #session(): Session | undefined {
    const session: unknown = this.#request.session
    return session ? (session as Session) : undefined
  }

  #load(ids: readonly string[], at: number): void {
    const id = ids[at]
    if (id === undefined) {
      this.#start(() => this.#begun(this.#generated()))
      return
    }
    const { store, loadTimeoutMs } = this.#settings
    const once = within(loadTimeoutMs, 'load the session', (error, record) => {
      const missing = error ? Reflect.get(Object(error), 'code') === 'ENOENT' : !record
      if (error && !missing) this.#next?.(error)
      else if (missing) this.#load(ids, at + 1)
      else this.#start(() => this.#inflate(id, record as StoredRecord))
    })
    store.get(id, once)
  }

  /** What fails here is the application's to hear; what `next` throws is not ours. */
  #start(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#next?.(error)
      return
    }
    this.#next?.()
  }

  #generated(): Session {
    this.generate()
    return this.#request.session as Session
  }

  #inflate(id: string, record: StoredRecord): void {
    this.#sentId = id
    this.#request.sessionID = id
    const { createSession } = this.#settings
    const session = createSession?.(this.#request, record) ?? inflateSession(this.#request, record)
    this.#begun(session)
    if (this.#settings.resave) return
    this.#savedContent = this.#firstContent
    this.#savedId = id
  }

  #begun(session: Session): void {
    this.#hadSession = true
    this.#firstId = this.#request.sessionID
    this.#firstContent = contentOf(session)
  }

  /** The request's session was taken away: by option `unset` that ends it. */
  #unset(): Promise<void> | undefined {
    const id = this.#request.sessionID
    const isOver = !this.#settings.unsetDestroys || !this.#hadSession || typeof id !== 'string'
    if (isOver) return undefined
    this.#hadSession = false
    return this.#bounded('destroy the session', (done) => {
      this.#settings.store.destroy(id, done)
    })
  }

  #touch(session: Session): void {
    if (this.#touched) return
    this.#touched = true
    session.touch()
  }

  #save(session: Session): Promise<void> {
    return this.#bounded('store the session', (done) => {
      void session.save(done)
    })
  }

  #touchStored(session: Session): Promise<void> {
    return this.#bounded('renew the session', (done) => {
      this.#settings.store.touch?.(session.id, session, done)
    })
  }

  #isModified(session: Session, content: string): boolean {
    return this.#firstId !== session.id || this.#firstContent !== content
  }

  #isSaveDue(session: Session, content: string): boolean {
    const { sessionID } = this.#request
    if (typeof sessionID !== 'string') return false
    const isUnknown = this.#savedContent === undefined && this.#sentId !== sessionID
    if (isUnknown && !this.#settings.saveUninitialized) return this.#isModified(session, content)
    return this.#savedId !== session.id || this.#savedContent !== content
  }

  get #isTouchDue(): boolean {
    const { store } = this.#settings
    return typeof store.touch === 'function' && this.#sentId === this.#request.sessionID
  }

  #isCookieDue(session: Session, content: string): boolean {
    const { rolling, saveUninitialized } = this.#settings
    const { sessionID } = this.#request
    if (typeof sessionID !== 'string') return false
    if (this.#sentId !== sessionID) return saveUninitialized || this.#isModified(session, content)
    return rolling || (session.cookie.expires != null && this.#isModified(session, content))
  }

  /** Throws TypeError for attributes that cannot be written. */
  #setCookie(session: Session): string | undefined {
    const { cookieName, trustProxy } = this.#settings
    if (session.cookie.secure && !isSecureRequest(this.#request, trustProxy)) return undefined
    this.#touch(session)
    const nowMs = Date.now()
    const value = this.#signer.sign(String(this.#request.sessionID))
    return serializeCookie(cookieName, value, attributesOf(session.cookie, nowMs), nowMs)
  }

  #bounded(operation: string, work: (done: StoreCallback) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      work(
        within(this.#settings.saveTimeoutMs, operation, (error) => {
          if (error) reject(error)
          else resolve()
        }),
      )
    })
  }
}

/** A new session for the request. */
export function generateSession(request: HttpSessionRequest, settings: StoreSettings): Session {
  request.sessionID = settings.genid(request) as string
  const session = new Session(request)
  session.cookie = new Cookie(settings.cookieFor(request))
  request.session = session
  return session
}

/** What is compared to find a change: everything but the cookie. */
function contentOf(session: Session): string {
  const { cookie: _cookie, ...attributes } = session
  return JSON.stringify(attributes)
}

/** Calls back once: with what the store says, or with an error when it says nothing in time. */
function within(
  timeoutMs: number,
  operation: string,
  callback: (error?: unknown, record?: unknown) => void,
): (error?: unknown, record?: unknown) => void {
  let answered = false
  const answer = (error?: unknown, record?: unknown): void => {
    if (answered) return
    answered = true
    clearTimeout(timer)
    callback(error, record)
  }
  const timer = setTimeout(() => {
    const why = new Error(`no answer within ${timeoutMs} ms`)
    answer(new SessionStoreUnavailableError(operation, why))
  }, timeoutMs)
  return answer
}
