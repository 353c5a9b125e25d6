/** What the REST answers, as far as the console reads it. The reference has all of it. */

export interface Who {
  user: string | null
  role: 'admin' | 'reader' | 'none'
  provisioned: boolean
  expiresInSeconds: number | null
  version: string
  /** `host:port` of the node that has served the page. */
  node: string
  otpNode: string
}

export interface Login {
  user: string
  role: 'admin' | 'reader'
  expiresInSeconds: number
}

export interface Ticket {
  ticket: string
  expiresInSeconds: number
}

export type NodeStatus = 'healthy' | 'warmup' | 'unhealthy'
export type Membership = 'active' | 'inactiveAdded' | 'inactiveFailed'

/** `GET /pools/default/topology` */
export interface Topology {
  rev: number
  leader: string | null
  nodes: TopologyNode[]
  buckets: TopologyBucket[]
  health: Health
}

export type HealthWord = 'healthy' | 'rebalancing' | 'degraded' | 'unavailable' | 'noBuckets'

export interface Health {
  word: HealthWord
  reasons: string[]
}

export interface TopologyNode {
  otpNode: string
  hostname: string
  serverGroup: string
  arbiter: boolean
  clusterMembership: Membership
  status: NodeStatus
  isLeader: boolean
  vBuckets: VBuckets
  engines: { running: number; wanted: number }
}

export interface VBuckets {
  active: number
  replica: number
}

export interface TopologyBucket {
  name: string
  type: BucketType
  replicaNumber: number
  wantedReplicas: number
  shards: TopologyShard[]
}

export interface TopologyShard {
  shard: number
  vBuckets: [from: number, to: number]
  primary: string | null
  copies: Copy[]
}

export interface Copy {
  otpNode: string
  role: 'primary' | 'replica'
  inSync: boolean
  state: string
  items: number
  memoryBytes: number
  /** Null while the primary does not know it. */
  lagBytes: number | null
}

export type BucketType = 'membase' | 'memcached'

/** `GET /pools/default` */
export interface Pool {
  name: string
  alerts: string[]
  nodes: PoolNode[]
  balanced: boolean
  failoverWarnings: string[]
  rebalanceStatus: 'none' | 'running'
  memoryQuota: number
  storageTotals: StorageTotals
}

export interface StorageTotals {
  ram: { quotaUsed: number; usedByData: number; total: number; quotaTotal: number; used: number }
  hdd: { usedByData: number; total: number; quotaTotal: number; used: number; free: number }
}

export interface PoolNode {
  hostname: string
  otpNode: string
  status: NodeStatus
  clusterMembership: Membership
  replication: number
  version: string
  os: string
  ports: { proxy: number; direct: number }
  thisNode?: boolean
  uptime: string
  memoryTotal: number
  memoryFree: number
  mcdMemoryReserved: number
  mcdMemoryAllocated: number
  systemStats: { cpu_utilization_rate: number; swap_total: number; swap_used: number }
  interestingStats: { curr_items: number; curr_items_tot: number; vb_replica_curr_items: number }
  arbiter: boolean
  ejecting: boolean
  serverGroup: string
}

/** `GET /nodes/self` and `GET /nodes/{otpNode}` */
export interface NodeDetail extends PoolNode {
  availableStorage: { hdd: { path: string; sizeKBytes: number; usagePercent: number }[] }
  memoryQuota: number
  storageTotals: StorageTotals
}

/** `GET /pools/default/buckets` and each of them alone. */
export interface Bucket {
  name: string
  bucketType: BucketType
  authType: 'sasl' | 'none'
  saslPassword: string
  proxyPort: number
  uuid: string
  hasPassword: boolean
  replicaNumber: number
  durability: 'replicated' | 'none'
  degradedWrites: 'allow' | 'refuse'
  eviction: 'refuse' | 'expiring' | 'lru'
  persistence: 'everysec' | 'always' | 'none'
  quota: { ram: number; rawRAM: number }
  basicStats: BasicStats
  nodes: {
    hostname: string
    status: NodeStatus
    clusterMembership: Membership
    replication: number
    ports: { proxy: number; direct: number }
  }[]
  /** Engines that something keeps from their work, by kind. */
  troubles?: Record<string, number>
}

export interface BasicStats {
  quotaPercentUsed: number
  opsPerSec: number
  hitRatio: number
  itemCount: number
  diskUsed: number
  memUsed: number
}

/** The figures beside the form of a bucket: bytes of the whole cluster. */
export interface BucketSummaries {
  ramSummary: {
    total: number
    otherBuckets: number
    nodesCount: number
    perNodeMegs: number
    thisAlloc: number
    thisUsed: number
    free: number
  }
  hddSummary: {
    total: number
    otherData: number
    otherBuckets: number
    thisUsed: number
    free: number
  }
}

