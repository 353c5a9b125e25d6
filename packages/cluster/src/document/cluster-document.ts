/**
 * The cluster document: members, buckets, credentials, settings and placement of the whole
 * cluster, as one small versioned value. Every member keeps it on disk; only the leader writes it.
 *
 * This file owns its shape (checked by a schema wherever it enters the process) and its order:
 * a later term wins over any revision of an earlier one, as each new leader opens a new term.
 */

import type { LoginKeys } from '@holdfast/client'
import { z } from 'zod'
import {
  type BucketLogin,
  bucketLoginSchema,
  loginKeysSchema,
  withoutPassword,
} from './bucket-login.ts'

/** A member of the cluster: a node or an arbiter. */
export interface Member {
  id: number
  /** Changes when the member's data folder is made anew: tells a rejoin from a stranger. */
  uuid: string
  host: string
  restPort: number
  gatewayPort: number
  dataPort: number
  enginePorts: [from: number, to: number]
  arbiter: boolean
  membership: 'active' | 'inactiveAdded' | 'inactiveFailed'
  /** A rebalance is draining this member; it leaves the document when it holds no copy. */
  ejecting: boolean
  /** A person fails this member over gracefully: it hands its primaries over first. */
  failingOver: boolean
  /** Copies of a shard are never in the same server group while another one has room. */
  group: string
}

/** An engine that should run on a member. */
export interface Instance {
  member: number
  port: number
}

export interface Shard {
  /** The member whose engine takes this shard's writes; null when no live copy is known. */
  primary: number | null
  /** In-sync replicas: the copies that an acknowledged write is on. Only these are promoted. */
  replicas: number[]
  /** Engines that should run for this shard, in sync or not. */
  instances: Instance[]
  /** Engines exist and own the slots: from then on an empty engine is never a new primary. */
  created: boolean
}

export interface Bucket {
  name: string
  uuid: string
  type: 'membase' | 'memcached'
  ramMegabytes: number
  replicaCount: number
  /** `none`: everybody may use it, over a port of its own if `proxyPort` is set. */
  authType: 'sasl' | 'none'
  /** What its password is checked against; null lets everybody in. */
  login: BucketLogin | null
  proxyPort: number | null
  durability: 'replicated' | 'none'
  degradedWrites: 'allow' | 'refuse'
  /** What a full bucket does with new items: refuse them, or drop items that expire anyway. */
  eviction: 'refuse' | 'expiring' | 'lru'
  /** When a write is on disk: once a second, before it is acknowledged, or never. */
  persistence: 'everysec' | 'always' | 'none'
  engineAdminPassword: string
  engineDataPassword: string
  shards: Shard[]
  /** One voting engine per arbiter; it owns a slot that no vBucket uses. */
  arbiterInstances: Instance[]
}

/** Failovers that the leader makes by itself. */
export interface AutoFailoverSettings {
  enabled: boolean
  /** A member is given up after this long without a word. */
  timeoutMs: number
  /** Members that may be failed over one after the other before copies are whole again. */
  maxCount: number
  /** Members that were failed over since all copies were whole last. */
  failedOver: number[]
}

/** What is remembered of the rebalance that runs or ran last. */
export interface RebalanceRecord {
  /** A person stopped it: nothing moves but what heals, until the next rebalance. */
  stopped: boolean
  /** Copies and roles that had to come or go when it began, by member id. */
  movesAtStart: Record<string, number>
  /** Why it stands still or ended before its end; null while all is well. */
  trouble: string | null
}

/** A name and a password, hashed. */
export interface StoredUser {
  username: string
  passwordHash: string
  /** Of users who may log in at vBucket ports. */
  scram?: LoginKeys | undefined
}

export interface ClusterDocument {
  uuid: string
  term: number
  rev: number
  /** Authenticates members to each other. */
  secret: string
  admin: StoredUser | null
  /** May look at everything and change nothing. */
  readOnlyUser: StoredUser | null
  /** Of the token by which proxies are told the engines; null while there is none. */
  proxyTokenHash: string | null
  /** Server groups by name, in the order in which they were made; the first is the default one. */
  groups: string[]
  /** Memory that all buckets together may take on a node. */
  memoryQuotaMegabytes: number
  members: Member[]
  nextMemberId: number
  buckets: Bucket[]
  autoFailover: AutoFailoverSettings
  /** A rebalance asked for and not yet finished. */
  rebalancing: boolean
  rebalance: RebalanceRecord
  /** Settings of the console, alerts and statistics, by the name of who reads them. */
  settings: Record<string, unknown>
}

export const DEFAULT_GROUP = 'Group 1'
export const DEFAULT_MEMORY_QUOTA_MEGABYTES = 1024
export const DEFAULT_AUTO_FAILOVER: AutoFailoverSettings = {
  enabled: true,
  timeoutMs: 400,
  maxCount: 1,
  failedOver: [],
}
export const NO_REBALANCE: RebalanceRecord = { stopped: false, movesAtStart: {}, trouble: null }

const count = z.number().int()

