/** Buckets and their statistics, as the mock answers them. */
import type { Bucket, BucketCheck, BucketSummaries, NodeStats, Stats } from '../../rest/types.ts'
import { field, isCheckOnly, MockRefusal, type MockRequest, type MockRoute } from '../answer.ts'
import { GIGABYTE, MEGABYTE, type MockBucket, newBucket } from '../model.ts'
import type { MockCluster } from '../simulation.ts'
import { wave } from '../wave.ts'

const BUCKETS = '/pools/default/buckets'
const STEP_MS: Record<string, number> = { minute: 1000, hour: 60_000, day: 1_440_000 }
const SAMPLES = 60

export const bucketRoutes: MockRoute[] = [
  {
    method: 'GET',
    path: BUCKETS,
    handle: (_, cluster) => cluster.state.buckets.map((b) => bucketAnswer(cluster, b)),
  },
  { method: 'POST', path: BUCKETS, handle: create },
  { method: 'GET', path: `${BUCKETS}/:bucket`, handle: (r, c) => bucketAnswer(c, asked(r, c)) },
  { method: 'POST', path: `${BUCKETS}/:bucket`, handle: edit },
  { method: 'DELETE', path: `${BUCKETS}/:bucket`, handle: remove },
  { method: 'POST', path: `${BUCKETS}/:bucket/controller/doFlush`, handle: flush },
  {
    method: 'GET',
    path: `${BUCKETS}/:bucket/stats`,
    handle: (r, c) => stats(c, [asked(r, c)], r.query.zoom),
  },
  {
    method: 'GET',
    path: `${BUCKETS}/:bucket/stats/:stat`,
    handle: (r, c) => oneStat(c, asked(r, c), r.params.stat ?? '', r.query.zoom),
  },
  {
    method: 'GET',
    path: `${BUCKETS}/:bucket/nodes/:host/stats`,
    handle: (r, c) => stats(c, [asked(r, c)], r.query.zoom, 1 / Math.max(c.dataNodes().length, 1)),
  },
  {
    method: 'GET',
    path: '/pools/default/stats',
    handle: ({ query }, cluster) => stats(cluster, cluster.state.buckets, query.zoom),
  },
]

function asked({ params }: MockRequest, cluster: MockCluster): MockBucket {
  const bucket = cluster.bucket(params.bucket)
  if (!bucket) throw new MockRefusal(404, 'Requested resource not found.\r\n')
  return bucket
}

function bucketAnswer(cluster: MockCluster, bucket: MockBucket): Bucket {
  const nodes = cluster.dataNodes()
  const itemCount = bucket.shards.reduce((sum, s) => sum + s.items, 0)
  const memUsed = memoryOf(bucket)
  const quota = bucket.ramMegabytes * MEGABYTE
  const ram = quota * Math.max(nodes.length, 1)
  const { durability, degradedWrites, eviction, persistence } = bucket
  return {
    ...{ durability, degradedWrites, eviction, persistence },
    name: bucket.name,
    bucketType: bucket.type,
    authType: bucket.authType,
    saslPassword: '',
    hasPassword: bucket.saslPassword !== '',
    proxyPort: bucket.proxyPort,
    uuid: bucket.uuid,
    replicaNumber: bucket.replicaCount,
    quota: { ram, rawRAM: quota },
    basicStats: {
      quotaPercentUsed: Math.round((memUsed / ram) * 10_000) / 100,
      opsPerSec: Math.round(opsOf(cluster, bucket, cluster.nowMs)),
      hitRatio: bucket.opsBase > 0 ? 97.4 : 0,
      itemCount,
      diskUsed: bucket.type === 'membase' ? Math.round(memUsed * 1.3) : 0,
      memUsed,
    },
    nodes: nodes.map((node) => ({
      hostname: node.hostname,
      status: node.isAlive ? 'healthy' : 'unhealthy',
      clusterMembership: node.membership,
      replication: 1,
      ports: { proxy: 11_211, direct: 11_210 },
    })),
  }
}

function memoryOf(bucket: MockBucket): number {
  let used = 0
  for (const shard of bucket.shards) {
    used += shard.bytes * shard.copies.reduce((sum, c) => sum + c.synced, 0)
  }
  return Math.round(used)
}

function opsOf(cluster: MockCluster, bucket: MockBucket, timeMs: number): number {
  const serving = bucket.shards.filter(
    (s) => s.primary !== null && cluster.node(s.primary)?.isAlive,
  ).length
  const share = serving / Math.max(bucket.shards.length, 1)
  return wave(timeMs, { base: bucket.opsBase, seed: bucket.name.length }) * share
}

