/*
 * Sessions of the plugin kept by a store of the application's own, with the methods `get`, `set`
 * and `destroy` that take a callback (express-session's and @fastify/session's form).
 *
 * Such a store knows no versions, so parallel requests overwrite each other as with
 * @fastify/session. What can be done without them is done: an unchanged session is touched where
 * the store has `touch`, and never written; an id that the store does not know is not accepted;
 * each call of the store is bounded.
 */
import { SessionGoneError, SessionStoreUnavailableError } from '../errors.ts'
import { type Shown, setOwn } from '../exchange/shown-attributes.ts'
import type {
  HeldSession,
  SessionKeeper,
  SessionRecord,
  SessionStoreMethods,
} from './held-session.ts'
import { type CookieOptions, SessionCookie } from './session-cookie.ts'

export interface StoreKeeperOptions {
  store: SessionStoreMethods
  cookie: CookieOptions
  makeId: (request: object) => string
  saveUninitialized: boolean
  rolling: boolean
  /** Longest wait for one answer of the store. */
  timeoutMs: number
}

export class StoreKeeper implements SessionKeeper {
  readonly store: SessionStoreMethods
  readonly #options: StoreKeeperOptions

  constructor(options: StoreKeeperOptions) {
    this.store = options.store
    this.#options = options
  }

  open(id: string | undefined, request: object): HeldSession | Promise<HeldSession> {
    if (id === undefined) return this.#fresh(request)
    return this.#load(id, request)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #fresh(request: object): StoredSession {
    return new StoredSession(this.#options, request, this.#options.makeId(request), undefined)
  }

  async #load(id: string, request: object): Promise<HeldSession> {
    const record = await loadRecord(this.#options, id)
    if (record === undefined) return this.#fresh(request)
    if (isExpired(record)) {
      await asked(this.#options, 'delete the session', (done) => this.store.destroy(id, done))
      return this.#fresh(request)
    }
    return new StoredSession(this.#options, request, id, record)
  }
}

class StoredSession implements HeldSession {
  readonly #options: StoreKeeperOptions
  readonly #request: object
  #id: string
  #attributes: Shown
  #cookie: CookieOptions | undefined
  /** The attributes as JSON when the application first saw them; undefined: it did not. */
  #before: string | undefined
  #isNew: boolean
  #isDestroyed = false
  #isStored = false

  constructor(
    options: StoreKeeperOptions,
    request: object,
    id: string,
    record: object | undefined,
  ) {
    this.#options = options
    this.#request = request
    this.#id = id
    this.#isNew = record === undefined
    this.#attributes = attributesOf(record)
    this.#cookie = record === undefined ? undefined : cookieOf(record, options.cookie)
  }

  readonly isDegraded: boolean = false
  readonly isDetached: boolean = false

  get id(): string {
    return this.#id
  }

  get isNew(): boolean {
    return this.#isNew
  }

  get attributes(): Shown {
    return this.#attributes
  }

  get cookie(): CookieOptions | undefined {
    return this.#cookie
  }

  get isCookieDue(): boolean {
    return this.#isStored
  }

  access(): void {
    this.#before ??= JSON.stringify(this.#attributes)
  }

  keepCookie(): void {
    // It is stored as part of the record.
  }

  admit(): void {
    // The store alone knows how many sessions there are.
  }

  isChanged(): boolean {
    return this.#before !== undefined && JSON.stringify(this.#attributes) !== this.#before
  }

  beforeHead(record: () => SessionRecord): Promise<void> | undefined {
    if (this.#isDestroyed) return undefined
    const { saveUninitialized, rolling, store } = this.#options
    if (this.isChanged() || (this.#isNew && saveUninitialized)) return this.save(record)
    if (this.#isNew || !rolling || this.#isStored) return undefined
    if (typeof store.touch !== 'function') return this.save(record)
    this.#isStored = true
    return this.#ask('renew the session', (done) => store.touch?.(this.#id, record(), done))
  }

  async beforeEnd(record: () => SessionRecord): Promise<void> {
    if (this.#isDestroyed || this.#isNew || !this.isChanged()) return
    await this.save(record).catch(() => undefined)
  }

  async save(record: () => SessionRecord): Promise<void> {
    const content = JSON.stringify(this.#attributes)
    await this.#ask('store the session', (done) =>
      this.#options.store.set(this.#id, record(), done),
    )
    this.#before = content
    this.#isNew = false
    this.#isStored = true
  }

  async reload(): Promise<void> {
    const record = await loadRecord(this.#options, this.#id)
    if (record === undefined) throw new SessionGoneError()
    this.#attributes = attributesOf(record)
    this.#before = JSON.stringify(this.#attributes)
  }

  update(): Promise<never> {
    const why = 'session.update needs memcachedNodes: a store of your own knows no versions'
    return Promise.reject(new TypeError(why))
  }

  async destroy(): Promise<void> {
    this.#isDestroyed = true
    await this.#ask('delete the session', (done) => this.#options.store.destroy(this.#id, done))
  }

  regenerate(keep: readonly string[]): Promise<void> {
    const old = this.#id
    const kept = Object.entries(this.#attributes).filter(([name]) => keep.includes(name))
    this.#id = this.#options.makeId(this.#request)
    this.#attributes = Object.fromEntries(kept)
    this.#before = '{}'
    this.#isNew = true
    this.#isStored = false
    return this.#ask('delete the session', (done) => this.#options.store.destroy(old, done))
  }

  get mayHold(): boolean {
    return false
  }

  close(): void {
    // Nothing is held.
  }

  #ask(operation: string, call: (done: (error?: unknown) => void) => void): Promise<void> {
    return asked(this.#options, operation, call)
  }
}

async function loadRecord(options: StoreKeeperOptions, id: string): Promise<object | undefined> {
  let found: object | null | undefined
  try {
    await asked(options, 'load the session', (done) => {
      options.store.get(id, (error, session) => {
        found = session
        done(error)
      })
    })
  } catch (error) {
    // Stores of files say a miss this way.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  return found ?? undefined
}

/** One call of the store; rejects with its error, or when it has not called back in time. */
function asked(
  { timeoutMs }: StoreKeeperOptions,
  operation: string,
  call: (done: (error?: unknown) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const why = new Error(`no answer within ${timeoutMs} ms`)
      reject(new SessionStoreUnavailableError(operation, why))
    }, timeoutMs)
    const done = (error?: unknown): void => {
      clearTimeout(timer)
      if (error === undefined || error === null) resolve()
      else reject(error)
    }
    try {
      call(done)
    } catch (error) {
      done(error)
    }
  })
}

const NOT_ATTRIBUTES = new Set(['cookie', 'sessionId', 'encryptedSessionId'])

function attributesOf(record: object | undefined): Shown {
  const attributes: Shown = {}
  for (const [name, value] of Object.entries(record ?? {})) {
    if (!NOT_ATTRIBUTES.has(name)) setOwn(attributes, name, value)
  }
  return attributes
}

function cookieOf(record: object, configured: CookieOptions): CookieOptions {
  const stored: unknown = Reflect.get(record, 'cookie')
  if (typeof stored !== 'object' || stored === null) return configured
  const json: unknown = stored instanceof SessionCookie ? stored.toJSON() : stored
  return Object.assign({}, configured, json)
}

function isExpired(record: object): boolean {
  const cookie: unknown = Reflect.get(record, 'cookie')
  if (typeof cookie !== 'object' || cookie === null) return false
  const expires: unknown = Reflect.get(cookie, 'expires')
  if (!(expires instanceof Date) && typeof expires !== 'string') return false
  return new Date(expires).getTime() <= Date.now()
}
