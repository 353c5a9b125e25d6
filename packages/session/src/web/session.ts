/*
 * The session as Web-standard handlers (and plain node:http) see it: one object for the whole
 * request. It follows its exchange: after `regenerate` it is the new session, after `destroy` it is
 * empty and refuses to be written.
 *
 * Looking at an attribute is what marks the session as accessed; a request that does not look costs
 * no comparison at its end. Everything about storing is the SessionManager's.
 */
import type { ActiveSession } from '../active-session.ts'
import type { RegenerateOptions, SessionExchange } from '../exchange/session-exchange.ts'

/** Attributes of a session whose application declares none. */
export interface SessionAttributes {
  [name: string]: unknown
}

/** The session of one request. `A` are the application's attributes. */
export interface Session<A extends object = SessionAttributes> {
  readonly id: string
  /** No browser and no store knows this session yet. */
  readonly isNew: boolean
  /** True after `destroy`, until `regenerate`. */
  readonly isDestroyed: boolean
  /**
   * With `loadFailure: 'degrade'` and the store away: the session could not be loaded. It is empty,
   * and nothing that is put into it is stored.
   */
  readonly degraded: boolean
  /** All attributes as plain properties, to be read and changed; empty, frozen after `destroy`. */
  readonly attributes: Partial<A>
  /** Life of the cookie in milliseconds; null: until the browser closes. */
  maxAge: number | null
  get<K extends keyof A & string>(name: K): A[K] | undefined
  /** Throws TooManySessionsError, and Error after `destroy`. */
  set<K extends keyof A & string>(name: K, value: A[K]): void
  has(name: keyof A & string): boolean
  /** False: there was no such attribute. */
  delete(name: keyof A & string): boolean
  /** Removes all attributes; the session and its id stay. */
  clear(): void
  /** Sends the cookie again, so that its life starts anew. The session's does with each request. */
  touch(): void
  /** Stores now; resolves when the store has acknowledged it. */
  save(): Promise<void>
  /**
   * Changes the session so that no parallel change is lost, in the store at once: `change` gets a
   * copy of the attributes, changes it in place, and runs again when another request was faster.
   * Resolves to what it returned. Rejects with SessionGoneError and SessionConflictError.
   */
  update<T>(change: (attributes: Partial<A>) => T | Promise<T>): Promise<T>
  /** Brings the attributes to their stored state; rejects with SessionGoneError. */
  reload(): Promise<void>
  /** Ends the session; resolves when the store has deleted it. */
  destroy(): Promise<void>
  /** Puts a session with a new id in the place of this one; `keep` names what it keeps. */
  regenerate(options?: RegenerateOptions): Promise<void>
}

const NO_ATTRIBUTES: object = Object.freeze({})

/** What the exchange keeps as the view of a session: its attributes. */
export function attributesView({ manager }: SessionExchange, active: ActiveSession): object {
  const { attributes } = active
  const admitted = !active.isNew || active.detached || Object.keys(attributes).length > 0
  if (admitted || manager.settings.maxActiveSessions < 0) return attributes
  return new Proxy(attributes, {
    // A plain assignment ends here as well.
    defineProperty: (target, name, descriptor) => {
      if (Object.keys(target).length === 0) manager.admit()
      return Reflect.defineProperty(target, name, descriptor)
    },
  })
}

/** A session over an exchange that was opened with `attributesView`. */
export class ExchangeSession<A extends object> implements Session<A> {
  readonly #exchange: SessionExchange

  constructor(exchange: SessionExchange) {
    this.#exchange = exchange
  }

  get id(): string {
    return this.#exchange.id
  }

  get isNew(): boolean {
    return this.#exchange.active.isNew
  }

  get isDestroyed(): boolean {
    return this.#exchange.active.destroyed
  }

  get degraded(): boolean {
    return this.#exchange.active.degraded === true
  }

  get attributes(): Partial<A> {
    // The application says what its attributes are; nothing here can check it.
    return (this.#exchange.session ?? NO_ATTRIBUTES) as Partial<A>
  }

  get maxAge(): number | null {
    return this.#exchange.cookieMaxAgeMs
  }

  set maxAge(maxAgeMs: number | null) {
    if (maxAgeMs !== null && !(Number.isFinite(maxAgeMs) && maxAgeMs > 0)) {
      throw new TypeError('maxAge must be a positive number of milliseconds or null')
    }
    const { active, manager } = this.#exchange
    active.accessed = true
    if (maxAgeMs === manager.settings.cookie.maxAgeMs) delete active.cookie.maxAgeMs
    else active.cookie.maxAgeMs = maxAgeMs
  }

  get<K extends keyof A & string>(name: K): A[K] | undefined {
    const { attributes } = this
    return Object.hasOwn(attributes, name) ? attributes[name] : undefined
  }

  set<K extends keyof A & string>(name: K, value: A[K]): void {
    this.#writable[name] = value
  }

  has(name: keyof A & string): boolean {
    return Object.hasOwn(this.attributes, name)
  }

  delete(name: keyof A & string): boolean {
    return this.has(name) && Reflect.deleteProperty(this.attributes, name)
  }

  clear(): void {
    const { attributes } = this
    for (const name of Object.keys(attributes)) Reflect.deleteProperty(attributes, name)
  }

  touch(): void {
    this.#exchange.active.cookieDue = true
  }

  save(): Promise<void> {
    return this.#exchange.save()
  }

  update<T>(change: (attributes: Partial<A>) => T | Promise<T>): Promise<T> {
    return this.#exchange.update((attributes) => change(attributes as Partial<A>))
  }

  reload(): Promise<void> {
    return this.#exchange.reload()
  }

  destroy(): Promise<void> {
    return this.#exchange.destroy()
  }

  regenerate(options?: RegenerateOptions): Promise<void> {
    return this.#exchange.regenerate(options)
  }

  get #writable(): Partial<A> {
    if (this.isDestroyed) throw new Error('the session is destroyed: regenerate() begins another')
    return this.attributes
  }
}
