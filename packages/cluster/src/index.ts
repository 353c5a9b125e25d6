/** The public face of @holdfast/cluster: a store node, its options, its REST routes. */
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
