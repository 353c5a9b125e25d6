/**
 * Shapes of the JSON that routes answer with: for the OpenAPI file, and for tests that compare real
 * answers with it. Objects may have further members: the original's are many.
 */
import { z } from 'zod'

const count = z.number().int()
const uri = z.object({ uri: z.string() })

export const versionsSchema: z.ZodType = z.object({
  implementationVersion: z.string(),
  componentsVersion: z.record(z.string(), z.string()),
})

export const poolsSchema: z.ZodType = z.looseObject({
  pools: z.array(z.object({ name: z.string(), uri: z.string(), streamingUri: z.string() })),
  isAdminCreds: z.boolean(),
  isROAdminCreds: z.boolean(),
  uuid: z.string(),
  implementationVersion: z.string(),
})

const nodeShape = {
  hostname: z.string().describe('REST address, host:port'),
  status: z.enum(['healthy', 'warmup', 'unhealthy']),
  clusterMembership: z.enum(['active', 'inactiveAdded', 'inactiveFailed']),
  replication: z.number().describe('share of its primaries that have all their copies, 0 to 1'),
  version: z.string(),
  os: z.string(),
  clusterCompatibility: count,
  ports: z.object({ proxy: count, direct: count }),
  thisNode: z.boolean().optional(),
}

export const nodeSchema: z.ZodType = z.looseObject({
  ...nodeShape,
  otpNode: z.string().describe('name for controllers'),
  uptime: z.string().describe('seconds'),
  memoryTotal: z.number().describe('bytes'),
  memoryFree: z.number().describe('bytes'),
  mcdMemoryReserved: z.number().describe('megabytes'),
  mcdMemoryAllocated: z.number().describe('megabytes'),
  systemStats: z.object({
    cpu_utilization_rate: z.number(),
    swap_total: z.number(),
    swap_used: z.number(),
  }),
  interestingStats: z.object({
    curr_items: count,
    curr_items_tot: count,
    vb_replica_curr_items: count,
  }),
  arbiter: z.boolean(),
  serverGroup: z.string(),
})

const totals = z.object({
  ram: z.object({
    quotaUsed: z.number(),
    usedByData: z.number(),
    total: z.number(),
    quotaTotal: z.number(),
    used: z.number(),
  }),
  hdd: z.object({
    usedByData: z.number(),
    total: z.number(),
    quotaTotal: z.number(),
    used: z.number(),
    free: z.number(),
  }),
})

export const nodeDetailSchema: z.ZodType = z.looseObject({
  availableStorage: z.object({
    hdd: z.array(z.object({ path: z.string(), sizeKBytes: count, usagePercent: z.number() })),
  }),
  memoryQuota: count,
  storageTotals: totals,
  storage: z.object({
    ssd: z.array(z.unknown()),
    hdd: z.array(z.object({ path: z.string(), quotaMb: z.string(), state: z.string() })),
  }),
  hostname: z.string(),
  otpNode: z.string(),
})

export const poolSchema: z.ZodType = z.looseObject({
  etag: z.string().optional().describe('only with waitChange'),
  storageTotals: totals,
  name: z.string(),
  alerts: z.array(z.string()),
  nodes: z.array(nodeSchema),
  buckets: uri,
  controllers: z.record(z.string(), uri),
  balanced: z.boolean(),
  failoverWarnings: z.array(
    z.enum([
      'hardNodesNeeded',
      'softNodesNeeded',
      'failoverNeeded',
      'rebalanceNeeded',
      'softRebalanceNeeded',
    ]),
  ),
  rebalanceStatus: z.enum(['none', 'running']),
  rebalanceProgressUri: z.string(),
  stopRebalanceUri: z.string(),
  nodeStatusesUri: z.string(),
  stats: uri,
})

const mapSchema = z.looseObject({
  hashAlgorithm: z.string(),
  numReplicas: count,
  serverList: z.array(z.string()),
  vBucketMap: z.array(z.array(count)),
})

const nodesExt = z.array(
  z.looseObject({
    services: z.record(z.string(), count),
    hostname: z.string(),
    thisNode: z.boolean().optional(),
  }),
)

