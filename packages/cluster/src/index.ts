/** The public face of @holdfast/cluster: a store node, its options, its REST routes. */
export {
  endFrame,
  itemFrame,
  SHARD_MEDIA_TYPE,
  ShardFrameError,
  ShardFrameReader,
  type ShardItem,
} from './backup/shard-frames.ts'
export { DocumentFileError } from './document/document-file.ts'
export { EngineNotFoundError, findEngine } from './engines/find-engine.ts'
export { StoreNode } from './node.ts'
export {
  NodeOptionError,
  type NodeOptionRow,
  type NodeOptions,
  nodeOptionTable,
  readNodeOptions,
} from './options.ts'
export { publicRoutes } from './rest/rest-server.ts'
export type {
  BucketAccess,
  ItemPage,
  ItemQuestion,
  OpenSessionBrowser,
  SessionBrowser,
  SessionPage,
  SessionQuestion,
  SessionRow,
  SessionSource,
  StoredItem,
} from './sessions/session-browser.ts'
