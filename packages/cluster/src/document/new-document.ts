/** Makes the document of a cluster of one, and the parts that are added to documents later. */
import { randomBytes, randomUUID } from 'node:crypto'
import { totalmem } from 'node:os'
import { wantedPlacement } from '@holdfast/topology'
import { initialMemoryQuota, usableMemory } from '../buckets/quota.ts'
import type { Hello } from '../membership/messages.ts'
import {
  type Bucket,
  type ClusterDocument,
  DEFAULT_AUTO_FAILOVER,
  DEFAULT_GROUP,
  freeEnginePort,
  groupsOf,
  isHolding,
  type Member,
  NO_REBALANCE,
} from './cluster-document.ts'

const SECRET_BYTES = 24
export const DEFAULT_SHARDS = 8

const secret = (): string => randomBytes(SECRET_BYTES).toString('base64url')

export type OwnAddress = Omit<Hello, 'uuid' | 'memberCount' | 'version'>

export function newMember(id: number, uuid: string, own: OwnAddress): Member {
  return {
    id,
    uuid,
    host: own.host,
    restPort: own.restPort,
    gatewayPort: own.gatewayPort,
    dataPort: own.dataPort,
    enginePorts: own.enginePorts,
    arbiter: own.arbiter,
    membership: 'active',
    ejecting: false,
    failingOver: false,
    group: DEFAULT_GROUP,
  }
}

export function newDocument(own: OwnAddress): ClusterDocument {
  return {
    uuid: randomUUID(),
    term: 0,
    rev: 1,
    secret: secret(),
    admin: null,
    readOnlyUser: null,
    proxyTokenHash: null,
    groups: [DEFAULT_GROUP],
    memoryQuotaMegabytes: initialMemoryQuota(usableMemory(totalmem(), process.constrainedMemory())),
    members: [newMember(1, randomUUID(), own)],
    nextMemberId: 2,
    buckets: [],
    autoFailover: { ...DEFAULT_AUTO_FAILOVER, failedOver: [] },
    rebalancing: false,
    rebalance: { ...NO_REBALANCE },
    settings: {},
  }
}

export interface BucketWish {
  name: string
  type: 'membase' | 'memcached'
  ramMegabytes: number
  replicaCount: number
  login: Bucket['login']
  shardCount: number
  /** What is left out: open to its login, in the safest way for its type. */
  authType?: Bucket['authType']
  proxyPort?: number | null
  durability?: Bucket['durability']
  degradedWrites?: Bucket['degradedWrites']
  eviction?: Bucket['eviction']
  persistence?: Bucket['persistence']
}

/**
 * Adds a bucket with its shards placed on the members that can hold data: those of them that are
 * live, as a shard begins on its primary. Throws without ports.
 */
export function addBucket(
  draft: ClusterDocument,
  wish: BucketWish,
  isLive: (member: number) => boolean = () => true,
): void {
  const holding = draft.members.filter((m) => isHolding(m))
  const live = holding.filter((m) => isLive(m.id))
  const nodes = (live.length > 0 ? live : holding).map((m) => m.id)
  const placement = wantedPlacement({
    nodes,
    shards: Array.from({ length: wish.shardCount }, () => ({ primary: null, replicas: [] })),
    replicaCount: wish.replicaCount,
    groups: groupsOf(draft),
  })
  const isCache = wish.type === 'memcached'
  const bucket: Bucket = {
    name: wish.name,
    uuid: randomBytes(16).toString('hex'),
    type: wish.type,
    ramMegabytes: wish.ramMegabytes,
    replicaCount: wish.replicaCount,
    authType: wish.authType ?? 'sasl',
    login: wish.login,
    proxyPort: wish.proxyPort ?? null,
    durability: wish.durability ?? (isCache || wish.replicaCount === 0 ? 'none' : 'replicated'),
    degradedWrites: wish.degradedWrites ?? 'allow',
    eviction: wish.eviction ?? (isCache ? 'lru' : 'refuse'),
    persistence: wish.persistence ?? (isCache ? 'none' : 'everysec'),
    engineAdminPassword: secret(),
    engineDataPassword: secret(),
    shards: placement.map(({ primary }) => ({
      primary,
      replicas: [],
      instances: [],
      created: false,
    })),
    arbiterInstances: [],
  }
  draft.buckets.push(bucket)
  for (const [index, { primary, replicas }] of placement.entries()) {
    for (const id of primary === null ? replicas : [primary, ...replicas]) {
      const member = draft.members.find((m) => m.id === id)
      const port = member ? freeEnginePort(draft, member) : null
      if (!member || port === null) throw new Error(`no free engine port on member ${id}`)
      bucket.shards[index]?.instances.push({ member: id, port })
    }
  }
}
