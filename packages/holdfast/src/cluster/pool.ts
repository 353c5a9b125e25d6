/** What the cluster commands read from the store, checked on entry. */
import { z } from 'zod'
import { UsageError } from './command.ts'
import { type RestClient, RestError } from './rest-client.ts'

export interface PoolNode {
  otpNode: string
  hostname: string
  status: string
  clusterMembership: string
  version: string
  arbiter: boolean
  /** The server group that it is in. */
  serverGroup?: string | undefined
  memoryTotal: number
  memoryFree: number
  interestingStats: Record<string, number>
}

export interface Pool {
  nodes: PoolNode[]
  rebalanceStatus: string
  balanced: boolean
  failoverWarnings: string[]
  alerts: unknown[]
}

export interface BucketLine {
  name: string
  bucketType: string
  replicaNumber: number
  quota: { ram: number; rawRAM: number }
  basicStats: Record<string, number>
  vBucketServerMap?: { vBucketMap: number[][] } | undefined
}

const poolSchema: z.ZodType<Pool> = z.object({
  nodes: z.array(
    z.object({
      otpNode: z.string(),
      hostname: z.string(),
      status: z.string(),
      clusterMembership: z.string(),
      version: z.string().default(''),
      arbiter: z.boolean().default(false),
      serverGroup: z.string().optional(),
      memoryTotal: z.number().default(0),
      memoryFree: z.number().default(0),
      interestingStats: z.record(z.string(), z.number()).default({}),
    }),
  ),
  rebalanceStatus: z.string(),
  balanced: z.boolean().default(true),
  failoverWarnings: z.array(z.string()).default([]),
  alerts: z.array(z.unknown()).default([]),
})

const bucketSchema: z.ZodType<BucketLine> = z.object({
  name: z.string(),
  bucketType: z.string(),
  replicaNumber: z.number(),
  quota: z.object({ ram: z.number(), rawRAM: z.number() }),
  basicStats: z.record(z.string(), z.number()),
  vBucketServerMap: z.object({ vBucketMap: z.array(z.array(z.number())) }).optional(),
})

export async function readPool(rest: RestClient): Promise<Pool> {
  const pool = poolSchema.parse(await rest.get('/pools/default'))
  rest.learn(pool.nodes.filter((n) => n.status === 'healthy').map((n) => n.hostname))
  return pool
}

export async function readBuckets(rest: RestClient): Promise<BucketLine[]> {
  return z.array(bucketSchema).parse(await rest.get('/pools/default/buckets'))
}

/** The path of a bucket's routes. */
export function bucketPath(name: string): string {
  return `/pools/default/buckets/${encodeURIComponent(name)}`
}

/** The node that a person names by `host`, `host:port` or its otpNode. */
export function findNode(pool: Pool, name: string): PoolNode | undefined {
  const exact = pool.nodes.find((n) => n.hostname === name || n.otpNode === name)
  if (exact) return exact
  const onHost = pool.nodes.filter((n) => n.hostname.replace(/:\d+$/, '') === name)
  return onHost.length === 1 ? onHost[0] : undefined
}

/** As {@link findNode}; throws when there is no such node. */
export function namedNode(pool: Pool, name: string): PoolNode {
  const node = findNode(pool, name)
  if (node) return node
  const known = pool.nodes.map((n) => n.hostname).join(', ')
  throw new RestError(`no node ${name} in the cluster; it has ${known}`, null)
}

/** The nodes that are named; at least one. */
export function namedNodes(pool: Pool, names: readonly string[], flag: string): PoolNode[] {
  if (names.length === 0) throw new UsageError(`${flag} is required`)
  return names.map((name) => namedNode(pool, name))
}
