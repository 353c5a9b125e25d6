// Writes the terse bucket config that clients of Couchbase's time read, over REST
// (`/pools/default/b/`) and as the value of opcode 0xb5: the same map as in the bucket object,
// fewer members. Such clients take the numbers of the map for positions in `nodesExt`, so it
// begins with the servers of the map, in the map's order; members without a part of the map
// follow.

/** Ports of one member, as clients of today look for them. */
export interface NodeServices {
  /** Host name or address. */
  hostname: string
  /** REST port. */
  mgmt: number
  /** vBucket port; absent for a member without data. */
  kv?: number
  /** REST port with TLS; absent without one. */
  mgmtSSL?: number
  /** vBucket port with TLS; absent without one. */
  kvSSL?: number
  /** Whether this member answers. */
  thisNode?: boolean
}

/** Which of two configs is newer: the higher epoch, then the higher rev. */
export interface ConfigRevision {
  rev: number
  revEpoch: number
}

/** What `buildTerseConfig` needs to know. */
export interface TerseConfigInput extends ConfigRevision {
  name: string
  bucketType: 'membase' | 'memcached'
  uuid: string
  /** Members that hold a part of the map first, in the order of `serverList`. */
  nodes: readonly NodeServices[]
  /** `host:port` of the vBucket ports. */
  serverList: readonly string[]
  vBucketMap: readonly (readonly number[])[]
  vBucketMapForward?: readonly (readonly number[])[]
  replicaNumber: number
  capabilities?: readonly string[]
}

/** What a membase bucket of this store can do, in Couchbase's words. */
export const BUCKET_CAPABILITIES: readonly string[] = [
  'durableWrite',
  'touch',
  'cbhello',
  'nodesExt',
]

/** The member `nodesExt`. */
export function buildNodesExt(nodes: readonly NodeServices[]): Record<string, unknown>[] {
  return nodes.map(({ hostname, thisNode, mgmt, kv, mgmtSSL, kvSSL }) => ({
    services: {
      mgmt,
      ...(mgmtSSL === undefined ? {} : { mgmtSSL }),
      ...(kv === undefined ? {} : { kv }),
      ...(kvSSL === undefined ? {} : { kvSSL }),
    },
    ...(thisNode === true ? { thisNode: true } : {}),
    hostname,
  }))
}

/** The config without a bucket: who the members are. Never without `nodesExt`: clients crash. */
export function buildNodeServices(
  revision: ConfigRevision,
  nodes: readonly NodeServices[],
): Record<string, unknown> {
  return {
    rev: revision.rev,
    revEpoch: revision.revEpoch,
    nodesExt: buildNodesExt(nodes),
    clusterCapabilitiesVer: [1, 0],
    clusterCapabilities: {},
  }
}

/** The terse config of a bucket, ready for `JSON.stringify`. */
export function buildTerseConfig(input: TerseConfigInput): Record<string, unknown> {
  const name = encodeURIComponent(input.name)
  const isMembase = input.bucketType === 'membase'
  const withData = input.nodes.filter((node) => node.kv !== undefined)
  const forward = input.vBucketMapForward
  return {
    rev: input.rev,
    revEpoch: input.revEpoch,
    name: input.name,
    nodeLocator: isMembase ? 'vbucket' : 'ketama',
    uuid: input.uuid,
    uri: `/pools/default/buckets/${name}`,
    streamingUri: `/pools/default/bucketsStreaming/${name}`,
    bucketCapabilitiesVer: '',
    bucketCapabilities: input.capabilities ?? (isMembase ? BUCKET_CAPABILITIES : ['cbhello']),
    nodes: withData.map(({ hostname, mgmt, kv }) => ({
      hostname: `${hostname}:${mgmt}`,
      ports: { direct: kv },
    })),
    nodesExt: buildNodesExt(input.nodes),
    ...(isMembase
      ? {
          vBucketServerMap: {
            hashAlgorithm: 'CRC',
            numReplicas: input.replicaNumber,
            serverList: input.serverList,
            vBucketMap: input.vBucketMap,
            ...(forward === undefined ? {} : { vBucketMapForward: forward }),
          },
        }
      : {}),
    clusterCapabilitiesVer: [1, 0],
    clusterCapabilities: {},
  }
}
