// What a bucket config says, whoever published it: Membase, Couchbase or Holdfast's own store.
// parse-bucket-config.ts reads the JSON, build-bucket-config.ts writes it.

/** Where one shard of a bucket lives now. */
export interface ShardRoute {
  /** Inclusive range. */
  vBuckets: [from: number, to: number]
  /** `host:port` of the engine that takes writes; null while there is no live copy. */
  primary: string | null
  /** In-sync replicas that a write has to reach; none in a replicated bucket means degraded. */
  replicas: string[]
}

/** What only Holdfast's proxies are told: the engines behind the vBuckets. */
export interface HoldfastExtension {
  /** Grows with every change; a config with a lower one is stale. */
  rev: number
  durability: 'replicated' | 'none'
  /** What happens to a replicated bucket's writes to a shard without replica. */
  degradedWrites: 'allow' | 'refuse'
  /** Whether a replica may answer reads while its primary is away; not unless it says so. */
  replicaReads?: boolean
  shards: ShardRoute[]
  /** Credentials for the engines. */
  auth: { username: string; password: string }
  /** What logins to the bucket are checked against; null: there is no password. */
  login?: BucketLoginKeys | null
  /** Only for the gateway of a node: the admin may log in at its vBucket port. */
  admin?: { username: string; login: BucketLoginKeys }
}

/** Salted keys of one password (RFC 5802), base64. */
export interface BucketLoginKey {
  salt: string
  iterations: number
  storedKey: string
  serverKey: string
}

/** The keys by hash function. */
export type BucketLoginKeys = Record<'sha512' | 'sha256' | 'sha1', BucketLoginKey>

/** One member of the bucket's node list. */
export interface BucketNode {
  /** REST address, `host:port`. */
  hostname: string
  status: string
  clusterMembership: string
  ports: { proxy: number; direct: number }
  /** Set of the node that sent the config. */
  thisNode?: true
}

/** One usable bucket config. */
export interface BucketConfig {
  name: string
  bucketType: 'membase' | 'memcached'
  uuid: string | null
  /** Couchbase numbers its configs: the higher epoch, then the higher rev is newer. */
  rev: number | null
  revEpoch: number
  saslPassword: string
  /** Memcached port that leads to this bucket without a login; 0 is none. */
  proxyPort: number
  nodeLocator: 'vbucket' | 'ketama'
  nodes: BucketNode[]
  /** `host:port` of the data ports; what the map's numbers point at. */
  serverList: string[]
  numReplicas: number
  /** Per vBucket: server of the active copy, then of the replicas; -1 is none. Empty for ketama. */
  vBucketMap: number[][]
  /** Where vBuckets are moving to, only during a rebalance. */
  vBucketMapForward: number[][] | null
  holdfast: HoldfastExtension | null
}
