/*
 * Sessions of Koa that the cookie itself holds, as koa-session does without a store: base64 of
 * JSON, signed by `app.keys`, readable by the browser.
 */
import type { Shown } from '../exchange/shown-attributes.ts'
import type { Found, Keeping } from './context-session.ts'
import { expireCookie, readKey, writeCookie } from './cookie-writer.ts'
import type { ContextOptions, KoaContext } from './koa-options.ts'
import { asRecord, formRecord, parseRecord } from './record.ts'

export class CookieKeeping implements Keeping {
  readonly key: undefined = undefined
  readonly degraded: boolean = false
  readonly #context: KoaContext
  readonly #options: ContextOptions

  constructor(context: KoaContext, options: ContextOptions) {
    this.#context = context
    this.#options = options
  }

  async load(judge: (record: Shown | undefined) => boolean): Promise<Found | undefined> {
    return this.loadNow(judge)
  }

  /** Throws what `decode` throws, unless it is a SyntaxError. */
  loadNow(judge: (record: Shown | undefined) => boolean): Found | undefined {
    const text = readKey(this.#context, { ...this.#options, externalKey: undefined })
    if (!text) return undefined
    const record = this.#decode(text)
    if (record === BROKEN || !judge(record) || record === undefined) return undefined
    return parseRecord(record)
  }

  renew(): void {
    // The cookie has no key.
  }

  regenerate(): Promise<void> {
    return this.remove()
  }

  remove(): Promise<void> {
    expireCookie(this.#context, this.#options)
    return Promise.resolve()
  }

  save(session: Shown): Promise<void> {
    const { record } = formRecord(session, this.#options.maxAge)
    writeCookie(this.#context, this.#options, this.#options.encode(record))
    return Promise.resolve()
  }

  pass(): Promise<void> {
    return Promise.resolve()
  }

  update(): Promise<never> {
    return Promise.reject(new TypeError('session.update needs memcachedNodes'))
  }

  beforeEnd(): undefined {
    // The cookie has left with the head.
  }

  close(): void {
    // Nothing is held.
  }

  #decode(text: string): Shown | undefined {
    try {
      return asRecord(this.#options.decode(text))
    } catch (error) {
      if (error instanceof SyntaxError) return BROKEN
      // Cleared, so that the next request does not meet the same error.
      expireCookie(this.#context, this.#options)
      // Koa's error handler drops all headers but those of the error.
      const headers = { 'set-cookie': this.#context.response.get('set-cookie') }
      throw error instanceof Error ? Object.assign(error, { headers }) : error
    }
  }
}

const BROKEN: Shown = {}
