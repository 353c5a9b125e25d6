/**
 * The listener, as its connections see it: what they share, whom they ask, and by which bounds they
 * live.
 */
import type { Turn } from '@holdfast/client'
import type { ByteWriter } from '@holdfast/protocol'
import type { Conversation, ConversationOwner } from './conversation.ts'
import type { LocalSource } from './local-replies.ts'
import type { LoginDesk } from './login-conversation.ts'
import type { RequestParsers } from './request-parsers.ts'
import type { SlowLog } from './slow-log.ts'
import type { Statistics } from './statistics.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

export interface UpstreamHost extends LocalSource, LoginDesk {
  readonly turn: Turn
  /** Shared by all connections: each takes out what it wrote before the next one writes. */
  readonly writer: ByteWriter
  readonly parsers: RequestParsers
  /** Counters of connections without a bucket. */
  readonly unbound: Statistics
  readonly slowLog: Pick<SlowLog, 'thresholdMs' | 'see'>
  /** What the requests of a connection come to. */
  converse(owner: ConversationOwner): Conversation
  /** The connection is closed and owes nothing any more. */
  upstreamGone(connection: UpstreamConnection): void
}
