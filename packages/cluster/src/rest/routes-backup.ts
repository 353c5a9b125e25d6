/**
 * Routes that give out all items of a bucket, shard by shard, for backup and export. A stream that
 * does not come to its end frame was cut off and is worth nothing: the node or the engine died, or
 * the copy that was read is none any more. It is asked for again then, at any member.
 */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { Pace } from '../backup/pace.ts'
import { endFrame, itemFrame, SHARD_MEDIA_TYPE } from '../backup/shard-frames.ts'
import { copiesToRead, openShard, type ShardCopy } from '../backup/shard-source.ts'
import { type Bucket, hostnameOf, memberById } from '../document/cluster-document.ts'
import { EngineError } from '../engines/engine-control.ts'
import type { StoreNode } from '../node.ts'
import { ApiError } from './api-error.ts'
import { inPath, inQuery, type Route, type RouteContext } from './route.ts'

/** Streams that one node gives at a time. */
const STREAMS_MAX = 4
const MEGABYTE: number = 1024 * 1024
const MEGABYTES_PER_SECOND_DEFAULT = 32
const MEGABYTES_PER_SECOND_MAX = 1024
/** A reader that takes nothing for this long is cut off. */
const READER_SILENT_MS = 30_000
const PACE_WAIT_MS_MIN = 2

export const backupRoutes: Route[] = [
  {
    method: 'GET',
    path: '/pools/default/buckets/:bucket/shards',
    access: 'admin',
    secret: true,
    summary: "The bucket's shards: what a backup goes through.",
    handle: (context) => {
      const bucket = bucketOf(context)
      return {
        bucket: bucket.name,
        uuid: bucket.uuid,
        bucketType: bucket.type,
        ramQuotaMB: bucket.ramMegabytes,
        replicaNumber: bucket.replicaCount,
        shards: bucket.shards.map((shard, index) => ({ shard: index, created: shard.created })),
      }
    },
  },
  {
    method: 'GET',
    path: '/pools/default/buckets/:bucket/shards/:shard/items',
    access: 'admin',
    secret: true,
    streams: true,
    summary: 'Every item of one shard, read from a replica, as a stream of frames.',
    parameters: [
      inPath('shard', 'number of the shard, from 0'),
      inQuery('megabytesPerSecond', 'number', 'rate not to be exceeded', {
        standard: MEGABYTES_PER_SECOND_DEFAULT,
        maximum: MEGABYTES_PER_SECOND_MAX,
      }),
    ],
    answers: {
      200: { about: 'frames of items and one that ends them', type: SHARD_MEDIA_TYPE },
      503: { about: 'too many streams, or no copy of the shard can be read' },
    },
    handle: streamShard,
  },
]

let streams = 0

function bucketOf({ node, params }: RouteContext): Bucket {
  const bucket = node.document.buckets.find((b) => b.name === params.bucket)
  if (!bucket) throw new ApiError(404, 'Requested resource not found.\r\n')
  return bucket
}

async function streamShard(context: RouteContext): Promise<void> {
  const { node, params, query, reply } = context
  const bucket = bucketOf(context)
  const index = /^\d+$/.test(params.shard ?? '') ? Number(params.shard) : -1
  if (bucket.shards[index] === undefined) throw new ApiError(404, `no shard ${params.shard}\n`)
  const rate = Number(query.megabytesPerSecond ?? MEGABYTES_PER_SECOND_DEFAULT)
  if (!(rate > 0 && rate <= MEGABYTES_PER_SECOND_MAX)) {
    throw new ApiError(400, [
      `megabytesPerSecond is above 0 and at most ${MEGABYTES_PER_SECOND_MAX}`,
    ])
  }
  if (streams >= STREAMS_MAX) throw new ApiError(503, [`${STREAMS_MAX} shards are being read here`])
  streams++
  try {
    const { copy, items } = await open(node, bucket, index)
    try {
      const member = memberById(node.document, copy.member)
      reply.hijack()
      reply.raw.writeHead(200, {
        'content-type': SHARD_MEDIA_TYPE,
        'cache-control': 'no-cache',
        'x-holdfast-copy': `${copy.role} ${member ? hostnameOf(member) : ''}`,
      })
      const isCopy = (): boolean => stillCopy(node, bucket.uuid, index, copy.member)
      await send(reply.raw, items.portions(), { bytesPerSecond: rate * MEGABYTE, isCopy })
    } catch (error) {
      // The answer has begun: that it breaks off is what the reader is told.
      node.log.warn({ err: error, bucket: bucket.name, shard: index }, 'shard not read to its end')
      reply.raw.destroy()
    } finally {
      items.close()
    }
  } finally {
    streams--
  }
}

async function open(node: StoreNode, bucket: Bucket, index: number) {
  const copies: ShardCopy[] = copiesToRead(node.document, bucket, index, {
    self: node.selfMember.id,
    isLive: (member) => node.heartbeats.isLive(member),
  })
  try {
    return await openShard(bucket, copies)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    throw new ApiError(503, [`shard ${index}: ${error.message}`], { cause: error })
  }
}

/** An engine that is no copy any more may have been emptied. */
function stillCopy(node: StoreNode, uuid: string, index: number, member: number): boolean {
  const shard = node.document.buckets.find((b) => b.uuid === uuid)?.shards[index]
  return shard !== undefined && (shard.primary === member || shard.replicas.includes(member))
}

interface SendOptions {
  bytesPerSecond: number
  isCopy(): boolean
}

async function send(
  raw: ServerResponse,
  portions: ReturnType<Awaited<ReturnType<typeof open>>['items']['portions']>,
  { bytesPerSecond, isCopy }: SendOptions,
): Promise<void> {
  const pace = new Pace(bytesPerSecond)
  const gone = new AbortController()
  raw.once('close', () => gone.abort(new Error('the reader has gone')))
  let sent = 0
  for await (const portion of portions) {
    if (!isCopy()) throw new Error('the engine that is read is no copy of the shard any more')
    const bytes = Buffer.concat(portion.map(itemFrame))
    sent += portion.length
    if (!raw.write(bytes)) await drained(raw, gone.signal)
    const waitMs = pace.waitAfter(bytes.length)
    if (waitMs >= PACE_WAIT_MS_MIN) await delay(waitMs)
    if (raw.destroyed) throw new Error('the reader has gone')
  }
  if (!isCopy()) throw new Error('the engine that is read is no copy of the shard any more')
  raw.end(endFrame(sent))
}

async function drained(raw: ServerResponse, gone: AbortSignal): Promise<void> {
  const late = AbortSignal.timeout(READER_SILENT_MS)
  await once(raw, 'drain', { signal: AbortSignal.any([late, gone]) })
}
