/**
 * `holdfast status`: looks at a cluster from any live member and says how it is, in one picture and
 * in the exit status. What an older store has no route for is left out.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { styleText } from 'node:util'
import { z } from 'zod'
import {
  type ClusterCommand,
  type CommandContext,
  numberOf,
  type Outcome,
  UsageError,
} from './command.ts'
import { readRebalance } from './commands-rebalance.ts'
import { readLogs } from './commands-settings.ts'
import { type BucketLine, type Pool, type PoolNode, readBuckets, readPool } from './pool.ts'
import { type RestClient, RestError } from './rest-client.ts'
import {
  type ClusterPicture,
  judge,
  type Paint,
  STATUS_EXIT,
  type StatusBucket,
  type StatusNode,
  statusLines,
} from './status-view.ts'

const INTERVAL_SECONDS_DEFAULT = '2'
const EVENTS_MAX = 3
const LOG_ENTRIES_READ = 100
const CLEAR_SCREEN = '\u001b[2J\u001b[H'
const NONE = -1

export const statusCommand: ClusterCommand = {
  name: 'status',
  group: 'Cluster',
  description:
    'the cluster at one look; exit status 0 healthy, 3 degraded, 4 some data or the leader missing',
  options: [
    { flags: '--watch', description: 'look again and again until Ctrl-C' },
    {
      flags: '--interval <seconds>',
      description: 'pause between looks',
      default: INTERVAL_SECONDS_DEFAULT,
    },
  ],
  run: async (context) => {
    if (context.options.watch !== true) return outcomeOf(await look(context.rest))
    return watch(context)
  },
}

async function watch({ rest, options, output, show }: CommandContext): Promise<Outcome> {
  const seconds = numberOf(options, 'interval') ?? Number(INTERVAL_SECONDS_DEFAULT)
  if (seconds <= 0) throw new UsageError('--interval is above 0')
  for (;;) {
    const outcome = await look(rest).then(outcomeOf, (error: unknown) => {
      if (!(error instanceof RestError)) throw error
      return { lines: [`cannot look: ${error.message}`], value: { error: error.message } }
    })
    const first = process.stdout.isTTY === true && output === 'standard' ? [CLEAR_SCREEN] : []
    show({ ...outcome, lines: [...first, ...outcome.lines] })
    await delay(seconds * 1000)
  }
}

const paint: Paint = (colour, text) => styleText(colour, text, { stream: process.stdout })

function outcomeOf(picture: ClusterPicture): Outcome {
  const { verdict, reasons } = judge(picture)
  return {
    lines: statusLines(picture, paint, Date.now()),
    value: { verdict, reasons, ...picture },
    exitCode: STATUS_EXIT[verdict],
  }
}

/** Looks at the cluster through the members that the client was given. */
export async function look(rest: RestClient): Promise<ClusterPicture> {
  const pool = await readPool(rest)
  const address = rest.address
  const [buckets, health, rebalance, autoFailover, events] = await Promise.all([
    readBuckets(rest),
    healthOf(rest),
    readRebalance(rest),
    optional(() => readAutoFailover(rest)),
    optional(() => readEvents(rest)),
  ])
  const leader = health?.leader ?? null
  const leading = leader === null ? null : await nodeOfMember(rest, pool, leader)
  const { running, fraction, detail, errorMessage } = rebalance
  return {
    address,
    nodes: pool.nodes.map((node) => nodeOf(node, leading)),
    buckets: buckets.map((bucket) => bucketOf(bucket, pool)),
    shards: health?.shards ?? null,
    hasLeader: health === null || leader !== null,
    rebalance: { running, fraction, detail, errorMessage },
    rebalanceNeeded: !pool.balanced && !running,
    autoFailover,
    alerts: pool.alerts.map(alertText),
    events: events ?? [],
  }
}

function nodeOf(node: PoolNode, leading: string | null): StatusNode {
  return {
    hostname: node.hostname,
    role: node.arbiter ? 'arbiter' : 'data',
    group: node.serverGroup ?? '-',
    health: node.status,
    membership: node.clusterMembership,
    leads: node.hostname === leading,
    items: node.interestingStats.curr_items ?? 0,
    version: node.version,
  }
}

function bucketOf(bucket: BucketLine, { nodes }: Pool): StatusBucket {
  const rows = bucket.vBucketServerMap?.vBucketMap ?? []
  const dataNodes = nodes.filter((n) => n.clusterMembership === 'active' && !n.arbiter).length
  const replicas = Math.max(0, Math.min(bucket.replicaNumber, dataNodes - 1))
  const copies = (row: readonly number[]): number => row.filter((s) => s !== NONE).length
  return {
    name: bucket.name,
    type: bucket.bucketType,
    items: bucket.basicStats.itemCount ?? 0,
    memoryBytes: bucket.basicStats.memUsed ?? 0,
    quotaBytes: bucket.quota.ram,
    copiesWanted: replicas + 1,
    vBuckets: rows.length,
    unserved: rows.filter((row) => (row[0] ?? NONE) === NONE).length,
    degraded: rows.filter((row) => (row[0] ?? NONE) !== NONE && copies(row) <= replicas).length,
  }
}

const healthSchema = z.object({
  leader: z.number().nullable(),
  member: z.number(),
  shards: z.object({ total: z.number(), writable: z.number(), whole: z.number() }),
})

type Health = z.infer<typeof healthSchema>

/** What a member says of itself; null when it says nothing. Without a leader it is a 503. */
async function healthOf(rest: RestClient): Promise<Health | null> {
  try {
    return healthSchema.parse(await rest.get('/health'))
  } catch (error) {
    if (!(error instanceof RestError)) throw error
    const parsed = healthSchema.safeParse(error.body)
    return parsed.success ? parsed.data : null
  }
}

/** The address of the member with that number: each one is asked who it is. */
async function nodeOfMember(rest: RestClient, pool: Pool, member: number): Promise<string | null> {
  const live = pool.nodes.filter((n) => n.status !== 'unhealthy')
  const answers = await Promise.all(
    live.map(async ({ hostname }) => {
      const health = await healthOf(rest.at(rest.isSecure ? rest.address : hostname))
      return health?.member === member ? hostname : null
    }),
  )
  return answers.find((hostname) => hostname !== null) ?? null
}

const autoFailoverSchema = z.object({
  enabled: z.boolean(),
  timeout: z.number(),
  count: z.number(),
})

async function readAutoFailover(rest: RestClient): Promise<z.infer<typeof autoFailoverSchema>> {
  return autoFailoverSchema.parse(await rest.get('/settings/autoFailover'))
}

/** The latest entries of the log that are about failover, and other trouble. */
async function readEvents(rest: RestClient): Promise<ClusterPicture['events']> {
  const entries = await readLogs(rest, LOG_ENTRIES_READ)
  return entries
    .filter(({ type, text }) => type !== 'info' || /fail(ed)?[ -]?over/i.test(text))
    .slice(-EVENTS_MAX)
    .map(({ tstamp, type, text }) => ({ tstamp, type, text }))
}

/** Null where the store has no such route or does not show it to this user. */
async function optional<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof RestError && error.status !== null) return null
    throw error
  }
}

function alertText(alert: unknown): string {
  if (typeof alert === 'string') return alert
  if (typeof alert === 'object' && alert !== null && 'msg' in alert) return String(alert.msg)
  return JSON.stringify(alert)
}
