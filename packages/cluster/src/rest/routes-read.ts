/** Routes that read: pools, buckets, nodes, progress, health. */
import { hostnameOf, otpNodeOf } from '../document/cluster-document.ts'
import { placementProgress } from '../reconcile/plan-members.ts'
import { ApiError } from './api-error.ts'
import { PROXY_HEADER, streamBucket, streamBuckets } from './bucket-stream.ts'
import type { Route, RouteContext } from './route.ts'
import { bucketView, healthOf, nodeView, poolView } from './views.ts'

const NOT_FOUND = 'Requested resource not found.\r\n'

function bucketOf(context: RouteContext) {
  const name = context.params.bucket
  const bucket = context.node.document.buckets.find((b) => b.name === name)
  if (!bucket) throw new ApiError(404, NOT_FOUND)
  return bucket
}

export const readRoutes: Route[] = [
  {
    method: 'GET',
    path: '/versions',
    access: 'open',
    summary: 'Version of the store and of its engine.',
    handle: ({ node }) => node.versions(),
  },
  {
    method: 'GET',
    path: '/pools',
    access: 'anybucket',
    summary: 'Entry point of Membase clients: the pool, or none until the cluster has an admin.',
    handle: ({ node, caller }) => ({
      pools:
        node.document.admin === null
          ? []
          : [{ name: 'default', uri: '/pools/default', streamingUri: '/poolsStreaming/default' }],
      isAdminCreds: caller.admin,
      uuid: node.document.uuid,
      ...node.versions(),
    }),
  },
  {
    method: 'GET',
    path: '/pools/default',
    access: 'anybucket',
    summary: 'Members, their health, whether a rebalance runs or is needed.',
    handle: ({ node }) => {
      if (node.document.admin === null) throw new ApiError(404, '"unknown pool"')
      return poolView(node.viewSource())
    },
  },
  {
    method: 'GET',
    path: '/pools/default/buckets',
    access: 'anybucket',
    summary: 'All buckets.',
    handle: ({ node, caller }) =>
      [...node.document.buckets]
        .sort((a, b) => a.name.localeCompare(b.name))
        .map((bucket) => bucketView(node.viewSource(), bucket, { showPassword: caller.admin })),
  },
  {
    method: 'GET',
    path: '/pools/default/buckets/:bucket',
    access: 'bucket',
    summary: 'One bucket with its vBucketServerMap.',
    handle: (context) =>
      bucketView(context.node.viewSource(), bucketOf(context), {
        showPassword: context.caller.admin,
        forProxy: context.request.headers[PROXY_HEADER] !== undefined,
      }),
  },
  {
    method: 'GET',
    path: '/pools/default/bucketsStreaming/:bucket',
    access: 'bucket',
    summary: 'The bucket now and after every change, each followed by four newlines.',
    streams: true,
    handle: (context) => streamBucket(context, bucketOf(context)),
  },
  {
    method: 'GET',
    path: '/pools/default/saslBucketsStreaming',
    access: 'admin',
    summary: 'All buckets, with their passwords, now and after every change.',
    streams: true,
    handle: (context) => streamBuckets(context),
  },
  {
    method: 'GET',
    path: '/pools/default/rebalanceProgress',
    access: 'anybucket',
    summary: 'Progress of a rebalance, 0 to 1 by node.',
    handle: ({ node }) => {
      if (!node.document.rebalancing) return { status: 'none' }
      const pictures = node.reconciler.pictures()
      const progress =
        pictures.reduce((sum, p) => sum + placementProgress(p, node.reconciler.wanted(p)), 0) /
        Math.max(pictures.length, 1)
      const nodes = node.document.members.filter((m) => !m.arbiter)
      return {
        status: 'running',
        ...Object.fromEntries(nodes.map((m) => [otpNodeOf(m), { progress }])),
      }
    },
  },
  {
    method: 'GET',
    path: '/nodes/self',
    access: 'admin',
    summary: 'This node.',
    handle: ({ node }) => nodeView(node.viewSource(), node.selfMember),
  },
  {
    method: 'GET',
    path: '/nodeStatuses',
    access: 'admin',
    summary: 'Health of every node by address.',
    handle: ({ node }) =>
      Object.fromEntries(
        node.document.members.map((m) => [
          hostnameOf(m),
          { status: healthOf(node.viewSource(), m), otpNode: otpNodeOf(m) },
        ]),
      ),
  },
  {
    method: 'GET',
    path: '/health',
    access: 'open',
    summary: '200 while this node has a leader to follow, 503 otherwise.',
    handle: ({ node, reply }) => {
      const leader = node.heartbeats.leader
      const ok = leader !== null
      if (!ok) reply.code(503)
      return { ok, leader, member: node.selfMember.id, shards: node.shardCounts() }
    },
  },
  {
    method: 'GET',
    path: '/metrics',
    access: 'open',
    summary: 'Prometheus metrics of this node.',
    handle: async ({ node, reply }) => {
      reply.type(node.metrics.contentType)
      return node.metrics.text()
    },
  },
]
