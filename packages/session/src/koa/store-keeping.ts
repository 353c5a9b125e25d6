/*
 * Sessions of Koa kept by a store of the application's own (`store` or `ContextStore`), as with
 * koa-session: no versions, so parallel requests overwrite each other.
 */
import type { Shown } from '../exchange/shown-attributes.ts'
import type { Found, Keeping, SaveReason } from './context-session.ts'
import { expireCookie, readKey, writeKey } from './cookie-writer.ts'
import type { ContextOptions, KoaContext, KoaStore } from './koa-options.ts'
import { asRecord, formRecord, parseRecord } from './record.ts'

/** The store keeps a session longer than the cookie, so that it is not gone before. */
const STORE_LIFE_EXTRA_MS = 10_000

export class StoreKeeping implements Keeping {
  readonly degraded: boolean = false
  readonly #context: KoaContext
  readonly #options: ContextOptions
  readonly #store: KoaStore
  #key: string | undefined

  constructor(context: KoaContext, options: ContextOptions, store: KoaStore) {
    this.#context = context
    this.#options = options
    this.#store = store
  }

  get key(): string | undefined {
    return this.#key
  }

  async load(
    judge: (record: Shown | undefined, key?: string) => boolean,
  ): Promise<Found | undefined> {
    const key = readKey(this.#context, this.#options)
    if (!key) return undefined
    const { maxAge, rolling = false } = this.#options
    const found = asRecord(await this.#store.get(key, maxAge, { ctx: this.#context, rolling }))
    if (!judge(found, key) || found === undefined) return undefined
    this.#key = key
    return parseRecord(found)
  }

  renew(): void {
    this.#key = this.#options.genid(this.#context)
  }

  async regenerate(): Promise<void> {
    await this.remove()
    this.renew()
  }

  async remove(): Promise<void> {
    if (this.#key !== undefined) await this.#store.destroy(this.#key, { ctx: this.#context })
    expireCookie(this.#context, this.#options)
  }

  async save(session: Shown, reason: SaveReason): Promise<void> {
    const key = this.#key ?? this.#options.genid(this.#context)
    const { record, lifeMs } = formRecord(session, this.#options.maxAge)
    const storeLifeMs = lifeMs === 'session' ? lifeMs : lifeMs + STORE_LIFE_EXTRA_MS
    const { rolling = false } = this.#options
    const about = { changed: reason === 'changed', ctx: this.#context, rolling }
    await this.#store.set(key, record, storeLifeMs, about)
    writeKey(this.#context, this.#options, key)
  }

  pass(): Promise<void> {
    return Promise.resolve()
  }

  update(): Promise<never> {
    return Promise.reject(new TypeError('session.update needs memcachedNodes'))
  }

  beforeEnd(): undefined {
    // A store without versions would be overwritten after others have seen the response.
  }

  close(): void {
    // Nothing is held.
  }
}