function create(request: MockRequest, cluster: MockCluster): BucketCheck | undefined {
  const name = field(request, 'name') ?? ''
  const type = field(request, 'bucketType') === 'memcached' ? 'memcached' : 'membase'
  const ramMegabytes = Number(field(request, 'ramQuotaMB') ?? 100)
  const shardCount = Number(field(request, 'shards') ?? 8)
  const bucket = newBucket(name, type, { ramMegabytes, shardCount: shardCount || 1 })
  const errors = readSettings(request, cluster, bucket)
  if (name === '') errors.name = 'Bucket name cannot be empty'
  else if (!/^[A-Za-z0-9._%-]+$/.test(name)) {
    errors.name =
      'Bucket name can only contain characters in range A-Z, a-z, 0-9 as well as underscore, ' +
      'period, dash & percent. Consult the documentation.'
  } else if (cluster.bucket(name)) errors.name = 'Bucket with given name already exists'
  if (!(shardCount >= 1 && shardCount <= 64)) {
    errors.shards = 'Shards must be an integer between 1 and 64'
  }
  const summaries = summariesOf(cluster, name, ramMegabytes)
  if (Object.keys(errors).length > 0) throw new MockRefusal(400, { errors, summaries })
  if (isCheckOnly(request)) return { errors: {}, warnings: warningsOf(cluster, bucket), summaries }
  cluster.state.buckets.push(bucket)
  cluster.place(bucket)
  cluster.log('info', 'bucket', `bucket ${name} created`)
  return undefined
}

function edit(request: MockRequest, cluster: MockCluster): BucketCheck | undefined {
  const bucket = asked(request, cluster)
  const draft = { ...bucket }
  draft.ramMegabytes = Number(field(request, 'ramQuotaMB') ?? draft.ramMegabytes)
  const errors = readSettings(request, cluster, draft)
  const summaries = summariesOf(cluster, bucket.name, draft.ramMegabytes)
  if (Object.keys(errors).length > 0) throw new MockRefusal(400, { errors, summaries })
  if (isCheckOnly(request)) return { errors: {}, warnings: warningsOf(cluster, draft), summaries }
  Object.assign(bucket, draft)
  cluster.changed()
  return undefined
}

function readSettings(
  request: MockRequest,
  cluster: MockCluster,
  bucket: MockBucket,
): Record<string, string> {
  const errors: Record<string, string> = {}
  const least = bucket.type === 'membase' ? 100 : 64
  const others = cluster.state.buckets.filter((b) => b.name !== bucket.name)
  const given = others.reduce((sum, b) => sum + b.ramMegabytes, bucket.ramMegabytes)
  if (Number.isNaN(bucket.ramMegabytes)) {
    errors.ramQuotaMB = 'The RAM Quota must be specified and must be a positive integer.'
  } else if (bucket.ramMegabytes < least) {
    errors.ramQuotaMB = `RAM quota cannot be less than ${least} MB`
  } else if (given > cluster.state.memoryQuota) {
    errors.ramQuotaMB = 'RAM quota specified is too large to be provisioned into this cluster.'
  }
  const replicas = Number(field(request, 'replicaNumber') ?? bucket.replicaCount)
  if (replicas > 3) errors.replicaNumber = 'Replica number larger than 3 is not supported.'
  else bucket.replicaCount = bucket.type === 'memcached' ? 0 : replicas
  if (field(request, 'authType')) {
    bucket.authType = field(request, 'authType') === 'none' ? 'none' : 'sasl'
  }
  bucket.saslPassword = field(request, 'saslPassword') ?? bucket.saslPassword
  bucket.proxyPort = Number(field(request, 'proxyPort') ?? bucket.proxyPort)
  if (bucket.authType === 'none' && !(bucket.proxyPort > 1024)) {
    errors.proxyPort = 'proxy port is invalid'
  }
  bucket.eviction =
    oneOf(field(request, 'eviction'), ['refuse', 'expiring', 'lru']) ?? bucket.eviction
  bucket.persistence =
    oneOf(field(request, 'persistence'), ['everysec', 'always', 'none']) ?? bucket.persistence
  if (field(request, 'durability')) {
    bucket.durability = field(request, 'durability') === 'none' ? 'none' : 'replicated'
  }
  if (field(request, 'degradedWrites')) {
    bucket.degradedWrites = field(request, 'degradedWrites') === 'refuse' ? 'refuse' : 'allow'
  }
  return errors
}

function oneOf<T extends string>(text: string | undefined, of: readonly T[]): T | undefined {
  return of.find((one) => one === text)
}

function warningsOf(cluster: MockCluster, bucket: MockBucket): Record<string, string> {
  if (cluster.dataNodes().length > bucket.replicaCount) return {}
  return {
    replicaNumber:
      'Warning: you do not have enough data servers to support this number of replicas.',
  }
}

