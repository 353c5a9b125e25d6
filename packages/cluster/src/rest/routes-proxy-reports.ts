/**
 * Routes of proxies as the cluster sees them: each reports to the node whose config stream it
 * follows, with the credentials of that stream; the list is made of what all members were told.
 */
import type { ProxyReport } from '@holdfast/protocol'
import { z } from 'zod'
import { proxyReportSchema, proxyRows } from '../observe/proxy-figures.ts'
import { GATEWAY_USER } from './access.ts'
import { ApiError } from './api-error.ts'
import { basicCredentials } from './credentials.ts'
import { inPath, type Route, type RouteContext } from './route.ts'
import { bucketOf } from './routes-read.ts'

const FULL = 'Too many proxies report to this node; this one is not shown.'

const rowSchema = z.object({
  id: z.string().describe('of the process; another one after each start'),
  hostname: z.string(),
  pid: z.number().int(),
  version: z.string(),
  kind: z.enum(['proxy', 'gateway']).describe('gateway: the one that a node runs'),
  node: z.string().describe('the node whose config stream it follows, as `otpNode`'),
  buckets: z.array(z.string()),
  rev: z.number().int().describe('revision of the map that it routes by; -1 before the first'),
  upToDate: z.boolean().describe('whether that is the map of the node that answers'),
  upstreamConnections: z.number().int().describe('connections of applications'),
  clients: z
    .array(z.object({ address: z.string(), connections: z.number().int() }))
    .describe('applications by address, those with the most connections'),
  operationsPerSecond: z.number(),
  errorsPerSecond: z.number(),
  errors: z.number().int().describe('operations that failed since its start'),
  getP99Ms: z.number().nullable().describe('of the last two seconds; null without any'),
  setP99Ms: z.number().nullable(),
  uptimeSeconds: z.number(),
  lastSeenSeconds: z.number().describe('since its last report'),
})

/** The answer of `GET /proxies`. */
export const proxiesSchema: z.ZodType = z.object({
  proxies: z.array(rowSchema),
  missing: z.array(z.string()).optional().describe('members that did not answer'),
})

export const proxyReportRoutes: Route[] = [
  {
    method: 'GET',
    path: '/proxies',
    access: 'admin',
    summary: 'Proxies and gateways that follow the cluster: version, map, clients, what they do.',
    answers: { 200: { about: 'The proxies.', schema: proxiesSchema } },
    handle: async ({ node }) => {
      const { byNode, missing } = await node.observer.clusterProxies()
      const proxies = proxyRows(byNode, node.document.rev)
      return { proxies, ...(missing.length > 0 ? { missing } : {}) }
    },
  },
  {
    method: 'POST',
    path: '/pools/default/buckets/:bucket/proxies',
    access: 'bucket',
    harmless: true,
    proxies: true,
    summary: 'A report of a Holdfast proxy, a JSON body; it is forgotten after ten seconds.',
    parameters: [inPath('bucket', 'Name of the bucket whose config stream it follows.')],
    answers: {
      204: { about: 'Taken.' },
      400: { about: 'No report, or of buckets that these credentials do not open.' },
      503: { about: 'There are too many proxies.' },
    },
    handle: takeReport,
  },
]

function takeReport(context: RouteContext): string {
  const { node, caller, reply, body, request } = context
  const report = proxyReportSchema.parse(body)
  const { name } = bucketOf(context)
  if (!caller.admin && !caller.proxy && !isOf(report, name)) {
    throw new ApiError(400, [`The report must be about the bucket ${name} alone.`])
  }
  const user = basicCredentials(request.headers.authorization)?.[0]
  const kind = caller.admin && user === GATEWAY_USER ? 'gateway' : 'proxy'
  if (!node.observer.proxies.take(report, kind)) throw new ApiError(503, [FULL])
  reply.code(204)
  return ''
}

function isOf({ buckets }: ProxyReport, name: string): boolean {
  return buckets.every((bucket) => bucket.name === name)
}
