/** Commands on buckets: list, create, edit, delete, flush, statistics. */
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import {
  type ClusterCommand,
  type CommandContext,
  formOf,
  type OptionRow,
  type Outcome,
  requiredText,
  success,
  textOf,
  UsageError,
} from './command.ts'
import { bucketPath, readBuckets } from './pool.ts'
import { type RestClient, RestError } from './rest-client.ts'

const POLL_MS = 100
const BUCKET_READY_TIMEOUT_MS = 60_000

const BUCKET: OptionRow = { flags: '--bucket <name>', description: 'its name', required: true }
const WAIT: readonly OptionRow[] = [
  { flags: '--wait', description: 'wait until it takes writes (default)' },
  { flags: '--no-wait', description: 'return before it takes writes' },
]

/** What can be set when a bucket is made and changed later. */
const editable: readonly OptionRow[] = [
  {
    flags: '--bucket-password [password]',
    description: 'password of its clients',
    secret: true,
  },
  {
    flags: '--bucket-port <port>',
    description: 'a port of its own that asks for no password (11211: none, and a password)',
  },
  {
    flags: '--bucket-eviction-policy <policy>',
    description:
      'when full: noEviction (valueOnly is the same) refuses new items, nruEviction drops items ' +
      'that expire anyway',
    choices: ['noEviction', 'valueOnly', 'nruEviction'],
  },
  {
    flags: '--durability <kind>',
    description: 'replicated: an acknowledged write is on a replica; none: it may be lost',
    choices: ['replicated', 'none'],
  },
  {
    flags: '--degraded-writes <kind>',
    description: 'where no replica is left: allow or refuse writes',
    choices: ['allow', 'refuse'],
  },
  {
    flags: '--persistence <kind>',
    description: 'when a write is on disk: everysec, always (before it is acknowledged), none',
    choices: ['everysec', 'always', 'none'],
  },
]

/** REST fields of the options above and of a new bucket. */
const FIELDS: Readonly<Record<string, string>> = {
  bucketRamsize: 'ramQuotaMB',
  bucketReplica: 'replicaNumber',
  bucketShards: 'shards',
  durability: 'durability',
  degradedWrites: 'degradedWrites',
  persistence: 'persistence',
}
/** The gateway's port: in 1.7 it means that the bucket has no port of its own. */
const SHARED_PORT = '11211'

export const bucketCommands: readonly ClusterCommand[] = [
  {
    name: 'bucket-list',
    group: 'Buckets',
    description: 'list the buckets',
    options: [],
    run: bucketList,
  },
  {
    name: 'bucket-create',
    group: 'Buckets',
    description: 'create a bucket',
    options: [
      BUCKET,
      {
        flags: '--bucket-type <type>',
        description: 'membase (couchbase is the same) or memcached',
        default: 'membase',
        choices: ['membase', 'couchbase', 'memcached'],
      },
      { flags: '--bucket-ramsize <MB>', description: 'memory per node in MB', default: '100' },
      { flags: '--bucket-replica <count>', description: 'replicas, 0 to 3', default: '1' },
      { flags: '--bucket-shards <count>', description: 'shards, 1 to 64' },
      ...editable,
      ...WAIT,
    ],
    run: bucketCreate,
  },
  {
    name: 'bucket-edit',
    group: 'Buckets',
    description: 'change a bucket while it serves',
    options: [
      BUCKET,
      { flags: '--bucket-ramsize <MB>', description: 'memory per node in MB' },
      { flags: '--bucket-replica <count>', description: 'replicas, 0 to 3' },
      ...editable,
    ],
    run: bucketEdit,
  },
  {
    name: 'bucket-delete',
    group: 'Buckets',
    description: 'delete a bucket and its data',
    options: [BUCKET],
    run: async ({ rest, options }) => {
      const name = requiredText(options, 'bucket')
      await rest.delete(bucketPath(name))
      return success(`bucket-delete ${name}`)
    },
  },
  {
    name: 'bucket-flush',
    group: 'Buckets',
    description: 'delete every item of a bucket',
    options: [BUCKET, { flags: '--force', description: 'do not ask' }],
    run: bucketFlush,
  },
  {
    name: 'bucket-stats',
    group: 'Buckets',
    description: 'show the latest statistics of a bucket',
    options: [
      BUCKET,
      {
        flags: '--zoom <span>',
        description: 'the span that --output json shows whole',
        choices: ['minute', 'hour', 'day'],
      },
    ],
    run: bucketStats,
  },
]