function summariesOf(cluster: MockCluster, name: string, megabytes: number): BucketSummaries {
  const nodes = Math.max(cluster.dataNodes().length, 1)
  const own = cluster.bucket(name)
  const others = cluster.state.buckets.filter((b) => b !== own)
  const otherBuckets = others.reduce((sum, b) => sum + b.ramMegabytes * MEGABYTE * nodes, 0)
  const total = cluster.state.memoryQuota * MEGABYTE * nodes
  const wanted = Number.isFinite(megabytes) ? megabytes : 0
  const thisAlloc = wanted * MEGABYTE * nodes
  const otherDisk = others.reduce((sum, b) => sum + memoryOf(b) * 1.3, 0)
  return {
    ramSummary: {
      total,
      otherBuckets,
      nodesCount: nodes,
      perNodeMegs: wanted,
      thisAlloc,
      thisUsed: own ? memoryOf(own) : 0,
      free: total - otherBuckets - thisAlloc,
    },
    hddSummary: {
      total: 200 * GIGABYTE * nodes,
      otherData: 60 * GIGABYTE * nodes,
      otherBuckets: otherDisk,
      thisUsed: own ? memoryOf(own) * 1.3 : 0,
      free: 139 * GIGABYTE * nodes,
    },
  }
}

function remove(request: MockRequest, cluster: MockCluster): object | undefined {
  const bucket = asked(request, cluster)
  if (isCheckOnly(request)) {
    const items = bucket.shards.reduce((sum, s) => sum + s.items, 0)
    return { items, memoryBytes: memoryOf(bucket), diskBytes: Math.round(memoryOf(bucket) * 1.3) }
  }
  cluster.state.buckets = cluster.state.buckets.filter((b) => b !== bucket)
  cluster.log('info', 'bucket', `bucket ${bucket.name} deleted`)
  cluster.changed()
  return undefined
}

function flush(request: MockRequest, cluster: MockCluster): void {
  const bucket = asked(request, cluster)
  for (const shard of bucket.shards) Object.assign(shard, { items: 0, bytes: 0 })
  cluster.log('info', 'bucket', `bucket ${bucket.name} flushed`)
  cluster.changed()
}

function oneStat(cluster: MockCluster, bucket: MockBucket, stat: string, zoom?: string): NodeStats {
  const nodes = cluster.dataNodes()
  const { samples } = stats(cluster, [bucket], zoom, 1 / Math.max(nodes.length, 1)).op
  const track = samples[stat]
  if (!track) throw new MockRefusal(404, '"unknown stat"')
  const silent = nodes.filter((n) => !n.isAlive)
  const heard = nodes.filter((n) => n.isAlive)
  return {
    timestamp: samples.timestamp,
    nodeStats: Object.fromEntries(heard.map((n) => [n.hostname, track])),
    ...(silent.length > 0 ? { nodesMissing: silent.map((n) => n.otpNode) } : {}),
  }
}

/** Samples of buckets together; `share` for one node of them. */
function stats(
  cluster: MockCluster,
  buckets: readonly MockBucket[],
  zoom = 'minute',
  share = 1,
): Stats {
  const interval = STEP_MS[zoom] ?? 1000
  const lastTStamp = Math.floor(cluster.nowMs / interval) * interval
  const timestamp = Array.from(
    { length: SAMPLES },
    (_, index) => lastTStamp - (SAMPLES - 1 - index) * interval,
  )
  const track = (of: (timeMs: number) => number): number[] =>
    timestamp.map((timeMs) => Math.round(of(timeMs) * 100) / 100)
  const total = (of: (bucket: MockBucket) => number): number =>
    buckets.reduce((sum, b) => sum + of(b), 0) * share
  const ops = (timeMs: number): number => total((b) => opsOf(cluster, b, timeMs))
  const nodes = Math.max(cluster.dataNodes().length, 1)
  const items = total((b) => b.shards.reduce((sum, s) => sum + s.items, 0))
  const memory = total(memoryOf)
  const around =
    (base: number, seed: number) =>
    (timeMs: number): number =>
      wave(timeMs, { base, seed })
  const samples = {
    timestamp,
    ops: track(ops),
    cmd_get: track((t) => ops(t) * 0.71),
    get_hits: track((t) => ops(t) * 0.71 * 0.974),
    get_misses: track((t) => ops(t) * 0.71 * 0.026),
    cmd_set: track((t) => ops(t) * 0.27),
    delete_hits: track((t) => ops(t) * 0.02),
    hit_ratio: track((t) => 97.4 + Math.sin(t / 30_000) * 0.4),
    get_p50_ms: track(around(0.21, 3)),
    get_p99_ms: track(around(0.9, 4)),
    set_p50_ms: track(around(0.34, 5)),
    set_p99_ms: track(around(1.6, 6)),
    curr_items: track((t) => items + Math.sin(t / 60_000) * items * 0.01),
    mem_used: track((t) => memory * (1 + Math.sin(t / 90_000) * 0.01)),
    ep_max_data_size: track(() => total((b) => b.ramMegabytes * MEGABYTE) * nodes),
    evictions: track(() => 0),
    ep_tmp_oom_errors: track(() => 0),
    replication_lag_bytes: track(around(1400, 7)),
    curr_connections: track(around(64, 8)),
    proxy_connections: track(around(480, 9)),
    proxy_errors: track(() => 0),
    disk_bytes: track(() => memory * 1.3),
    cpu_utilization_rate: track(around(24, 2)),
  }
  return {
    op: { samples, samplesCount: SAMPLES, isPersistent: true, lastTStamp, interval },
    hot_keys: [],
  }
}
