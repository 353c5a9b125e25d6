/**
 * The cluster document: members, buckets, credentials, settings and placement of the whole
 * cluster, as one small versioned value. Every member keeps it on disk; only the leader writes it.
 *
 * This file owns its shape (checked by a schema wherever it enters the process) and its order:
 * a later term wins over any revision of an earlier one, as each new leader opens a new term.
 */
import { z } from 'zod'

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
  saslPassword: string
  durability: 'replicated' | 'none'
  degradedWrites: 'allow' | 'refuse'
  engineAdminPassword: string
  engineDataPassword: string
  shards: Shard[]
  /** One voting engine per arbiter; it owns a slot that no vBucket uses. */
  arbiterInstances: Instance[]
}

export interface ClusterDocument {
  uuid: string
  term: number
  rev: number
  /** Authenticates members to each other. */
  secret: string
  admin: { username: string; passwordHash: string } | null
  members: Member[]
  nextMemberId: number
  buckets: Bucket[]
  autoFailover: { enabled: boolean }
  /** A rebalance asked for and not yet finished. */
  rebalancing: boolean
}

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
})

const instanceSchema: z.ZodType<Instance> = z.object({ member: count, port: count })

const shardSchema: z.ZodType<Shard> = z.object({
  primary: count.nullable(),
  replicas: z.array(count),
  instances: z.array(instanceSchema),
  created: z.boolean(),
})

const bucketSchema: z.ZodType<Bucket> = z.object({
  name: z.string(),
  uuid: z.string(),
  type: z.enum(['membase', 'memcached']),
  ramMegabytes: count,
  replicaCount: count,
  saslPassword: z.string(),
  durability: z.enum(['replicated', 'none']),
  degradedWrites: z.enum(['allow', 'refuse']),
  engineAdminPassword: z.string(),
  engineDataPassword: z.string(),
  shards: z.array(shardSchema),
  arbiterInstances: z.array(instanceSchema),
})

export const clusterDocumentSchema: z.ZodType<ClusterDocument> = z.object({
  uuid: z.string(),
  term: count,
  rev: count,
  secret: z.string(),
  admin: z.object({ username: z.string(), passwordHash: z.string() }).nullable(),
  members: z.array(memberSchema),
  nextMemberId: count,
  buckets: z.array(bucketSchema),
  autoFailover: z.object({ enabled: z.boolean() }),
  rebalancing: z.boolean(),
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
