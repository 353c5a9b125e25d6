/**
 * Routes between members. They carry JSON and the cluster's secret. Heartbeats have a connection
 * of their own, see heartbeat-listener.ts.
 */
import { totalmem } from 'node:os'
import { quotaTooLarge, usableMemory } from '../buckets/quota.ts'
import { compareVersions } from '../document/cluster-document.ts'
import {
  failOverSchema,
  grantStartSchema,
  joinSchema,
  prepareSchema,
} from '../membership/messages.ts'
import { ApiError } from './api-error.ts'
import type { Route } from './route.ts'

export const memberRoutes: Route[] = [
  {
    method: 'POST',
    path: '/internal/prepare',
    access: 'member',
    summary: '',
    handle: async ({ node, body }) => {
      const { document } = prepareSchema.parse(body)
      if (document.uuid !== node.document.uuid) throw new ApiError(409, 'another cluster\n')
      if (!(await node.keeper.prepare(document))) throw new ApiError(409, 'a newer document\n')
      return {}
    },
  },
  {
    method: 'GET',
    path: '/internal/document',
    access: 'member',
    summary: '',
    handle: ({ node, query }) => (query.newest ? node.keeper.newest : node.keeper.current),
  },
  {
    method: 'POST',
    path: '/internal/grant-start',
    access: 'member',
    summary: '',
    handle: ({ node, body }) => {
      const { bucket, shard } = grantStartSchema.parse(body)
      if (!node.supervisor.grantStart(bucket, shard)) throw new ApiError(404, 'no such engine\n')
      return {}
    },
  },
  {
    method: 'POST',
    path: '/internal/fail-over',
    access: 'member',
    summary: '',
    handle: async ({ node, body }) => {
      await node.failOver(failOverSchema.parse(body).target)
      return {}
    },
  },
  {
    method: 'GET',
    path: '/internal/hello',
    access: 'admin',
    summary: '',
    handle: ({ node }) => node.hello(),
  },
  {
    method: 'POST',
    path: '/internal/join',
    access: 'admin',
    summary: '',
    handle: async ({ node, body }) => {
      const { self, document } = joinSchema.parse(body)
      const sameCluster = document.uuid === node.document.uuid
      if (sameCluster && compareVersions(document, node.document) <= 0) return {}
      if (!sameCluster && node.document.members.length > 1) {
        throw new ApiError(409, 'member of another cluster\n')
      }
      const memory = usableMemory(totalmem(), process.constrainedMemory())
      const isData = !node.selfMember.arbiter
      const tooLarge = isData ? quotaTooLarge(document.memoryQuotaMegabytes, memory) : null
      if (tooLarge !== null) throw new ApiError(400, tooLarge)
      await node.join(self, document)
      return {}
    },
  },
]
