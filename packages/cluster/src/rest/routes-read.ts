/** Routes that read the pool and its buckets, once or as a stream. */
import type { Bucket } from '../document/cluster-document.ts'
import { isOpen } from './access.ts'
import {
  bucketSchema,
  nodeServicesSchema,
  poolSchema,
  poolsSchema,
  terseSchema,
  versionsSchema,
} from './answers.ts'
import { ApiError } from './api-error.ts'
import {
  nodeServicesView,
  sourceFor,
  streamBucket,
  streamBuckets,
  streamNodeServices,
  streamPool,
  streamTerse,
} from './config-stream.ts'
import { poolView } from './pool-view.ts'
import { WAIT_MS_MAX } from './pool-wait.ts'
import { mayRoute } from './proxy-trust.ts'
import { type Answer, inPath, inQuery, type Route, type RouteContext } from './route.ts'
import { bucketView, terseView } from './views.ts'

const BUCKET = inPath('bucket', 'Name of the bucket.')
const NO_POOL: Answer = { about: '`"unknown pool"`: no admin has been set yet.' }

const stream = (about: string): Record<number, Answer> => ({
  200: { about: `${about} Each is followed by four newlines.`, type: 'application/json' },
})

export const readRoutes: Route[] = [
  {
    method: 'GET',
    path: '/versions',
    access: 'open',
    summary: 'Version of the store and of its engine.',
    answers: { 200: { about: 'Versions.', schema: versionsSchema } },
    handle: ({ node }) => node.versions(),
  },
  {
    method: 'GET',
    path: '/pools',
    access: 'anybucket',
    summary: 'Entry point of Membase clients: the pool, or none until the cluster has an admin.',
    answers: { 200: { about: 'The pools: one or none.', schema: poolsSchema } },
    handle: ({ node, caller }) => ({
      pools:
        node.document.admin === null
          ? []
          : [{ name: 'default', uri: '/pools/default', streamingUri: '/poolsStreaming/default' }],
      isAdminCreds: caller.admin,
      isROAdminCreds: caller.readOnly,
      uuid: node.document.uuid,
      ...node.versions(),
    }),
  },
  {
    method: 'GET',
    path: '/pools/default',
    access: 'anybucket',
    summary: 'Members, their health, alerts, memory and disk; with waitChange when they change.',
    parameters: [
      inQuery('waitChange', 'integer', 'Milliseconds to wait for a change at most.', {
        minimum: 0,
        maximum: WAIT_MS_MAX,
      }),
      inQuery('etag', 'string', 'State that the caller knows: `etag` of the answer before.'),
    ],
    answers: { 200: { about: 'The pool.', schema: poolSchema }, 404: NO_POOL },
    handle: readPool,
  },
  {
    method: 'GET',
    path: '/poolsStreaming/default',
    access: 'anybucket',
    summary: 'The pool now and after every change, each followed by four newlines.',
    answers: { ...stream('The pool, again and again.'), 404: NO_POOL },
    streams: true,
    handle: (context) => {
      requirePool(context)
      streamPool(context)
    },
  },
  {
    method: 'GET',
    path: '/pools/default/buckets',
    access: 'anybucket',
    summary: 'All buckets; for a bucket password those that it opens.',
    answers: { 200: { about: 'Buckets, sorted by name.', schema: bucketSchema.array() } },
    handle: listBuckets,
  },
  {
    method: 'GET',
    path: '/pools/default/buckets/:bucket',
    access: 'bucket',
    summary: 'One bucket with its vBucketServerMap.',
    parameters: [BUCKET],
    answers: { 200: { about: 'The bucket.', schema: bucketSchema } },
    proxies: true,
    handle: (context) => {
      const bucket = bucketOf(context)
      return bucketView(sourceFor(context), bucket, { forProxy: mayRoute(context, bucket) })
    },
  },
  {
    method: 'GET',
    path: '/pools/default/bucketsStreaming/:bucket',
    access: 'bucket',
    summary: 'The bucket now and after every change, each followed by four newlines.',
    parameters: [BUCKET],
    answers: stream('The bucket, again and again, until it is deleted.'),
    streams: true,
    proxies: true,
    handle: (context) => streamBucket(context, bucketOf(context)),
  },
  {
    method: 'GET',
    path: '/pools/default/saslBucketsStreaming',
    access: 'admin',
    secret: true,
    summary: 'All buckets, now and after every change: what a gateway lives on.',
    answers: stream('`{"buckets": [...]}`, again and again.'),
    streams: true,
    proxies: true,
    handle: (context) => streamBuckets(context),
  },
  {
    method: 'GET',
    path: '/pools/default/b/:bucket',
    access: 'bucket',
    summary: 'The terse bucket config that clients of today read.',
    parameters: [BUCKET],
    answers: { 200: { about: 'The config.', schema: terseSchema } },
    handle: (context) => terseView(sourceFor(context), bucketOf(context)),
  },
  {
    method: 'GET',
    path: '/pools/default/bs/:bucket',
    access: 'bucket',
    summary: 'The terse bucket config now and after every change, each followed by four newlines.',
    parameters: [BUCKET],
    answers: stream('The terse config, again and again, until the bucket is deleted.'),
    streams: true,
    handle: (context) => streamTerse(context, bucketOf(context)),
  },
  {
    method: 'GET',
    path: '/pools/default/nodeServices',
    access: 'anybucket',
    summary: 'Members and their ports, as clients of today read them.',
    answers: { 200: { about: 'Members with their ports.', schema: nodeServicesSchema } },
    handle: (context) => nodeServicesView(sourceFor(context)),
  },
  {
    method: 'GET',
    path: '/pools/default/nodeServicesStreaming',
    access: 'anybucket',
    summary: 'Members and their ports now and after every change.',
    answers: stream('Members with their ports, again and again.'),
    streams: true,
    handle: (context) => streamNodeServices(context),
  },
]

/** The bucket of the path; a 404 when it has gone since access was checked. */
export function bucketOf({ node, params }: RouteContext): Bucket {
  const bucket = node.document.buckets.find((b) => b.name === params.bucket)
  if (!bucket) throw new ApiError(404, 'Requested resource not found.\r\n')
  return bucket
}

function requirePool({ node }: RouteContext): void {
  if (node.document.admin === null) throw new ApiError(404, '"unknown pool"')
}

async function readPool(context: RouteContext): Promise<unknown> {
  requirePool(context)
  const { node, query, caller, request } = context
  const view = (): Record<string, unknown> => poolView(sourceFor(context), { admin: caller.admin })
  if (query.waitChange === undefined) return view()
  const waitMs = Number(query.waitChange)
  if (!Number.isInteger(waitMs) || waitMs < 0) {
    throw new ApiError(400, ['waitChange must be a number of milliseconds.'])
  }
  const aborted = new AbortController()
  request.raw.socket.once('close', () => aborted.abort())
  await node.poolWait.untilChanged(query.etag ?? '', waitMs, aborted.signal)
  return { etag: node.poolWait.etag(), ...view() }
}

async function listBuckets(context: RouteContext): Promise<unknown> {
  const { node, caller, request } = context
  const seesAll = caller.admin || caller.readOnly
  const seen: Bucket[] = []
  for (const bucket of node.document.buckets) {
    if (seesAll || isOpen(bucket) || (await node.logins.opens(bucket, request))) seen.push(bucket)
  }
  return seen
    .sort((a, b) => a.name.localeCompare(b.name))
    .map((bucket) => bucketView(sourceFor(context), bucket))
}
