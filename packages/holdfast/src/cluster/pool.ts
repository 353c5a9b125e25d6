/** What the cluster commands read from `/pools/default` and the buckets, checked on entry. */
import { z } from 'zod'
import type { RestClient } from './rest-client.ts'

export interface PoolNode {
  otpNode: string
  hostname: string
  status: string
  clusterMembership: string
}

export interface Pool {
  nodes: PoolNode[]
  rebalanceStatus: string
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
    }),
  ),
  rebalanceStatus: z.string(),
})

const bucketsSchema: z.ZodType<BucketLine[]> = z.array(
  z.object({
    name: z.string(),
    bucketType: z.string(),
    replicaNumber: z.number(),
    quota: z.object({ ram: z.number(), rawRAM: z.number() }),
    basicStats: z.record(z.string(), z.number()),
    vBucketServerMap: z.object({ vBucketMap: z.array(z.array(z.number())) }).optional(),
  }),
)

export async function readPool(rest: RestClient): Promise<Pool> {
  return poolSchema.parse(await rest.get('/pools/default'))
}

export async function readBuckets(rest: RestClient): Promise<BucketLine[]> {
  return bucketsSchema.parse(await rest.get('/pools/default/buckets'))
}

/** The node that a person names by `host`, `host:port` or its otpNode. */
export function findNode(pool: Pool, name: string): PoolNode | undefined {
  const exact = pool.nodes.find((n) => n.hostname === name || n.otpNode === name)
  if (exact) return exact
  const onHost = pool.nodes.filter((n) => n.hostname.replace(/:\d+$/, '') === name)
  return onHost.length === 1 ? onHost[0] : undefined
}
