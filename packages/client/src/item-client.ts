/*
 * What somebody who keeps items in a store needs of it, whether it is one memcached server
 * (MemcachedClient) or all of a bucket or Valkey (BackendItems).
 */
import type {
  MemcachedCallOptions,
  MemcachedCasItem,
  MemcachedStoreOptions,
  MemcachedWritten,
} from './memcached-client.ts'

export interface ItemClient {
  /** Since when the store has said nothing, on the clock of `performance.now()`. */
  readonly downSinceMs: number | undefined
  gets(key: string, options?: MemcachedCallOptions): Promise<MemcachedCasItem | undefined>
  /** Reads and sets a new time to live. */
  gats(
    key: string,
    ttlSeconds: number,
    options?: MemcachedCallOptions,
  ): Promise<MemcachedCasItem | undefined>
  set(key: string, value: Buffer, options?: MemcachedStoreOptions): Promise<MemcachedWritten>
  add(key: string, value: Buffer, options?: MemcachedStoreOptions): Promise<MemcachedWritten>
  cas(
    key: string,
    value: Buffer,
    cas: string,
    options?: MemcachedStoreOptions,
  ): Promise<MemcachedWritten>
  /** False: there is no such key. */
  touch(key: string, ttlSeconds: number, options?: MemcachedCallOptions): Promise<boolean>
  /** False: there was no such key. */
  delete(key: string, options?: MemcachedCallOptions): Promise<boolean>
  close(): Promise<void>
}
