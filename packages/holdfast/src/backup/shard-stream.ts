/**
 * Reads a bucket from the store shard by shard. A shard's stream that breaks off is asked for
 * again from its beginning, at whichever member answers, as long as one comes back within a bound.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { ShardFrameError, ShardFrameReader, type ShardItem } from '@holdfast/cluster'
import { z } from 'zod'
import { bucketPath } from '../cluster/pool.ts'
import { type RestClient, RestError } from '../cluster/rest-client.ts'

/** Tries of one shard, with a pause between them. */
const TRIES_MAX = 30
const PAUSE_MS = 1000

export interface ShardedBucket {
  bucket: string
  uuid: string
  bucketType: string
  ramQuotaMB: number
  replicaNumber: number
  shards: { shard: number; created: boolean }[]
}

const shardedBucketSchema: z.ZodType<ShardedBucket> = z.object({
  bucket: z.string(),
  uuid: z.string(),
  bucketType: z.string(),
  ramQuotaMB: z.number(),
  replicaNumber: z.number(),
  shards: z.array(z.object({ shard: z.number(), created: z.boolean() })),
})

/** The shards of a bucket. */
export async function readShards(rest: RestClient, bucket: string): Promise<ShardedBucket> {
  return shardedBucketSchema.parse(await rest.get(`${bucketPath(bucket)}/shards`))
}

/** Who takes a shard's stream. */
export interface ShardSink {
  /** A stream begins, the first or after one that broke off: what came before is void. */
  begin(): Promise<void>
  take(piece: Buffer, items: ShardItem[]): Promise<void>
}

export interface ShardRequest {
  bucket: string
  shard: number
  megabytesPerSecond: number
  /** Is told of every stream that breaks off. */
  onBreak?: (message: string) => void
}

/** Reads one shard to its end. Throws when it cannot be had. */
export async function readShard(
  rest: RestClient,
  request: ShardRequest,
  sink: ShardSink,
): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      await sink.begin()
      return await readOnce(rest, request, sink)
    } catch (error) {
      if (!isPassing(error) || attempt >= TRIES_MAX) throw error
      request.onBreak?.(`shard ${request.shard} broke off, once more: ${messageOf(error)}`)
      await delay(PAUSE_MS)
    }
  }
}

async function readOnce(
  rest: RestClient,
  { bucket, shard, megabytesPerSecond }: ShardRequest,
  sink: ShardSink,
): Promise<number> {
  const query = `megabytesPerSecond=${megabytesPerSecond}`
  const stream = await rest.stream(`${bucketPath(bucket)}/shards/${shard}/items?${query}`)
  const reader = new ShardFrameReader()
  try {
    for await (const chunk of stream) {
      const piece: Buffer = chunk
      await sink.take(piece, [...reader.read(piece)])
    }
  } catch (cause) {
    if (cause instanceof ShardFrameError || isStreamTrouble(cause)) {
      throw new RestError(`the stream of shard ${shard} broke: ${messageOf(cause)}`, null, cause)
    }
    throw cause
  } finally {
    stream.destroy()
  }
  if (!reader.ended) throw new RestError(`the stream of shard ${shard} was cut off`, null)
  return reader.items
}

/** Trouble that may be over in a moment: a member is away, or a shard without a copy to read. */
function isPassing(error: unknown): boolean {
  return error instanceof RestError && (error.status === null || error.status >= 500)
}

const STREAM_TROUBLE = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE'])

function isStreamTrouble(error: unknown): boolean {
  if (error instanceof RestError) return true
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return STREAM_TROUBLE.has(code)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
