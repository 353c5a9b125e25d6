/**
 * What the requests of one connection come to. The connection (upstream-connection.ts) owns the
 * socket, the order of replies and the bounds; a conversation owns who is logged in and answers
 * each request with a slot: an operation handed to a backend, or a reply of its own. There is one
 * for memcached's protocols and one for vBucket ports (vbucket-port/).
 */
import type { ReplySlot, Upstream } from '@holdfast/client'
import type { ByteWriter, MemcachedRequest } from '@holdfast/protocol'
import type { Bucket } from './bucket.ts'
import type { Statistics } from './statistics.ts'

/** The connection, as its conversation sees it. */
export interface ConversationOwner extends Upstream {
  /** Where it comes from; empty for a unix socket. */
  readonly remoteAddress: string
  /** Counts the connection from here on. */
  readonly statistics: Statistics
  countFor(statistics: Statistics): void
  /** Writes something that nobody asked for; false, and not, while too much is not taken. */
  tell(write: (writer: ByteWriter) => void): boolean
}

export interface Conversation {
  /** The bucket that requests are for. */
  readonly bucket: Bucket | undefined
  /** The connection ends behind the last reply. */
  readonly ending: boolean
  /** Answers a request with a slot that stands in no queue yet. */
  take(request: MemcachedRequest, deadlineMs: number): ReplySlot
  /** Periodic, while the connection is open. */
  sweep(): void
}
