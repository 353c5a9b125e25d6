// The public face of @holdfast/client: sockets between a proxy (or a library) and a store.

export type { Backend } from './backend.ts'
export { BucketClient, type BucketClientOptions } from './bucket-client.ts'
export { ConfigFollower, type ConfigFollowerOptions, redacted } from './config-follower.ts'
export { EmbeddedStore, type EmbeddedStoreOptions } from './embedded-store.ts'
export { ENGINE_LIBRARY, type EngineLibrary } from './engine-functions.ts'
export { Fifo } from './fifo.ts'
export { Gather } from './gather.ts'
export * from './memcached-client.ts'
export {
  Operation,
  Outcome,
  type ReplySlot,
  TIMEOUT_LINE,
  UPSTREAM_ORDER_SHARDS,
  type Upstream,
} from './operation.ts'
export type { ClientLog, ShardCounters, ShardStatus } from './shard.ts'
export { adoptSocket, type ByteSocket, type ByteSocketHandler, connectSocket } from './socket.ts'
export { type Flushable, Turn } from './turn.ts'
