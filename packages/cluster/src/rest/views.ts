/**
 * Buckets as Membase's and Couchbase's JSON show them. Pure functions of the document and of what
 * the members report; names and order of fields are the original's. Pool and nodes: pool-view.ts.
 */
import {
  BUCKET_CAPABILITIES,
  type BucketConfigInput,
  type BucketNodeInput,
  buildBucketConfig,
  buildTerseConfig,
  type ConfigRevision,
  type HoldfastExtension,
  type NodeServices,
  shardRanges,
  VBUCKETS,
} from '@holdfast/topology'
import { MEGABYTE } from '../buckets/quota.ts'
import { basicStats, bucketUsage } from '../buckets/usage.ts'
import {
  type Bucket,
  type ClusterDocument,
  hostnameOf,
  type Member,
  wantedReplicas,
} from '../document/cluster-document.ts'
import { ENGINE_DATA_USER } from '../engines/engine-config.ts'
import type { MemberStatus } from '../membership/messages.ts'
import type { Alert, MemberFigures } from '../observe/member-figures.ts'
import type { BucketPicture } from '../reconcile/picture.ts'

const NONE = -1
/** Of a bucket whose writes are acknowledged at once. */
const UNREPLICATED_CAPABILITIES = BUCKET_CAPABILITIES.filter((one) => one !== 'durableWrite')

export interface ViewSource {
  document: ClusterDocument
  self: number
  version: string
  isLive(member: number): boolean
  status(member: number): MemberStatus | null
  pictures(): BucketPicture[]
  /** What a member last said of its machine; absent or null before it has. */
  figures?(member: number): MemberFigures | null
  /** Alerts of all members. */
  alerts?(): readonly MemberAlert[]
  /** Address at which the caller has reached this node. */
  localAddress?: string
}

/** An alert, and the member that has raised it. */
export interface MemberAlert extends Alert {
  member: number
}

/** A member that knows itself by a loopback or wildcard address is shown as it was reached. */
export function hostOf(source: ViewSource, member: Member): string {
  const { localAddress } = source
  const isVague = /^(127\.|0\.0\.0\.0$|localhost$|::1?$)/.test(member.host)
  if (!isVague || member.id !== source.self || localAddress === undefined) return member.host
  const address = localAddress.replace(/^::ffff:/, '')
  return address === '' || address === '::1' ? member.host : address
}

/** `host:port` of a member's REST port, as the caller can reach it. */
export function restAddressOf(source: ViewSource, member: Member): string {
  return hostnameOf({ host: hostOf(source, member), restPort: member.restPort })
}

export type NodeHealth = 'healthy' | 'warmup' | 'unhealthy'

export function healthOf(source: ViewSource, member: Member): NodeHealth {
  if (!source.isLive(member.id)) return 'unhealthy'
  const engines = source.status(member.id)?.engines ?? []
  return engines.every((e) => e.state === 'running') ? 'healthy' : 'warmup'
}

