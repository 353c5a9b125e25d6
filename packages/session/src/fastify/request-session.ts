/*
 * `request.session`, with @fastify/session's methods. Attributes are own enumerable properties
 * beside `cookie`, so `session.user = 'ann'`, `Object.keys`, spread and JSON work on plain
 * properties; `RequestLife` brings them from and to what is stored.
 */
import { settled } from '../exchange/settled.ts'
import { type Shown, setOwn, showAttributes, takeAttributes } from '../exchange/shown-attributes.ts'
import type { SessionUpdate } from '../users/atomic-update.ts'
import type { RequestLife } from './request-life.ts'
import { type CookieOptions, SessionCookie } from './session-cookie.ts'

export type SessionCallback = (error?: unknown) => void

export class Session {
  cookie: SessionCookie
  #life: RequestLife
  #cookieOptions: CookieOptions
  /** The own properties as last shown or taken: others may change the attributes meanwhile. */
  #shown: Shown = {}
  #isSaved = false
  #isAdmitted: boolean

  constructor(life: RequestLife, cookieOptions: CookieOptions) {
    this.#life = life
    this.#cookieOptions = cookieOptions
    this.cookie = new SessionCookie(cookieOptions, life)
    this.#isAdmitted = !life.held.isNew
    this.show()
  }

  get sessionId(): string {
    return this.#life.held.id
  }

  /** The signed id, without `cookiePrefix`. */
  get encryptedSessionId(): string {
    return this.#life.signedId
  }

  /** The store was away: this session is empty, and what is put into it is not kept. */
  get degraded(): boolean {
    return this.#life.held.isDegraded
  }

  get(name: string): unknown {
    return Reflect.get(this, name)
  }

  set(name: string, value: unknown): void {
    setOwn(this, name, value)
  }

  /** Moves the end of the cookie's life on. */
  touch(): void {
    this.cookie.renew()
  }

  /** Cookie attributes of this session; `maxAge` in milliseconds. */
  options(options: CookieOptions): void {
    if (Object.keys(options).length === 0) return
    this.#cookieOptions = { ...this.#cookieOptions, ...options }
    this.cookie = new SessionCookie(this.#cookieOptions, this.#life)
  }

  /** A fresh id; attributes named in `keys` are kept. */
  regenerate(callback: SessionCallback): undefined
  regenerate(keys: readonly string[] | undefined, callback: SessionCallback): undefined
  regenerate(keys?: readonly string[]): Promise<void>
  regenerate(
    keys?: readonly string[] | SessionCallback,
    callback?: SessionCallback,
  ): Promise<void> | undefined {
    if (typeof keys === 'function')
      return settled(this.#life.regenerate([], this.#cookieOptions), keys)
    const keep = Array.isArray(keys) ? keys : []
    return settled(this.#life.regenerate(keep, this.#cookieOptions), callback)
  }

  /** Ends the session; the request has none from now on. */
  destroy(callback: SessionCallback): undefined
  destroy(): Promise<void>
  destroy(callback?: SessionCallback): Promise<void> | undefined {
    return settled(this.#life.destroy(), callback)
  }

  /** Brings the session to its stored state. */
  reload(callback: SessionCallback): undefined
  reload(): Promise<void>
  reload(callback?: SessionCallback): Promise<void> | undefined {
    return settled(this.#reload(), callback)
  }

  /** Stores now. */
  save(callback: SessionCallback): undefined
  save(): Promise<void>
  save(callback?: SessionCallback): Promise<void> | undefined {
    return settled(this.#save(), callback)
  }

  /**
   * Changes the session so that no parallel change is lost: `change` gets a copy of the attributes,
   * changes it in place, and runs again when another request was faster.
   */
  async update<T>(change: SessionUpdate<T>): Promise<T> {
    this.take()
    const result = await this.#life.held.update(change)
    this.take()
    this.show()
    return result
  }

  /** Differs from what is stored. */
  isModified(): boolean {
    this.take()
    return this.#life.held.isChanged()
  }

  /** Was stored by `save()` in this request. */
  isSaved(): boolean {
    return this.#isSaved
  }

  /** For the plugin: brings what the application changed to where it is stored from. */
  take(): void {
    const { held } = this.#life
    if (!this.#isAdmitted && Object.keys(this).length > 1) {
      held.admit()
      this.#isAdmitted = true
    }
    takeAttributes(this, held.attributes, this.#shown, isReserved)
    this.#shown = copyOf(this)
    held.keepCookie(this.cookie)
  }

  /** For the plugin: shows the attributes as they are now. */
  show(): void {
    showAttributes(this, this.#life.held.attributes, isReserved)
    this.#shown = copyOf(this)
  }

  async #save(): Promise<void> {
    this.take()
    await this.#life.held.save(() => this)
    this.#isSaved = true
  }

  async #reload(): Promise<void> {
    await this.#life.held.reload()
    this.show()
  }
}

function copyOf(view: object): Shown {
  return { ...view }
}

function isReserved(name: string): boolean {
  return name === 'cookie'
}
