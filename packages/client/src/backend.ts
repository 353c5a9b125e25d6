/**
 * What stands behind the proxy's upstream connections: a bucket of a store cluster
 * (bucket-client.ts) or the embedded store (embedded-store.ts).
 */
import type { MemcachedRequest } from '@holdfast/protocol'
import type { ReplySlot, Upstream } from './operation.ts'

export interface Backend {
  /**
   * Takes a keyed request or flush_all. The request object may be reused after the call. The slot
   * is settled exactly once: by the backend, or by the upstream with `fail` at its deadline.
   */
  submit(request: MemcachedRequest, upstream: Upstream): ReplySlot
  /** Closes connections and files; what is outstanding fails. */
  stop(): Promise<void>
}
