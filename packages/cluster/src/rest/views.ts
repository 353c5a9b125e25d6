/**
 * The cluster as Membase's JSON shows it. Pure functions of the document and of what the members
 * report; names and order of fields are the original's.
 */
import {
  type BucketConfigInput,
  type BucketNodeInput,
  buildBucketConfig,
  type HoldfastExtension,
  shardRanges,
  VBUCKETS,
} from '@holdfast/topology'
import {
  type Bucket,
  type ClusterDocument,
  hostnameOf,
  type Member,
  otpNodeOf,
  wantedReplicas,
} from '../document/cluster-document.ts'
import { ENGINE_DATA_USER } from '../engines/engine-config.ts'
import type { MemberStatus } from '../membership/messages.ts'
import type { BucketPicture } from '../reconcile/picture.ts'

const MEGABYTE = 1024 * 1024
const NONE = -1

export interface ViewSource {
  document: ClusterDocument
  self: number
  version: string
  isLive(member: number): boolean
  status(member: number): MemberStatus | null
  pictures(): BucketPicture[]
}

export type NodeHealth = 'healthy' | 'warmup' | 'unhealthy'

export function healthOf(source: ViewSource, member: Member): NodeHealth {
  if (!source.isLive(member.id)) return 'unhealthy'
  const engines = source.status(member.id)?.engines ?? []
  return engines.every((e) => e.state === 'running') ? 'healthy' : 'warmup'
}

/** Share of this member's primaries that have all the replicas they should have. */
function replicationOf(source: ViewSource, member: Member): number {
  let led = 0
  let whole = 0
  for (const bucket of source.document.buckets) {
    for (const shard of bucket.shards) {
      if (shard.primary !== member.id) continue
      led++
      if (shard.replicas.length >= wantedReplicas(source.document, bucket)) whole++
    }
  }
  return led === 0 ? 1 : whole / led
}

function bucketNode(source: ViewSource, member: Member): BucketNodeInput {
  return {
    hostname: hostnameOf(member),
    status: healthOf(source, member),
    clusterMembership: member.membership,
    ports: { proxy: member.gatewayPort, direct: member.dataPort },
    version: source.version,
    os: `${process.arch}-${process.platform}`,
    replication: replicationOf(source, member),
    ...(member.id === source.self ? { thisNode: true } : {}),
  }
}

/** The node object of `/pools/default`. */
export function nodeView(source: ViewSource, member: Member): Record<string, unknown> {
  const status = source.status(member.id)
  const data = status?.engines.filter((e) => e.shard >= 0) ?? []
  const items = (role: string): number =>
    data.filter((e) => e.role === role).reduce((sum, e) => sum + e.items, 0)
  return {
    ...bucketNode(source, member),
    otpNode: otpNodeOf(member),
    uptime: String(status?.uptimeSeconds ?? 0),
    memoryTotal: status?.memoryTotalBytes ?? 0,
    memoryFree: status?.memoryFreeBytes ?? 0,
    interestingStats: {
      curr_items: items('primary'),
      curr_items_tot: items('primary') + items('replica'),
      vb_replica_curr_items: items('replica'),
    },
    clusterCompatibility: 1,
    arbiter: member.arbiter,
  }
}

export function balanced(source: ViewSource): boolean {
  const { members, rebalancing } = source.document
  return !rebalancing && members.every((m) => m.membership === 'active' && !m.ejecting)
}

export function poolView(source: ViewSource): Record<string, unknown> {
  const { document } = source
  const action = (name: string): { uri: string } => ({ uri: `/controller/${name}` })
  return {
    name: 'default',
    alerts: [],
    nodes: document.members.map((m) => nodeView(source, m)),
    buckets: { uri: '/pools/default/buckets' },
    controllers: {
      addNode: action('addNode'),
      rebalance: action('rebalance'),
      failOver: action('failOver'),
    },
    balanced: balanced(source),
    failoverWarnings: failoverWarnings(source),
    rebalanceStatus: document.rebalancing ? 'running' : 'none',
    rebalanceProgressUri: '/pools/default/rebalanceProgress',
    nodeStatusesUri: '/nodeStatuses',
  }
}

function failoverWarnings(source: ViewSource): string[] {
  const { document } = source
  const data = document.members.filter((m) => m.membership === 'active' && !m.arbiter)
  const warnings: string[] = []
  if (data.length < 2) warnings.push('hardNodesNeeded')
  if (data.some((m) => !source.isLive(m.id))) warnings.push('failoverNeeded')
  if (!balanced(source)) warnings.push('rebalanceNeeded')
  return warnings
}

