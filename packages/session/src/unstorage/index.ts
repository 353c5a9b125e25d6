/*
 * A driver for unstorage over the nodes of a session store: server-side sessions of Nitro, Nuxt,
 * h3 and Astro, or anything else that has an unstorage mount.
 *
 * It stores what it is given under the key it is given: each write replaces the whole item, without
 * locks and without merging. memcached cannot list its keys, so `getKeys` and `clear` throw.
 */
import { TextStore, type TextStoreOptions } from '../text-store/text-store.ts'

export type { SessionLogger } from '../options.ts'
export type { TextStoreOptions } from '../text-store/text-store.ts'

/** `memcachedNodes` as for sessions, and `ttl` in seconds for items that name none. */
export interface HoldfastDriverOptions extends TextStoreOptions {
  /** Put before each key, as `base` of other drivers. */
  base?: string | undefined
}

/** What can be said of one call: `ttl`, in seconds; 0: for ever. */
export interface HoldfastItemOptions {
  ttl?: number | undefined
  [name: string]: unknown
}

/** unstorage's `Driver`, by structure. */
export interface HoldfastDriver {
  name: string
  flags: { ttl: boolean }
  options: HoldfastDriverOptions
  hasItem(key: string): Promise<boolean>
  getItem(key: string): Promise<string | null>
  setItem(key: string, value: string, options?: HoldfastItemOptions): Promise<void>
  removeItem(key: string): Promise<void>
  /** Throws: memcached cannot list its keys. */
  getKeys(): never
  /** Throws: memcached cannot list its keys. */
  clear(): never
  dispose(): Promise<void>
}

/** The keys of a memcached cannot be listed. */
export class KeysNotListableError extends Error {
  readonly code = 'HOLDFAST_KEYS_NOT_LISTABLE'
  constructor(call: string) {
    super(
      `${call} is not possible: memcached cannot list its keys; keep a list of your own under a ` +
        'known key, or give the items a ttl',
    )
    this.name = 'KeysNotListableError'
  }
}

/**
 * Makes the driver. Throws TypeError for options that are wrong.
 *
 * @example
 * const storage = createStorage({
 *   driver: holdfastDriver({ memcachedNodes: 'localhost:11311', base: 'sessions', ttl: 1800 }),
 * })
 */
export function holdfastDriver(options: HoldfastDriverOptions): HoldfastDriver {
  const { base = '', ...storeOptions } = options
  const store = new TextStore(storeOptions)
  const prefix = base === '' || base.endsWith(':') ? base : `${base}:`
  return {
    name: 'holdfast',
    flags: { ttl: true },
    options,
    hasItem: async (key) => (await store.get(prefix + key)) !== undefined,
    getItem: async (key) => (await store.get(prefix + key)) ?? null,
    setItem: (key, value, itemOptions) => store.set(prefix + key, value, itemOptions?.ttl),
    removeItem: async (key) => {
      await store.delete(prefix + key)
    },
    getKeys: () => {
      throw new KeysNotListableError('getKeys')
    },
    clear: () => {
      throw new KeysNotListableError('clear')
    },
    dispose: () => store.close(),
  }
}

export default holdfastDriver