export const bucketSchema: z.ZodType = z.looseObject({
  name: z.string(),
  bucketType: z.enum(['membase', 'memcached']),
  authType: z.enum(['sasl', 'none']),
  saslPassword: z.string().describe('always empty'),
  hasPassword: z.boolean(),
  durability: z.enum(['replicated', 'none']),
  degradedWrites: z.enum(['allow', 'refuse']),
  eviction: z.enum(['refuse', 'expiring', 'lru']),
  persistence: z.enum(['everysec', 'always', 'none']),
  proxyPort: count,
  uri: z.string(),
  streamingUri: z.string(),
  flushCacheUri: z.string(),
  nodes: z.array(z.looseObject(nodeShape)),
  stats: z.object({ uri: z.string(), directoryURI: z.string(), nodeStatsListURI: z.string() }),
  nodeLocator: z.enum(['vbucket', 'ketama']),
  uuid: z.string(),
  vBucketServerMap: mapSchema.optional(),
  rev: count,
  revEpoch: count,
  nodesExt,
  replicaNumber: count,
  quota: z.object({ ram: z.number(), rawRAM: z.number() }),
  basicStats: z.record(z.string(), z.number()),
})

export const terseSchema: z.ZodType = z.looseObject({
  rev: count,
  revEpoch: count,
  name: z.string(),
  nodeLocator: z.enum(['vbucket', 'ketama']),
  uuid: z.string(),
  bucketCapabilities: z.array(z.string()),
  nodes: z.array(z.looseObject({ hostname: z.string() })),
  nodesExt,
  vBucketServerMap: mapSchema.optional(),
})

export const nodeServicesSchema: z.ZodType = z.looseObject({
  rev: count,
  revEpoch: count,
  nodesExt,
})

export const progressSchema: z.ZodType = z.looseObject({
  status: z.enum(['none', 'running']),
})

export const nodeStatusesSchema: z.ZodType = z.record(
  z.string(),
  z.object({ status: z.string(), otpNode: z.string(), replication: z.number() }),
)

export const healthSchema: z.ZodType = z.object({
  ok: z.boolean(),
  leader: count.nullable(),
  member: count,
  shards: z.object({ total: count, writable: count, whole: count }),
})

export const logSchema: z.ZodType = z.object({
  list: z.array(
    z.object({
      node: z.string(),
      type: z.enum(['info', 'warning', 'critical']),
      code: count,
      module: z.string(),
      tstamp: z.number().describe('unix time in milliseconds'),
      shortText: z.string(),
      text: z.string(),
    }),
  ),
})

const samples = z.record(z.string(), z.array(z.number()))

export const statsSchema: z.ZodType = z.looseObject({
  op: z.looseObject({
    samples,
    samplesCount: count,
    isPersistent: z.boolean(),
    lastTStamp: z.number(),
    interval: z.number().describe('milliseconds between samples'),
  }),
  hot_keys: z.array(z.object({ name: z.string(), ops: z.number() })),
})

export const oneStatSchema: z.ZodType = z.looseObject({
  samplesCount: count,
  isPersistent: z.boolean(),
  lastTStamp: z.number(),
  interval: z.number(),
  timestamp: z.array(z.number()),
  nodeStats: samples,
})

export const overviewSchema: z.ZodType = samples

export const directorySchema: z.ZodType = z.object({
  blocks: z.array(
    z.looseObject({
      blockName: z.string(),
      stats: z.array(z.looseObject({ name: z.string(), title: z.string(), desc: z.string() })),
    }),
  ),
})

export const bucketNodesSchema: z.ZodType = z.object({
  servers: z.array(z.object({ hostname: z.string(), uri: z.string(), stats: uri })),
})

export const bucketNodeSchema: z.ZodType = z.looseObject({
  hostname: z.string(),
  bucket: uri,
  stats: uri,
})

export const errorsSchema: z.ZodType = z.object({ errors: z.record(z.string(), z.string()) })
export const messagesSchema: z.ZodType = z.array(z.string())

export const targetsSchema: z.ZodType = z.array(
  z.object({ targets: z.array(z.string()), labels: z.record(z.string(), z.string()) }),
)