const memberSchema: z.ZodType<Member> = z.object({
  id: count.positive(),
  uuid: z.string(),
  host: z.string(),
  restPort: count,
  gatewayPort: count,
  dataPort: count,
  enginePorts: z.tuple([count, count]),
  arbiter: z.boolean(),
  membership: z.enum(['active', 'inactiveAdded', 'inactiveFailed']),
  ejecting: z.boolean(),
  failingOver: z.boolean().default(false),
  group: z.string().default(DEFAULT_GROUP),
})

const instanceSchema: z.ZodType<Instance> = z.object({ member: count, port: count })

const shardSchema: z.ZodType<Shard> = z.object({
  primary: count.nullable(),
  replicas: z.array(count),
  instances: z.array(instanceSchema),
  created: z.boolean(),
})

const currentBucketSchema: z.ZodType<Bucket> = z.object({
  name: z.string(),
  uuid: z.string(),
  type: z.enum(['membase', 'memcached']),
  ramMegabytes: count,
  replicaCount: count,
  authType: z.enum(['sasl', 'none']).default('sasl'),
  login: bucketLoginSchema.nullable(),
  proxyPort: count.nullable().default(null),
  durability: z.enum(['replicated', 'none']),
  degradedWrites: z.enum(['allow', 'refuse']),
  eviction: z.enum(['refuse', 'expiring', 'lru']).default('refuse'),
  persistence: z.enum(['everysec', 'always', 'none']).default('everysec'),
  engineAdminPassword: z.string(),
  engineDataPassword: z.string(),
  shards: z.array(shardSchema),
  arbiterInstances: z.array(instanceSchema),
})

const bucketSchema: z.ZodType<Bucket> = z.preprocess(withoutPassword, currentBucketSchema)

const userSchema: z.ZodType<StoredUser> = z.object({
  username: z.string(),
  passwordHash: z.string(),
  scram: loginKeysSchema.optional(),
})

export const clusterDocumentSchema: z.ZodType<ClusterDocument> = z.object({
  uuid: z.string(),
  term: count,
  rev: count,
  secret: z.string(),
  admin: userSchema.nullable(),
  readOnlyUser: userSchema.nullable().default(null),
  proxyTokenHash: z.string().nullable().default(null),
  groups: z.array(z.string()).default([DEFAULT_GROUP]),
  memoryQuotaMegabytes: count.default(DEFAULT_MEMORY_QUOTA_MEGABYTES),
  members: z.array(memberSchema),
  nextMemberId: count,
  buckets: z.array(bucketSchema),
  autoFailover: z.object({
    enabled: z.boolean(),
    timeoutMs: count.default(DEFAULT_AUTO_FAILOVER.timeoutMs),
    maxCount: count.default(DEFAULT_AUTO_FAILOVER.maxCount),
    failedOver: z.array(count).default([]),
  }),
  rebalancing: z.boolean(),
  rebalance: z
    .object({
      stopped: z.boolean(),
      movesAtStart: z.record(z.string(), count),
      trouble: z.string().nullable(),
    })
    .default(NO_REBALANCE),
  settings: z.record(z.string(), z.unknown()).default({}),
})

/** Version of a document: greater term wins, then greater revision. */
export interface DocumentVersion {
  term: number
  rev: number
}

export function compareVersions(a: DocumentVersion, b: DocumentVersion): number {
  return a.term - b.term || a.rev - b.rev
}

/** Members whose word counts for majorities. */
export function voters(document: ClusterDocument): Member[] {
  return document.members.filter((m) => m.membership === 'active')
}

/** May hold copies, by the document. */
export function isHolding(member: Member): boolean {
  return member.membership === 'active' && !member.arbiter && !member.ejecting
}

/** Server group of each member. */
export function groupsOf(document: ClusterDocument): ReadonlyMap<number, string> {
  return new Map(document.members.map((m) => [m.id, m.group]))
}

export function isMajority(count: number, of: number): boolean {
  return count * 2 > of
}

export function memberById(document: ClusterDocument, id: number): Member | undefined {
  return document.members.find((m) => m.id === id)
}

/** Address of a member's REST port, as Membase names a host. */
export function hostnameOf(m: Pick<Member, 'host' | 'restPort'>): string {
  return `${m.host}:${m.restPort}`
}

/** Membase's node name. The REST port tells several nodes on one machine apart. */
export function otpNodeOf(m: Pick<Member, 'host' | 'restPort'>): string {
  return m.restPort === 8091 ? `ns_1@${m.host}` : `n_${m.restPort}@${m.host}`
}

/** Replicas a shard of this bucket has when nothing is missing on the cluster's data nodes. */
export function wantedReplicas(document: ClusterDocument, of: Bucket): number {
  const dataNodes = document.members.filter((m) => m.membership === 'active' && !m.arbiter)
  return Math.max(0, Math.min(of.replicaCount, dataNodes.length - 1))
}

/** Ports of a member's range that no engine of the document uses, lowest first. */
export function freeEnginePort(document: ClusterDocument, of: Member): number | null {
  const used = new Set<number>()
  for (const b of document.buckets) {
    for (const i of [...b.shards.flatMap((s) => s.instances), ...b.arbiterInstances]) {
      if (i.member === of.id) used.add(i.port)
    }
  }
  for (let port = of.enginePorts[0]; port <= of.enginePorts[1]; port++) {
    if (!used.has(port)) return port
  }
  return null
}
