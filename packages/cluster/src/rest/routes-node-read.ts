/** Routes about single nodes: the node itself, its storage, health, metrics. */
import { access, constants } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import { otpNodeOf } from '../document/cluster-document.ts'
import {
  healthSchema,
  messagesSchema,
  nodeDetailSchema,
  nodeStatusesSchema,
  targetsSchema,
} from './answers.ts'
import { ApiError } from './api-error.ts'
import { sourceFor } from './config-stream.ts'
import { nodeDetailView } from './pool-view.ts'
import { field, inForm, inPath, type Route, type RouteContext } from './route.ts'
import { healthOf, replicationOf, restAddressOf } from './views.ts'

export const nodeReadRoutes: Route[] = [
  {
    method: 'GET',
    path: '/nodes/self',
    access: 'admin',
    summary: 'This node, its memory and its storage.',
    answers: { 200: { about: 'The node.', schema: nodeDetailSchema } },
    handle: (context) =>
      nodeDetailView(sourceFor(context), context.node.selfMember, { admin: context.caller.admin }),
  },
  {
    method: 'GET',
    path: '/nodes/:otpNode',
    access: 'admin',
    summary: 'A node by its name, its memory and its storage.',
    parameters: [inPath('otpNode', 'Name of the node, as in `otpNode`.')],
    answers: {
      200: { about: 'The node.', schema: nodeDetailSchema },
      404: { about: '`"Node is unknown to this cluster."`' },
    },
    handle: (context) => {
      const { node, params, caller } = context
      const member = node.document.members.find((m) => otpNodeOf(m) === params.otpNode)
      if (!member) throw new ApiError(404, '"Node is unknown to this cluster."')
      return nodeDetailView(sourceFor(context), member, { admin: caller.admin })
    },
  },
  {
    method: 'POST',
    path: '/nodes/self/controller/settings',
    access: 'admin',
    summary: 'Checks the folder of this node; it is set with --data when the node starts.',
    parameters: [inForm('path', 'string', 'The folder, an absolute path.', { required: true })],
    answers: {
      200: { about: 'It is the folder of this node.' },
      400: { about: 'It is another one, or cannot be used.', schema: messagesSchema },
    },
    handle: checkFolder,
  },
  {
    method: 'GET',
    path: '/nodeStatuses',
    access: 'admin',
    summary: 'Health of every node by address.',
    answers: { 200: { about: 'By address.', schema: nodeStatusesSchema } },
    handle: (context) => {
      const source = sourceFor(context)
      return Object.fromEntries(
        source.document.members.map((m) => [
          restAddressOf(source, m),
          {
            status: healthOf(source, m),
            otpNode: otpNodeOf(m),
            replication: replicationOf(source, m),
          },
        ]),
      )
    },
  },
  {
    method: 'GET',
    path: '/health',
    access: 'open',
    summary: '200 while this node has a leader to follow, 503 otherwise.',
    answers: {
      200: { about: 'There is a leader.', schema: healthSchema },
      503: { about: 'There is none.', schema: healthSchema },
    },
    handle: ({ node, reply }) => {
      // A page whose own node has died asks the others from here who is alive.
      reply.header('access-control-allow-origin', '*')
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
    answers: { 200: { about: 'Text format of Prometheus.', type: 'text/plain' } },
    handle: async ({ node, reply }) => {
      reply.type(node.metrics.contentType)
      return node.metrics.text()
    },
  },
  {
    method: 'GET',
    path: '/prometheus_sd_config',
    access: 'admin',
    summary: "The nodes as targets for Prometheus' http_sd_configs.",
    answers: { 200: { about: 'Targets.', schema: targetsSchema } },
    handle: (context) => {
      const source = sourceFor(context)
      const targets = source.document.members.map((m) => restAddressOf(source, m))
      return [{ targets, labels: { cluster: source.document.uuid } }]
    },
  },
]

async function checkFolder({ node, body }: RouteContext): Promise<unknown> {
  const path = (field(body, 'path') ?? '').trim()
  if (path === '') throw new ApiError(400, ['The database path cannot be empty.'])
  if (!isAbsolute(path)) throw new ApiError(400, ['An absolute path is required.'])
  if (resolve(path) !== node.folder) {
    throw new ApiError(400, [
      'Could not set the storage path: a node keeps the folder that it was started with (--data).',
    ])
  }
  await access(path, constants.W_OK).catch((cause: unknown) => {
    throw new ApiError(400, ['Could not set the storage path. It is not writable.'], { cause })
  })
  return ''
}