/** `POST` of a bucket with `just_validate=1`; a refusal has `errors` and `summaries` as well. */
export interface BucketCheck {
  errors: Record<string, string>
  warnings?: Record<string, string>
  summaries: BucketSummaries
}

/** `DELETE /pools/default/buckets/{bucket}?just_validate=1` */
export interface BucketLoss {
  items: number
  memoryBytes: number
  diskBytes: number
}

/** `GET .../stats` */
export interface Stats {
  op: {
    samples: Record<string, number[]> & { timestamp: number[] }
    samplesCount: number
    isPersistent: boolean
    lastTStamp: number
    interval: number
  }
  hot_keys: { name: string; ops: number }[]
  nodesMissing?: string[]
}

/** `GET .../stats/{stat}`: one statistic, by `hostname` of the node. */
export interface NodeStats {
  timestamp: number[]
  nodeStats: Record<string, number[]>
  nodesMissing?: string[]
}

export type Zoom = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year'

/** `GET .../statsDirectory` */
export interface StatsDirectory {
  blocks: {
    blockName: string
    stats: { name: string; title: string; desc: string; isBytes?: boolean; maxY?: number }[]
  }[]
}

/** `GET /pools/default/rebalanceProgress`: beside `status`, `{progress}` by otpNode. */
export interface RebalanceProgress {
  status: 'none' | 'running'
  errorMessage?: string
  [otpNode: string]: { progress: number } | string | undefined
}

/** `POST /controller/rebalance?just_validate=1` */
export interface RebalancePreview {
  moves: {
    bucket: string
    shard: number
    vBuckets: [from: number, to: number]
    action: 'addCopy' | 'removeCopy' | 'promote'
    otpNode: string
    bytes: number
    items: number
  }[]
  bytesToMove: number
  copiesToMake: number
  vBucketsByNode: Record<string, { before: VBuckets; after: VBuckets }>
}

/** `POST /controller/failOver?just_validate=1` */
export interface FailOverPreview {
  vBuckets: VBuckets
  shardsWithoutCopy: { bucket: string; shard: number; items: number }[]
  itemsLost: number
  message: string
}

/** `GET /pools/default/serverGroups` */
export interface ServerGroups {
  groups: { name: string; uri: string; addNodeURI: string; nodes: PoolNode[] }[]
  uri: string
}

/** `GET /settings/autoFailover` */
export interface AutoFailover {
  enabled: boolean
  /** Seconds. */
  timeout: number
  count: number
  maxCount: number
}

export interface LogEntry {
  node: string
  type: 'info' | 'warning' | 'critical'
  code: number
  module: string
  /** Unix time in milliseconds. */
  tstamp: number
  shortText: string
  text: string
}

/** `GET /logs` */
export interface Logs {
  list: LogEntry[]
  nodesMissing?: string[]
}

/** `GET /alerts` */
export interface Alerts extends Logs {
  current: Alert[]
}

export interface Alert {
  /** One of the kinds of `GET /settings/alerts`. */
  key: string
  text: string
}

/** `GET /settings/alerts` */
export interface AlertSettings {
  enabled: boolean
  sender: string
  recipients: string[]
  emailServer: { user: string; pass: string; host: string; port: number; encrypt: boolean }
  alerts: string[]
  webhookUrl: string
}

/** `GET /settings/web` */
export interface WebSettings {
  port: number
  username: string
  password: string
}

/** `GET /settings/tls` */
export interface TlsSettings {
  enabled: boolean
  port: number | null
  subject: string | null
  issuer: string | null
  validTo: string | null
  daysLeft: number | null
}

/** `GET /settings/proxies` */
export interface ProxySettings {
  username: string
  hasToken: boolean
}

/** `POST /settings/proxies` */
export interface ProxyToken {
  token: string
}

/** `GET /proxies` */
export interface Proxies {
  proxies: ProxyReport[]
  missing?: string[]
}

export interface ProxyReport {
  id: string
  hostname: string
  pid: number
  version: string
  kind: 'proxy' | 'gateway' | 'session'
  /** otpNode that it follows. */
  node: string
  buckets: string[]
  rev: number
  upToDate: boolean
  upstreamConnections: number
  clients: { address: string; connections: number }[]
  operationsPerSecond: number
  errorsPerSecond: number
  errors: number
  /** Null where nothing was timed. */
  getP99Ms: number | null
  setP99Ms: number | null
  uptimeSeconds: number
  lastSeenSeconds: number
}
