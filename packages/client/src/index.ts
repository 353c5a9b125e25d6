// The public face of @holdfast/client: sockets between a proxy (or a library) and a store.

export { submitRequest } from './accept.ts'
export type { Backend, BackendReport, ServerReport } from './backend.ts'
export { BackendItems, type BackendItemsOptions } from './backend-items.ts'
export { NOT_SUPPORTED_LINE } from './binary-commands.ts'
export type { BinaryTarget } from './binary-connection.ts'
export { BinaryLink, type BinaryLinkOptions } from './binary-link.ts'
export { NOT_MY_VBUCKET_LINE } from './binary-replies.ts'
export { BucketClient, type BucketClientOptions } from './bucket-client.ts'
export { type BucketItemsOptions, openBucketBackend, openBucketItems } from './bucket-items.ts'
export {
  ConfigFollower,
  type ConfigFollowerOptions,
  redacted,
  type StreamEnd,
} from './config-follower.ts'
export { DELAYED_FLUSH_LINE, DelayedFlushes } from './delayed-flushes.ts'
export { EmbeddedStore, type EmbeddedStoreOptions } from './embedded-store.ts'
export { ENGINE_LIBRARY, type EngineLibrary } from './engine-functions.ts'
export { Fifo } from './fifo.ts'
export {
  type FollowingBackendOptions,
  loginOf,
  makeFollowingBackend,
  type StoreLogin,
} from './following-backend.ts'
export { answerWhenAll, Fork, type ForkWatcher } from './fork.ts'
export { Gather } from './gather.ts'
export type { ItemClient } from './item-client.ts'
export * from './login-keys.ts'
export * from './memcached-client.ts'
export { addressOf } from './memcached-connection.ts'
export {
  CONNECTIONS_PER_SERVER_MAX,
  MemcachedPool,
  type MemcachedPoolOptions,
  type PoolDistribution,
} from './memcached-pool.ts'
export { http } from './node-http.ts'
export {
  Operation,
  type ReplySlot,
  TIMEOUT_LINE,
  UPSTREAM_ORDER_SHARDS,
  type Upstream,
} from './operation.ts'
export { ItemMark, Outcome } from './outcome.ts'
export { type LookupAddresses, lookupAddresses } from './pool-address.ts'
export type { PoolCredentials } from './pool-connection.ts'
export { probeDelayMs } from './probe-delay.ts'
export { Retirement } from './retirement.ts'
export type { SaslCredentials } from './sasl-client.ts'
export type { ClientLog } from './shard.ts'
export {
  adoptSocket,
  type ByteSocket,
  type ByteSocketHandler,
  chooseSocketLayer,
  connectSocket,
  SOCKET_LAYERS,
  type SocketLayer,
} from './socket.ts'
export {
  type BackendMaker,
  type FollowingBackend,
  kindOf,
  SourceBackend,
  type SourceKind,
} from './source-backend.ts'
export { type Flushable, Turn } from './turn.ts'
export { ValkeyBackend, type ValkeyBackendOptions, type ValkeyCounters } from './valkey-backend.ts'
export { openValkeyItems, type ValkeyItemsOptions } from './valkey-items.ts'
export { isValkeyUrl, parseValkeyUrl, type ValkeyTarget } from './valkey-url.ts'
export {
  NO_ACTIVE_LINE,
  VBucketBackend,
  type VBucketBackendOptions,
  type VBucketCounters,
} from './vbucket-backend.ts'
export * from './wrong-logins.ts'
