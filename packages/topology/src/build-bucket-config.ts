// Writes the bucket object as Membase's REST and config streams show it, members in the original's
// order: some clients of the time read it with patterns rather than a JSON parser. A membase bucket
// has a vBucketServerMap, a memcached bucket has none; that is how clients tell them apart.

import type { HoldfastExtension } from './bucket-config.ts'
import { buildNodesExt, type ConfigRevision, type NodeServices } from './build-terse-config.ts'

/** A node as a bucket object shows it. */
export interface BucketNodeInput {
  /** REST address, `host:port`. */
  hostname: string
  status: 'healthy' | 'warmup' | 'unhealthy'
  clusterMembership: 'active' | 'inactiveAdded' | 'inactiveFailed'
  ports: { proxy: number; direct: number }
  version: string
  os: string
  /** How much of the data is replicated, 0..1; default 1. */
  replication?: number
  /** Default 1. */
  clusterCompatibility?: number
  /** Whether this node answers. */
  thisNode?: boolean
}

/** What `buildBucketConfig` needs to know. */
export interface BucketConfigInput {
  name: string
  bucketType: 'membase' | 'memcached'
  authType?: 'sasl' | 'none'
  saslPassword?: string
  /** Only with `authType` none; default 0. */
  proxyPort?: number
  uuid?: string
  nodes: readonly BucketNodeInput[]
  /** `host:port` of the data ports, the answering node first. */
  serverList: readonly string[]
  /** One row per vBucket: active, then replicas, as indexes of `serverList`; -1 is none. */
  vBucketMap: readonly (readonly number[])[]
  vBucketMapForward?: readonly (readonly number[])[]
  replicaNumber: number
  /** Bytes: of all nodes and of one. */
  quota: { ram: number; rawRAM: number }
  basicStats?: Readonly<Record<string, number>>
  /** What clients of today read beside the original's members. */
  revision?: ConfigRevision
  services?: readonly NodeServices[]
  /** Only for Holdfast's own proxies: it holds credentials. */
  holdfast?: HoldfastExtension
}

/** The bucket object, ready for `JSON.stringify`. */
export function buildBucketConfig(input: BucketConfigInput): Record<string, unknown> {
  const uri = `/pools/default/buckets/${encodeURIComponent(input.name)}`
  const isMembase = input.bucketType === 'membase'
  return {
    name: input.name,
    bucketType: input.bucketType,
    authType: input.authType ?? 'sasl',
    saslPassword: input.saslPassword ?? '',
    proxyPort: input.proxyPort ?? 0,
    uri,
    streamingUri: `/pools/default/bucketsStreaming/${encodeURIComponent(input.name)}`,
    flushCacheUri: `${uri}/controller/doFlush`,
    nodes: input.nodes.map(buildNode),
    stats: {
      uri: `${uri}/stats`,
      directoryURI: `${uri}/statsDirectory`,
      nodeStatsListURI: `${uri}/nodes`,
    },
    nodeLocator: isMembase ? 'vbucket' : 'ketama',
    ...(input.uuid === undefined ? {} : { uuid: input.uuid }),
    ...(isMembase ? { vBucketServerMap: buildMap(input) } : {}),
    ...(input.revision ?? {}),
    ...(input.services === undefined ? {} : { nodesExt: buildNodesExt(input.services) }),
    replicaNumber: input.replicaNumber,
    quota: { ram: input.quota.ram, rawRAM: input.quota.rawRAM },
    basicStats: { ...input.basicStats },
    ...(input.holdfast === undefined ? {} : { holdfast: input.holdfast }),
  }
}

function buildMap(input: BucketConfigInput): Record<string, unknown> {
  const forward = input.vBucketMapForward
  return {
    hashAlgorithm: 'CRC',
    numReplicas: input.replicaNumber,
    serverList: input.serverList,
    vBucketMap: input.vBucketMap,
    ...(forward === undefined ? {} : { vBucketMapForward: forward }),
  }
}

function buildNode(node: BucketNodeInput): Record<string, unknown> {
  return {
    replication: node.replication ?? 1,
    clusterMembership: node.clusterMembership,
    status: node.status,
    ...(node.thisNode === true ? { thisNode: true } : {}),
    hostname: node.hostname,
    clusterCompatibility: node.clusterCompatibility ?? 1,
    version: node.version,
    os: node.os,
    ports: { proxy: node.ports.proxy, direct: node.ports.direct },
  }
}