/** Share of this member's primaries that have all the replicas they should have. */
export function replicationOf(source: ViewSource, member: Member): number {
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

export function bucketNode(source: ViewSource, member: Member): BucketNodeInput {
  return {
    hostname: restAddressOf(source, member),
    status: healthOf(source, member),
    clusterMembership: member.membership,
    ports: { proxy: member.gatewayPort, direct: member.dataPort },
    version: source.version,
    os: `${process.arch}-${process.platform}`,
    replication: replicationOf(source, member),
    ...(member.id === source.self ? { thisNode: true } : {}),
  }
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

/** Couchbase's revision of a config: the leader's term is the epoch. */
export function configRevision(document: ClusterDocument): ConfigRevision {
  return { rev: document.rev, revEpoch: Math.max(document.term, 1) }
}

/** Ports of the members; those of the bucket's map first, in its order. */
export function nodeServices(source: ViewSource, first: readonly Member[] = []): NodeServices[] {
  const others = source.document.members.filter(
    (m) => m.membership === 'active' && !first.includes(m),
  )
  return [...first, ...others].map((m) => {
    const tlsPort = source.figures?.(m.id)?.tlsPort ?? null
    return {
      hostname: hostOf(source, m),
      mgmt: m.restPort,
      ...(tlsPort === null ? {} : { mgmtSSL: tlsPort }),
      ...(m.arbiter ? {} : { kv: m.dataPort }),
      ...(m.id === source.self ? { thisNode: true } : {}),
    }
  })
}

/** The terse config of `/pools/default/b/`. */
export function terseView(source: ViewSource, bucket: Bucket): Record<string, unknown> {
  const list = servers(source, bucket)
  return buildTerseConfig({
    ...configRevision(source.document),
    name: bucket.name,
    bucketType: bucket.type,
    uuid: bucket.uuid,
    nodes: nodeServices(source, list),
    serverList: list.map((m) => `${hostOf(source, m)}:${m.dataPort}`),
    vBucketMap: isCreated(bucket) ? mapRows(bucket, list) : [],
    replicaNumber: bucket.replicaCount,
    ...(isCacheOrDurable(bucket) ? {} : { capabilities: UNREPLICATED_CAPABILITIES }),
  })
}

function isCacheOrDurable({ type, durability }: Bucket): boolean {
  return type === 'memcached' || durability === 'replicated'
}

function isCreated(bucket: Bucket): boolean {
  return bucket.shards.every((shard) => shard.created)
}

/** `rev` of a document as one number: grows with every committed change. */
export function revisionOf(document: ClusterDocument): number {
  return document.term * 2 ** 31 + document.rev
}

function extension(
  { document }: ViewSource,
  bucket: Bucket,
  forGateway: boolean = false,
): HoldfastExtension {
  const { username = '', scram } = document.admin ?? {}
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
    login: bucket.login?.scram ?? null,
    ...(forGateway && scram ? { admin: { username, login: scram } } : {}),
  }
}

/**
 * The bucket object; `forProxy` adds the engines, their credentials and what logins are checked
 * against, `forGateway` the admin's login as well. Passwords of buckets are shown to nobody: this
 * store does not know them.
 */
export function bucketView(
  source: ViewSource,
  bucket: Bucket,
  options: { forProxy?: boolean; forGateway?: boolean } = {},
): Record<string, unknown> {
  const { document } = source
  const list = servers(source, bucket)
  const dataNodes = document.members.filter((m) => m.membership !== 'inactiveAdded' && !m.arbiter)
  const nodes = [...list, ...dataNodes.filter((m) => !list.includes(m))]
  const usage = bucketUsage(document, bucket, (member) => source.status(member))
  const input: BucketConfigInput = {
    name: bucket.name,
    bucketType: bucket.type,
    uuid: bucket.uuid,
    authType: bucket.authType,
    proxyPort: bucket.proxyPort ?? 0,
    saslPassword: '',
    nodes: nodes.map((m) => bucketNode(source, m)),
    revision: configRevision(document),
    services: nodeServices(source, list),
    serverList: list.map((m) => `${hostOf(source, m)}:${m.dataPort}`),
    vBucketMap: isCreated(bucket) ? mapRows(bucket, list) : [],
    replicaNumber: bucket.replicaCount,
    quota: {
      ram: bucket.ramMegabytes * MEGABYTE * dataNodes.length,
      rawRAM: bucket.ramMegabytes * MEGABYTE,
    },
    basicStats: basicStats(document, bucket, usage),
    ...(options.forProxy ? { holdfast: extension(source, bucket, options.forGateway) } : {}),
  }
  const { durability, degradedWrites, eviction, persistence } = bucket
  const { troubles } = usage
  const isTroubled = Object.keys(troubles).length > 0
  return {
    ...buildBucketConfig(input),
    hasPassword: bucket.login !== null,
    ...{ durability, degradedWrites, eviction, persistence },
    ...(isTroubled ? { troubles } : {}),
  }
}
