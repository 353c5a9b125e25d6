/** Shapes of the JSON that the console's own routes answer with; the others are answers.ts. */
import { z } from 'zod'

const seconds = z.number().int()

export const loginSchema: z.ZodType = z.object({
  user: z.string(),
  role: z.enum(['admin', 'reader']),
  expiresInSeconds: seconds.describe('put off by requests that use the login'),
})

export const whoamiSchema: z.ZodType = z.object({
  user: z.string().nullable(),
  role: z.enum(['admin', 'reader', 'none']).describe('admin while no admin is set'),
  provisioned: z.boolean().describe('whether the cluster has an admin'),
  expiresInSeconds: seconds.nullable().describe("of a browser's login"),
  version: z.string(),
  node: z.string().describe('REST address, host:port'),
  otpNode: z.string(),
})

export const ticketSchema: z.ZodType = z.object({ ticket: z.string(), expiresInSeconds: seconds })

const counts = z.object({ active: z.number().int(), replica: z.number().int() })
const range = z.tuple([z.number().int(), z.number().int()]).describe('first and last vBucket')

export const topologySchema: z.ZodType = z.object({
  rev: z.number().int().describe('grows with every change of the cluster'),
  leader: z.string().nullable().describe('otpNode'),
  nodes: z.array(
    z.object({
      otpNode: z.string(),
      hostname: z.string(),
      serverGroup: z.string(),
      arbiter: z.boolean(),
      clusterMembership: z.enum(['active', 'inactiveAdded', 'inactiveFailed']),
      status: z.enum(['healthy', 'warmup', 'unhealthy']),
      isLeader: z.boolean(),
      vBuckets: counts,
      engines: z.object({ running: z.number().int(), wanted: z.number().int() }),
    }),
  ),
  buckets: z.array(
    z.object({
      name: z.string(),
      type: z.enum(['membase', 'memcached']),
      replicaNumber: z.number().int(),
      wantedReplicas: z.number().int().describe('as many as there are nodes for'),
      shards: z.array(
        z.object({
          shard: z.number().int(),
          vBuckets: range,
          primary: z.string().nullable().describe('otpNode'),
          copies: z.array(
            z.object({
              otpNode: z.string().nullable(),
              role: z.enum(['primary', 'replica']),
              inSync: z.boolean(),
              state: z.enum([
                ...(['running', 'syncing', 'starting', 'silent', 'stopped'] as const),
                ...(['resting', 'unknown'] as const),
              ]),
              items: z.number().int(),
              memoryBytes: z.number(),
              lagBytes: z.number().nullable().describe('behind the primary; null: not known'),
            }),
          ),
        }),
      ),
    }),
  ),
  health: z.object({
    word: z.enum(['healthy', 'rebalancing', 'degraded', 'unavailable', 'noBuckets']),
    reasons: z.array(z.string()),
  }),
})

export const rebalancePreviewSchema: z.ZodType = z.object({
  moves: z.array(
    z.object({
      bucket: z.string(),
      shard: z.number().int(),
      vBuckets: range,
      action: z.enum(['addCopy', 'removeCopy', 'promote']),
      otpNode: z.string(),
      bytes: z.number(),
      items: z.number().int(),
    }),
  ),
  bytesToMove: z.number(),
  copiesToMake: z.number().int(),
  vBucketsByNode: z.record(z.string(), z.object({ before: counts, after: counts })),
})

export const failoverPreviewSchema: z.ZodType = z.object({
  vBuckets: counts,
  shardsWithoutCopy: z.array(
    z.object({ bucket: z.string(), shard: z.number().int(), items: z.number().int() }),
  ),
  itemsLost: z.number().int(),
  message: z.string(),
})

export const bucketLossSchema: z.ZodType = z.object({
  items: z.number().int(),
  memoryBytes: z.number(),
  diskBytes: z.number(),
})

export const tlsSchema: z.ZodType = z.object({
  enabled: z.boolean(),
  port: z.number().int().nullable(),
  subject: z.string().nullable(),
  issuer: z.string().nullable(),
  validTo: z.string().nullable().describe('ISO 8601'),
  daysLeft: z.number().int().nullable().describe('negative when it is over'),
})