/** Members that hold a part of the bucket's map, the answering one first. */
function servers(source: ViewSource, bucket: Bucket): Member[] {
  const holding = new Set(
    bucket.shards.flatMap((s) => [...(s.primary === null ? [] : [s.primary]), ...s.replicas]),
  )
  const members = source.document.members.filter((m) => holding.has(m.id) && !m.arbiter)
  return [
    ...members.filter((m) => m.id === source.self),
    ...members.filter((m) => m.id !== source.self),
  ]
}

function mapRows(bucket: Bucket, list: readonly Member[]): number[][] {
  const indexOf = new Map(list.map((m, index) => [m.id, index]))
  const rows: number[][] = []
  const ranges = shardRanges(bucket.shards.length)
  for (const [index, shard] of bucket.shards.entries()) {
    const copies = [shard.primary, ...shard.replicas.slice(0, bucket.replicaCount)]
    const row = copies.map((id) => (id === null ? NONE : (indexOf.get(id) ?? NONE)))
    while (row.length < bucket.replicaCount + 1) row.push(NONE)
    const [from, to] = ranges[index] ?? [0, NONE]
    for (let v = from; v <= to; v++) rows.push(row)
  }
  return rows
}

/** `rev` of a document as one number: grows with every committed change. */
export function revisionOf(document: ClusterDocument): number {
  return document.term * 2 ** 31 + document.rev
}

function extension(source: ViewSource, bucket: Bucket): HoldfastExtension {
  const { document } = source
  const ranges = shardRanges(bucket.shards.length)
  return {
    rev: revisionOf(document),
    durability: bucket.durability,
    degradedWrites: bucket.degradedWrites,
    shards: bucket.shards.map((shard, index) => {
      const address = (id: number): string | null => {
        const member = document.members.find((m) => m.id === id)
        const port = shard.instances.find((i) => i.member === id)?.port
        return member && port !== undefined ? `${member.host}:${port}` : null
      }
      return {
        vBuckets: ranges[index] ?? [0, VBUCKETS - 1],
        primary: shard.primary === null || !shard.created ? null : address(shard.primary),
        replicas: shard.replicas.flatMap((id) => address(id) ?? []),
      }
    }),
    auth: { username: ENGINE_DATA_USER, password: bucket.engineDataPassword },
  }
}

/** The bucket object; `forProxy` adds the engines and their credentials. */
export function bucketView(
  source: ViewSource,
  bucket: Bucket,
  options: { forProxy?: boolean; showPassword?: boolean } = {},
): Record<string, unknown> {
  const { document } = source
  const list = servers(source, bucket)
  const created = bucket.shards.every((shard) => shard.created)
  const dataNodes = document.members.filter((m) => m.membership !== 'inactiveAdded' && !m.arbiter)
  const picture = source.pictures().find((p) => p.bucket.uuid === bucket.uuid)
  const input: BucketConfigInput = {
    name: bucket.name,
    bucketType: bucket.type,
    uuid: bucket.uuid,
    saslPassword: options.showPassword ? bucket.saslPassword : '',
    nodes: dataNodes.map((m) => bucketNode(source, m)),
    serverList: list.map((m) => `${m.host}:${m.dataPort}`),
    vBucketMap: created ? mapRows(bucket, list) : [],
    replicaNumber: bucket.replicaCount,
    quota: {
      ram: bucket.ramMegabytes * MEGABYTE * dataNodes.length,
      rawRAM: bucket.ramMegabytes * MEGABYTE,
    },
    basicStats: basicStats(picture, bucket),
    ...(options.forProxy ? { holdfast: extension(source, bucket) } : {}),
  }
  return buildBucketConfig(input)
}

function basicStats(picture: BucketPicture | undefined, bucket: Bucket): Record<string, number> {
  let items = 0
  let memoryBytes = 0
  for (const shard of picture?.shards ?? []) {
    for (const engine of shard.engines) {
      memoryBytes += engine.memoryBytes
      if (engine.member === shard.primary) items += engine.items
    }
  }
  const nodes = new Set(picture?.shards.flatMap((s) => s.engines.map((e) => e.member))).size
  const quotaBytes = bucket.ramMegabytes * MEGABYTE * Math.max(nodes, 1)
  return {
    quotaPercentUsed: Math.round((memoryBytes / quotaBytes) * 10_000) / 100,
    itemCount: items,
    memUsed: memoryBytes,
  }
}
