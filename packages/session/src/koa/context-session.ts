/*
 * What one request does with its session, whatever keeps it: koa-session's rules of when a session
 * is saved and when its cookie is set. Where it is kept is the keeping's: `store-keeping.ts`,
 * `cookie-keeping.ts` or `holdfast-keeping.ts`.
 */
import { type Shown, showAttributes } from '../exchange/shown-attributes.ts'
import type { SessionUpdate } from '../users/atomic-update.ts'
import { type ContextOptions, type KoaContext, MAX_AGE_MS_DEFAULT } from './koa-options.ts'
import {
  type CommitOptions,
  type LoadedSession,
  Session,
  type SessionOwner,
} from './koa-session.ts'

/** Why a session is saved. */
export type SaveReason = 'force' | 'changed' | 'rolling' | 'renew'

/** What is found where sessions are kept. */
export interface Found extends LoadedSession {
  /** Of this session alone, where it differs from the options. */
  maxAge?: number | 'session' | undefined
  /** As `valid` and the events see it. */
  record: Shown
}

/** What a request holds of the session, where it is kept. */
export interface Keeping {
  readonly key: string | undefined
  readonly degraded: boolean
  /** The session that the cookie names; undefined: there is none, or it is not to be used. */
  load(judge: (record: Shown | undefined, key?: string) => boolean): Promise<Found | undefined>
  /** The same where nothing has to be waited for. */
  loadNow?(judge: (record: Shown | undefined, key?: string) => boolean): Found | undefined
  /** A fresh session takes the place of whatever was found. */
  renew(): void
  /** The id changes and the content stays; the old one ends. */
  regenerate(): Promise<void>
  remove(): Promise<void>
  /** Stores the session and tells the browser; rejects when that failed. */
  save(session: Shown, reason: SaveReason): Promise<void>
  /** There is nothing to save: what has to be done nevertheless. */
  pass(session: Shown): Promise<void>
  /** Changes the stored session atomically; resolves to it as it is then, and to the result. */
  update<T>(session: Shown, change: SessionUpdate<T>): Promise<{ attributes: Shown; result: T }>
  /** What was changed while the response is being sent. Never rejects. */
  beforeEnd(session: Shown): Promise<void> | undefined
  /** The response is over, or the client gone. */
  close(): void
}

export class ContextSession implements SessionOwner {
  readonly opts: ContextOptions
  readonly #context: KoaContext
  readonly #keeping: Keeping
  /** Undefined: not asked for. False: set to null. */
  #session: Session | false | undefined
  /** The content as it was found; undefined: it is new. */
  #before: string | undefined

  constructor(
    context: KoaContext,
    options: ContextOptions,
    makeKeeping: (context: KoaContext, options: ContextOptions) => Keeping,
  ) {
    this.#context = context
    this.opts = { ...options }
    this.#keeping = makeKeeping(context, this.opts)
  }

  get maxAge(): number | 'session' | undefined {
    return this.opts.maxAge
  }

  set maxAge(value: number | 'session' | undefined) {
    this.opts.maxAge = value
  }

  get externalKey(): string | undefined {
    return this.#keeping.key
  }

  get degraded(): boolean {
    return this.#keeping.degraded
  }

  /** `ctx.session`. Before the middleware has asked a store for it: a fresh one. */
  get(): Session | null {
    if (this.#session === false) return null
    this.#session ??= this.#show(
      this.#keeping.loadNow?.((record, key) => this.#isValid(record, key)),
    )
    return this.#session
  }

  /** `ctx.session = value`. */
  set(value: unknown): void {
    if (value === null) {
      this.#session = false
    } else if (typeof value === 'object') {
      const attributes = Object.fromEntries(Object.entries(value))
      this.#session = new Session(this, { attributes })
    } else {
      throw new Error('this.session can only be set as null or an object.')
    }
  }

  async load(): Promise<void> {
    const found = await this.#keeping.load((record, key) => this.#isValid(record, key))
    this.#session = this.#show(found)
  }

  async commit({ save = false, regenerate = false }: CommitOptions = {}): Promise<void> {
    if (this.#session === undefined) return
    if (this.#session === false) {
      await this.#keeping.remove()
      return
    }
    if (regenerate) await this.#keeping.regenerate()
    const reason = save || regenerate || this.#session._requireSave ? 'force' : this.#reason()
    if (reason === undefined) {
      await this.#keeping.pass(this.#session.toJSON())
      return
    }
    const session = this.#session
    this.opts.beforeSave?.(this.#context, session)
    const saved = session.toJSON()
    const content = contentOf(saved)
    await this.#keeping.save(saved, reason)
    this.#before = content
    session._requireSave = false
  }

  async update<T>(session: Session, change: SessionUpdate<T>): Promise<T> {
    const { attributes, result } = await this.#keeping.update(session.toJSON(), change)
    showAttributes(session, attributes, isKoaOwn)
    this.#before = contentOf(session.toJSON())
    return result
  }

  beforeEnd(): Promise<void> | undefined {
    if (!(this.#session instanceof Session)) return undefined
    return this.#keeping.beforeEnd(this.#session.toJSON())
  }

  close(): void {
    this.#keeping.close()
  }

  #show(found: Found | undefined): Session {
    if (found === undefined) {
      this.#keeping.renew()
      return new Session(this, undefined)
    }
    if (found.maxAge !== undefined) this.opts.maxAge = found.maxAge
    const session = new Session(this, found)
    this.#before = contentOf(session.toJSON())
    return session
  }

  #reason(): SaveReason | undefined {
    const session = this.get()
    if (session === null) return undefined
    const attributes = session.toJSON()
    if (this.#before === undefined && Object.keys(attributes).length === 0) return undefined
    if (this.#before !== contentOf(attributes)) return 'changed'
    if (this.opts.rolling === true) return 'rolling'
    const { maxAge } = this.opts
    const { _expire } = session
    if (this.opts.renew !== true || _expire === undefined) return undefined
    const lifeMs = typeof maxAge === 'number' ? maxAge : MAX_AGE_MS_DEFAULT
    return _expire - Date.now() < lifeMs / 2 ? 'renew' : undefined
  }

  #isValid(record: Shown | undefined, key?: string): boolean {
    if (record === undefined) return this.#refuse('missed', record, key)
    const { _expire } = record
    if (typeof _expire === 'number' && _expire < Date.now()) {
      return this.#refuse('expired', record, key)
    }
    const { valid } = this.opts
    if (typeof valid === 'function' && !valid(this.#context, record)) {
      return this.#refuse('invalid', record, key)
    }
    return true
  }

  /** The application hears of it in a turn of its own. */
  #refuse(event: string, value: Shown | undefined, key: string | undefined): false {
    const ctx = this.#context
    setImmediate(() => ctx.app.emit(`session:${event}`, { key, value, ctx }))
    return false
  }
}

function isKoaOwn(name: string): boolean {
  return name === 'isNew' || name.startsWith('_')
}

/** For comparison only. A function in between makes it much slower, and hardly anyone needs it. */
function contentOf(attributes: Shown): string {
  try {
    return JSON.stringify(attributes)
  } catch {
    return contentWithBigInt(attributes)
  }
}

function contentWithBigInt(attributes: Shown): string {
  return JSON.stringify(attributes, (_name, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  )
}
