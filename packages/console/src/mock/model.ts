/** What the mock cluster consists of, and how it starts. */
import type { AlertSettings, BucketType, LogEntry, Membership } from '../rest/types.ts'

export const VBUCKETS = 1024
export const MEGABYTE = 1024 * 1024
export const GIGABYTE = 1024 * MEGABYTE

export interface MockNode {
  id: number
  otpNode: string
  /** `host:port` where the mock of this node listens. */
  hostname: string
  group: string
  arbiter: boolean
  membership: Membership
  isAlive: boolean
  /** Unix time of its death. */
  diedMs: number
  ejecting: boolean
  startedMs: number
}

export interface MockCopy {
  node: number
  /** Share of the shard that it has, 0 to 1. */
  synced: number
}

export interface MockShard {
  primary: number | null
  copies: MockCopy[]
  items: number
  bytes: number
}

export interface MockBucket {
  name: string
  uuid: string
  type: BucketType
  ramMegabytes: number
  replicaCount: number
  authType: 'sasl' | 'none'
  saslPassword: string
  proxyPort: number
  durability: 'replicated' | 'none'
  degradedWrites: 'allow' | 'refuse'
  eviction: 'refuse' | 'expiring' | 'lru'
  persistence: 'everysec' | 'always' | 'none'
  /** Usual operations per second. */
  opsBase: number
  shards: MockShard[]
}

export interface MockSession {
  id: string
  bucket: string
  user: string | null
  createdMs: number
  lastAccessedMs: number
  ttlSeconds: number
  encoding: string
  compressed: boolean
  encrypted: boolean
  values: Record<string, unknown>
}

export interface MockState {
  isProvisioned: boolean
  admin: { username: string; password: string }
  reader: { username: string; password: string } | null
  memoryQuota: number
  rev: number
  nodes: MockNode[]
  /** Nodes that run and belong to no cluster. */
  strangers: { hostname: string }[]
  groups: string[]
  buckets: MockBucket[]
  sessions: MockSession[]
  isRebalancing: boolean
  wasStopped: boolean
  rebalanceMovesAtStart: number
  autoFailover: { enabled: boolean; timeout: number; count: number; maxCount: number }
  alertSettings: AlertSettings
  alertsTold: LogEntry[]
  log: LogEntry[]
  tls: boolean
  hasProxyToken: boolean
}

export interface MockOptions {
  /** `host:port` of each node. */
  hostnames: readonly string[]
  nowMs: number
  /** A node of its own, before the wizard. */
  fresh?: boolean
}

export const SHARDS = 8

export const ALERT_KINDS = [
  'auto_failover_node',
  'auto_failover_maximum_reached',
  'auto_failover_other_nodes_down',
  'auto_failover_cluster_too_small',
  'auto_failover_no_copy',
  'auto_failover_disabled',
  'ip',
  'disk',
  'memory',
  'ep_oom_errors',
  'write_failed',
  'engine',
  'degraded',
  'unavailable',
  'clock_skew',
]

export function initialState(options: MockOptions): MockState {
  const { hostnames, nowMs, fresh = false } = options
  const members = fresh ? hostnames.slice(0, 1) : hostnames
  const nodes = members.map((hostname, index) => newNode(index + 1, hostname, nowMs))
  const state: MockState = {
    isProvisioned: !fresh,
    admin: { username: 'admin', password: 'holdfast' },
    reader: fresh ? null : { username: 'reader', password: 'holdfast' },
    memoryQuota: 4096,
    rev: 1,
    nodes,
    strangers: (fresh ? hostnames.slice(1) : ['10.0.0.14:8091']).map((hostname) => ({ hostname })),
    groups: ['Group 1'],
    buckets: [],
    sessions: [],
    isRebalancing: false,
    wasStopped: false,
    rebalanceMovesAtStart: 0,
    autoFailover: { enabled: true, timeout: 1, count: 0, maxCount: 1 },
    alertSettings: {
      enabled: false,
      sender: 'holdfast@localhost',
      recipients: ['root@localhost'],
      emailServer: { user: '', pass: '', host: 'localhost', port: 25, encrypt: false },
      alerts: [...ALERT_KINDS],
      webhookUrl: '',
    },
    alertsTold: [],
    log: [],
    tls: false,
    hasProxyToken: false,
  }
  if (fresh) return state
  state.buckets = [
    newBucket('sessions', 'membase', { ramMegabytes: 2048, opsBase: 18_400, itemsAll: 412_000 }),
    newBucket('carts', 'membase', { ramMegabytes: 512, opsBase: 2150, itemsAll: 38_500 }),
    newBucket('pages', 'memcached', { ramMegabytes: 256, opsBase: 6300, itemsAll: 91_000 }),
  ]
  return state
}

export function newNode(id: number, hostname: string, nowMs: number): MockNode {
  return {
    id,
    otpNode: `ns_${id}@${hostname.split(':')[0]}`,
    hostname,
    group: 'Group 1',
    arbiter: false,
    membership: 'active',
    isAlive: true,
    diedMs: 0,
    ejecting: false,
    startedMs: nowMs - 9 * 86_400_000,
  }
}

export function newBucket(
  name: string,
  type: BucketType,
  more: { ramMegabytes: number; opsBase?: number; itemsAll?: number; shardCount?: number },
): MockBucket {
  const { ramMegabytes, opsBase = 0, itemsAll = 0, shardCount = SHARDS } = more
  const isCache = type === 'memcached'
  const items = Math.round(itemsAll / shardCount)
  return {
    name,
    uuid: `uuid-of-${name}`,
    type,
    ramMegabytes,
    replicaCount: isCache ? 0 : 1,
    authType: 'sasl',
    saslPassword: '',
    proxyPort: 0,
    durability: isCache ? 'none' : 'replicated',
    degradedWrites: 'allow',
    eviction: isCache ? 'lru' : 'refuse',
    persistence: isCache ? 'none' : 'everysec',
    opsBase,
    shards: Array.from({ length: shardCount }, (_, index) => ({
      primary: null,
      copies: [],
      items: items + ((index * 37) % 113),
      bytes: items * 1900,
    })),
  }
}

/** The vBuckets of a shard, first and last. */
export function rangeOf(shard: number, shardCount: number): [from: number, to: number] {
  const from = Math.floor((shard * VBUCKETS) / shardCount)
  return [from, Math.floor(((shard + 1) * VBUCKETS) / shardCount) - 1]
}
