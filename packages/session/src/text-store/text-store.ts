/*
 * Texts under keys, on the nodes of a session store: what the bindings share whose frameworks keep
 * their sessions themselves and only want a place for them (unstorage, React Router, better-auth).
 *
 * A key goes to the node that its hash chooses. A key that memcached could not take (longer than
 * it allows, or with blanks) is kept under its SHA-256 hash.
 */
import { createHash } from 'node:crypto'
import { SessionConflictError } from '../errors.ts'
import type { SessionOptions } from '../options.ts'
import { parseSessionOptions } from '../options.ts'
import { type NodeHealth, SessionStore } from '../store/session-store.ts'

/** The options of the session manager that say where things are stored, and how long they live. */
export interface TextStoreOptions
  extends Pick<
    SessionOptions,
    | 'memcachedNodes'
    | 'failoverNodes'
    | 'memcachedProtocol'
    | 'username'
    | 'password'
    | 'operationTimeout'
    | 'storeWait'
    | 'storageKeyPrefix'
    | 'logger'
  > {
  /** Seconds that an item lives unless it says otherwise; absent: until it is removed. */
  ttl?: number | undefined
}

const KEY_CHARS_MAX = 200
const HASHED = 'sha256:'
const KEY_PATTERN = /^[\x21-\x7e]+$/
const REPLACE_ATTEMPTS_MAX = 8
const TTL_SECONDS_MAX = 10 * 365 * 86_400

export class TextStore {
  readonly #store: SessionStore
  readonly #keyPrefix: string
  readonly #ttlSeconds: number

  /** Throws TypeError for options that are wrong. */
  constructor(options: TextStoreOptions) {
    const { ttl, ...storeOptions } = options
    const settings = parseSessionOptions({ ...storeOptions, sticky: false, secret: 'unused' })
    this.#keyPrefix = settings.keyPrefix
    this.#ttlSeconds = seconds(ttl)
    this.#store = new SessionStore(settings)
  }

  async get(key: string): Promise<string | undefined> {
    const { node, stored } = this.#place(key)
    const item = await this.#store.keys.get(node, stored)
    return item?.value.toString()
  }

  /** `ttlSeconds` absent: as the options say. Rejects with TypeError when it is no such time. */
  async set(key: string, text: string, ttlSeconds?: number): Promise<void> {
    const ttl = ttlSeconds === undefined ? this.#ttlSeconds : seconds(ttlSeconds)
    const { node, stored } = this.#place(key)
    await this.#store.keys.set(node, stored, Buffer.from(text), ttl)
  }

  /**
   * Replaces a text by what `change` makes of it, undefined where there is none; `change` may
   * return undefined to leave it, and runs again when another writer was faster. Rejects with
   * SessionConflictError when that happens too often.
   */
  async replace(
    key: string,
    change: (text: string | undefined) => string | undefined,
    ttlSeconds?: number,
  ): Promise<void> {
    const ttl = ttlSeconds === undefined ? this.#ttlSeconds : seconds(ttlSeconds)
    const { node, stored } = this.#place(key)
    const { keys } = this.#store
    for (let attempt = 0; attempt < REPLACE_ATTEMPTS_MAX; attempt++) {
      const item = await keys.get(node, stored)
      const text = change(item?.value.toString())
      if (text === undefined) return
      const value = Buffer.from(text)
      const { outcome } =
        item?.cas === undefined
          ? await keys.add(node, stored, value, ttl)
          : await keys.cas(node, stored, value, { ttlSeconds: ttl, cas: item.cas })
      if (outcome === 'STORED') return
    }
    throw new SessionConflictError(REPLACE_ATTEMPTS_MAX)
  }

  /** False: there was no such key. */
  async delete(key: string): Promise<boolean> {
    const { node, stored } = this.#place(key)
    return this.#store.keys.delete(node, stored)
  }

  /** A real round trip to each node; never rejects. */
  health(): Promise<NodeHealth[]> {
    return this.#store.health()
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  #place(key: string): { node: ReturnType<SessionStore['keys']['nodeForText']>; stored: string } {
    const isUsable = key.length <= KEY_CHARS_MAX && KEY_PATTERN.test(key) && !key.startsWith(HASHED)
    const name = isUsable ? key : HASHED + createHash('sha256').update(key).digest('hex')
    return { node: this.#store.keys.nodeForText(name), stored: this.#keyPrefix + name }
  }
}

/** memcached counts whole seconds; 0: for ever. */
function seconds(value: unknown): number {
  if (value === undefined || value === 0) return 0
  if (typeof value === 'number' && value > 0 && value <= TTL_SECONDS_MAX) return Math.ceil(value)
  throw new TypeError(`ttl must be 0 to ${TTL_SECONDS_MAX} seconds`)
}
