/** What members say to each other, as schemas: checked where it enters the process. */
import { z } from 'zod'
import {
  type ClusterDocument,
  clusterDocumentSchema,
  type DocumentVersion,
} from '../document/cluster-document.ts'
import type { MessageOrder } from './leadership.ts'

/**
 * What keeps an engine from its work. diskFull: it cannot write its files. memoryFull: its part of
 * the quota is used up. dataDamaged, nodesDamaged: its append-only file or its `nodes.conf` cannot
 * be read. portTaken: something else listens on its port. notStarting: it ends right after a start,
 * its log says why. notConfigured: it refuses a setting.
 */
export type EngineTrouble =
  | 'diskFull'
  | 'memoryFull'
  | 'dataDamaged'
  | 'nodesDamaged'
  | 'portTaken'
  | 'notStarting'
  | 'notConfigured'

/** Sizes and counters as an engine tells them. */
export interface EngineUsage {
  /** Keys, values and what the engine keeps for each of them: what the quota counts. */
  itemBytes: number
  /** Bytes of items at which it is full; 0 = no limit. */
  itemBytesMax: number
  diskBytes: number
  opsPerSec: number
  hits: number
  misses: number
  evicted: number
  expired: number
  /** Replicas that are connected to it, and how far each is behind. */
  replicas?: { host: string; port: number; lagBytes: number }[] | undefined
}

/** What a manager knows of one of its engines. */
export interface EngineStatus {
  bucket: string
  /** Shard number, or -1 for an arbiter's voting engine. */
  shard: number
  port: number
  /**
   * unknown: not looked at yet. stopped: no process. starting: not answering yet. loading: reading
   * its files. silent: a process that has stopped answering. running: answers.
   */
  state: 'unknown' | 'stopped' | 'starting' | 'loading' | 'silent' | 'running'
  engineId: string
  role: 'primary' | 'replica'
  /** Engine id that this replica follows; empty for a primary. */
  primaryId: string
  linkUp: boolean
  slots: [from: number, to: number][]
  /** Other engines that it knows: id, address, and whether it takes them for dead. */
  known: { id: string; address: string; failed: boolean }[]
  /** The engine's cluster epoch for itself; 0 on a fresh engine. */
  configEpoch: number
  memoryBytes: number
  items: number
  trouble: EngineTrouble | null
  /** Null until the engine has been asked. */
  usage: EngineUsage | null
}

/** What is known of an engine that has not said anything yet. */
export const UNKNOWN_STATUS: Omit<EngineStatus, 'bucket' | 'shard' | 'port'> = {
  state: 'unknown',
  engineId: '',
  role: 'replica',
  primaryId: '',
  linkUp: false,
  slots: [],
  known: [],
  configEpoch: 0,
  memoryBytes: 0,
  items: 0,
  trouble: null,
  usage: null,
}

/** What a member says of itself: its engines and its machine. */
export interface MemberStatus {
  /** Grows with every change of the engines' state. */
  seq: number
  engines: EngineStatus[]
  uptimeSeconds: number
  memoryTotalBytes: number
  memoryFreeBytes: number
  /** It is about to stop in order: somebody else is to lead what it leads. */
  stopping: boolean
}

export interface Heartbeat {
  /** Uuid of the cluster. */
  cluster: string
  from: number
  uuid: string
  order: MessageOrder
  committed: DocumentVersion
  following: number | null
  /** Members that the sender cannot reach. */
  unreachable: number[]
  /** The sender leads, with a majority's lease. */
  leading: boolean
  /** Sequence of the sender's status, and the status when the receiver lacks it. */
  statusSeq: number
  status: MemberStatus | null
  /** Sequence of the receiver's status that the sender has. */
  statusSeen: number
}

/** The answer: a heartbeat the other way, or word that the sender is no member any more. */
export type HeartbeatAnswer = Heartbeat | { ejected: true }

/** The answer to a heartbeat that is not taken, with a status of HTTP. */
export interface Refusal {
  refused: number
}

/** What a node that is asked to join says of itself. */
export interface Hello {
  uuid: string
  host: string
  restPort: number
  gatewayPort: number
  dataPort: number
  enginePorts: [from: number, to: number]
  arbiter: boolean
  /** Number of members of the cluster it is in now. */
  memberCount: number
  version: string
}

const count = z.number().int()
const version = z.object({ term: count, rev: count })

const usageSchema: z.ZodType<EngineUsage> = z.object({
  itemBytes: z.number(),
  itemBytesMax: z.number(),
  diskBytes: z.number(),
  opsPerSec: z.number(),
  hits: z.number(),
  misses: z.number(),
  evicted: z.number(),
  expired: z.number(),
  replicas: z.array(z.object({ host: z.string(), port: count, lagBytes: z.number() })).optional(),
})

const troubleSchema: z.ZodType<EngineTrouble> = z.enum([
  'diskFull',
  'memoryFull',
  'dataDamaged',
  'nodesDamaged',
  'portTaken',
  'notStarting',
  'notConfigured',
])

const engineStatusSchema: z.ZodType<EngineStatus> = z.object({
  bucket: z.string(),
  shard: count,
  port: count,
  state: z.enum(['unknown', 'stopped', 'starting', 'loading', 'silent', 'running']),
  engineId: z.string(),
  role: z.enum(['primary', 'replica']),
  primaryId: z.string(),
  linkUp: z.boolean(),
  slots: z.array(z.tuple([count, count])),
  known: z.array(z.object({ id: z.string(), address: z.string(), failed: z.boolean() })),
  configEpoch: count,
  memoryBytes: z.number(),
  items: count,
  trouble: troubleSchema.nullable().default(null),
  usage: usageSchema.nullable().default(null),
})

const memberStatusSchema: z.ZodType<MemberStatus> = z.object({
  seq: count,
  engines: z.array(engineStatusSchema),
  uptimeSeconds: z.number(),
  memoryTotalBytes: z.number(),
  memoryFreeBytes: z.number(),
  stopping: z.boolean().default(false),
})

export const heartbeatSchema: z.ZodType<Heartbeat> = z.object({
  cluster: z.string(),
  from: count,
  uuid: z.string(),
  order: z.tuple([z.number(), count]),
  committed: version,
  following: count.nullable(),
  unreachable: z.array(count),
  leading: z.boolean(),
  statusSeq: count,
  status: memberStatusSchema.nullable(),
  statusSeen: count,
})

export const heartbeatAnswerSchema: z.ZodType<HeartbeatAnswer> = z.union([
  heartbeatSchema,
  z.object({ ejected: z.literal(true) }),
])

export const refusalSchema: z.ZodType<Refusal> = z.object({ refused: count })

export const prepareSchema: z.ZodType<{ from: number; document: ClusterDocument }> = z.object({
  from: count,
  document: clusterDocumentSchema,
})

export const joinSchema: z.ZodType<{ self: number; document: ClusterDocument }> = z.object({
  self: count,
  document: clusterDocumentSchema,
})

export const failOverSchema: z.ZodType<{ target: number }> = z.object({ target: count })

export const grantStartSchema: z.ZodType<{ bucket: string; shard: number }> = z.object({
  bucket: z.string(),
  shard: count,
})

export const helloSchema: z.ZodType<Hello> = z.object({
  uuid: z.string(),
  host: z.string(),
  restPort: count,
  gatewayPort: count,
  dataPort: count,
  enginePorts: z.tuple([count, count]),
  arbiter: z.boolean(),
  memberCount: count,
  version: z.string(),
})
