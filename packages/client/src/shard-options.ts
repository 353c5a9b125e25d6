/**
 * What shards are made with and report: settings that a bucket's shards have in common, counters,
 * bounds.
 */
import type { ConnectionOptions } from 'node:tls'
import type { CommandOptions } from './engine-commands.ts'
import type { EngineCredentials } from './engine-connection.ts'
import type { Operation, OperationAccountant } from './operation.ts'
import type { Turn } from './turn.ts'
import type { Fence } from './write-link.ts'

/** Most operations that one shard holds at a time. */
export const HELD_OPS_MAX = 100_000
/** Most bytes of operations that one shard holds at a time. */
export const HELD_BYTES_MAX: number = 64 * 1024 * 1024
/** Reply line of an operation beyond these bounds. */
export const QUEUE_FULL_LINE = 'SERVER_ERROR proxy hold queue full'

/** What the shards of a bucket have in common. */
export interface ShardSettings {
  /** `replicated` waits for replicas, `none` never does. */
  durability: 'replicated' | 'none'
  /** What becomes of writes to a shard that has lost its replicas. */
  degradedWrites: 'allow' | 'refuse'
  /** Reads may be answered by a replica while the primary is away. */
  replicaReads: boolean
  credentials: EngineCredentials | undefined
}

/** Counters of what happened, as they are reported. */
export interface ShardCounters {
  replays: number
  engine_connects: number
  short_waits: number
  /** Writes of our own that got an acknowledgement of a replica on its way. */
  wait_nudges: number
  hold_queue_refused: number
  /** Writes acknowledged without a replica in a replicated bucket. */
  degraded_writes: number
  /** Reads sent to a replica while the primary was away. */
  replica_reads: number
}

/** Counters at their start. */
export function createShardCounters(): ShardCounters {
  return {
    replays: 0,
    engine_connects: 0,
    short_waits: 0,
    wait_nudges: 0,
    hold_queue_refused: 0,
    degraded_writes: 0,
    replica_reads: 0,
  }
}

/** What a shard is made with. */
export interface ShardOptions {
  index: number
  turn: Turn
  commands: CommandOptions
  connectTimeoutMs: number
  counters: ShardCounters
  log: ClientLog
  /** Unless the tag of its first vBucket will do. */
  fence?: () => Fence
  tls?: ConnectionOptions | undefined
  /**
   * Asked when an engine will not carry an operation out, with its words; true when the operation
   * is taken over. Whoever takes it settles it, or gives it back (`takeBack`), or has it released.
   */
  takesOver?: (operation: Operation, refusal: string) => boolean
}

/** Where a client reports what happens to its engines. */
export type ClientLog = (
  level: 'info' | 'warn',
  message: string,
  fields: Record<string, string | number>,
) => void

/** For operations that no shard counts any more. */
export const NOBODY: OperationAccountant = { operationSettled: () => {} }
