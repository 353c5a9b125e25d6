/*
 * Items in somebody's own Valkey or Redis, a cluster or a single server, without a proxy between.
 */
import { BackendItems, type BackendItemsOptions } from './backend-items.ts'
import { BUCKET_CONNECT_TIMEOUT_MS } from './bucket-items.ts'
import type { MemcachedCredentials } from './memcached-command.ts'
import type { ClientLog } from './shard.ts'
import { Turn } from './turn.ts'
import { ValkeyBackend } from './valkey-backend.ts'
import { parseValkeyUrl } from './valkey-url.ts'

export interface ValkeyItemsOptions extends Omit<BackendItemsOptions, 'address' | 'open'> {
  /** See valkey-url.ts. */
  url: string
  /** In place of those in the URL. */
  credentials?: MemcachedCredentials | undefined
  log?: ClientLog | undefined
}

/** The items of a Valkey or Redis. Throws when the URL is bad; the message shows no password. */
export function openValkeyItems(options: ValkeyItemsOptions): BackendItems {
  const { url, credentials, log } = options
  const open = (): ValkeyBackend =>
    new ValkeyBackend({
      turn: new Turn(),
      url,
      credentials,
      connectTimeoutMs: BUCKET_CONNECT_TIMEOUT_MS,
      ...(log && { log }),
    })
  return new BackendItems({ ...options, address: parseValkeyUrl(url).addresses.join(), open })
}
