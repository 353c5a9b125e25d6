/*
 * Secondary storage for better-auth: its sessions, verification values and rate limits, kept in the
 * store instead of its database.
 */
import { TextStore, type TextStoreOptions } from '../text-store/text-store.ts'

export type { SessionLogger } from '../options.ts'
export type { TextStoreOptions } from '../text-store/text-store.ts'

/** better-auth's `SecondaryStorage`, and how to end it. */
export interface SecondaryStorage {
  get(key: string): Promise<string | null>
  /** `ttlSeconds` absent: as the option `ttl` says. */
  set(key: string, value: string, ttlSeconds?: number): Promise<void>
  delete(key: string): Promise<void>
  /** Closes the connections. */
  close(): Promise<void>
}

/**
 * Makes the storage. Throws TypeError for options that are wrong.
 *
 * @example
 * betterAuth({ secondaryStorage: secondaryStorage({ memcachedNodes: 'localhost:11311' }) })
 */
export function secondaryStorage(options: TextStoreOptions): SecondaryStorage {
  const store = new TextStore(options)
  return {
    get: async (key) => (await store.get(PREFIX + key)) ?? null,
    set: (key, value, ttlSeconds) => store.set(PREFIX + key, value, ttlSeconds),
    delete: async (key) => {
      await store.delete(PREFIX + key)
    },
    close: () => store.close(),
  }
}

const PREFIX = 'ba:'