async function bucketList({ rest }: CommandContext): Promise<Outcome> {
  const buckets = await readBuckets(rest)
  const lines = buckets.flatMap((b) => [
    b.name,
    ` bucketType: ${b.bucketType}`,
    ` numReplicas: ${b.replicaNumber}`,
    ` ramQuota: ${b.quota.ram}`,
    ` items: ${b.basicStats.itemCount ?? 0}`,
    ` ramUsed: ${b.basicStats.memUsed ?? 0}`,
  ])
  return { lines, value: buckets.map(({ vBucketServerMap: _map, ...rest }) => rest) }
}

function bucketForm({ options }: CommandContext): Record<string, string> {
  const form = formOf(options, FIELDS)
  const policy = textOf(options, 'bucketEvictionPolicy')
  if (policy !== undefined) form.eviction = policy === 'nruEviction' ? 'expiring' : 'refuse'
  const password = textOf(options, 'bucketPassword')
  const port = textOf(options, 'bucketPort')
  if (port !== undefined && port !== SHARED_PORT) {
    if (password !== undefined) {
      throw new UsageError('--bucket-port asks for no password: leave out --bucket-password')
    }
    form.authType = 'none'
    form.proxyPort = port
  } else if (password !== undefined || port === SHARED_PORT) {
    form.authType = 'sasl'
    if (password !== undefined) form.saslPassword = password
  }
  return form
}

async function bucketCreate(context: CommandContext): Promise<Outcome> {
  const { rest, options } = context
  const name = requiredText(options, 'bucket')
  const bucketType = textOf(options, 'bucketType') ?? 'membase'
  await rest.post('/pools/default/buckets', { name, bucketType, ...bucketForm(context) })
  if (options.wait !== false) await untilBucketReady(rest, name)
  return success(`bucket-create ${name}`)
}

async function bucketEdit(context: CommandContext): Promise<Outcome> {
  const name = requiredText(context.options, 'bucket')
  const form = bucketForm(context)
  if (Object.keys(form).length === 0) throw new UsageError('nothing to change is given')
  await context.rest.post(bucketPath(name), form)
  return success(`bucket-edit ${name}`)
}

async function bucketFlush({ rest, options, confirm }: CommandContext): Promise<Outcome> {
  const name = requiredText(options, 'bucket')
  const sure =
    options.force === true ||
    (await confirm(`Delete every item of the bucket ${name}?`, 'give --force'))
  if (!sure) throw new RestError('nothing is flushed', null)
  await rest.post(`${bucketPath(name)}/controller/doFlush`)
  return success(`bucket-flush ${name}`)
}

const statsSchema = z.object({
  op: z.object({ samples: z.record(z.string(), z.array(z.unknown())) }),
})

async function bucketStats({ rest, options, output }: CommandContext): Promise<Outcome> {
  const name = requiredText(options, 'bucket')
  const zoom = zoomOf(textOf(options, 'zoom'))
  const value = await rest.get(`${bucketPath(name)}/stats${zoom}`)
  if (output === 'json') return { lines: [], value }
  const { samples } = statsSchema.parse(value).op
  const names = Object.keys(samples).filter((stat) => stat !== 'timestamp')
  const width = Math.max(0, ...names.map((stat) => stat.length))
  const lines = names.sort().map((stat) => {
    const last = samples[stat]?.findLast((sample) => typeof sample === 'number')
    return ` ${`${stat}:`.padEnd(width + 1)} ${last ?? '-'}`
  })
  return { lines: [name, ...lines], value }
}

function zoomOf(span: string | undefined): string {
  return span === undefined ? '' : `?zoom=${span}`
}

/** Ready: every vBucket has a server that takes it. */
export async function untilBucketReady(rest: RestClient, name: string): Promise<void> {
  const deadline = performance.now() + BUCKET_READY_TIMEOUT_MS
  for (;;) {
    const buckets = await readBuckets(rest)
    const bucket = buckets.find((b) => b.name === name)
    const rows = bucket?.vBucketServerMap?.vBucketMap ?? []
    const isCache = bucket !== undefined && bucket.bucketType === 'memcached'
    if (isCache || (rows.length > 0 && rows.every((row) => (row[0] ?? -1) >= 0))) return
    if (performance.now() > deadline) {
      throw new RestError(`bucket ${name} is not ready after ${BUCKET_READY_TIMEOUT_MS} ms`, null)
    }
    await delay(POLL_MS)
  }
}
