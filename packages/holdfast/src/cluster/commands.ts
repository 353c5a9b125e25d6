/**
 * The cluster commands, with couchbase-cli's names and options. One table: the command line is
 * built from it and docs/reference/cli.md is checked against it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { findNode, type Pool, readBuckets, readPool } from './pool.ts'
import { RestClient, RestError, withPort } from './rest-client.ts'

/** Values of a command's options, by camel-case name. */
export type OptionValues = Record<string, string | boolean | undefined>

export interface CommandContext {
  rest: RestClient
  options: OptionValues
  print(line: string): void
}

export interface OptionRow {
  flags: string
  description: string
  required?: boolean
  default?: string
}

export interface ClusterCommand {
  name: string
  description: string
  options: readonly OptionRow[]
  run(context: CommandContext): Promise<void>
}

const POLL_MS = 100
const BUCKET_READY_TIMEOUT_MS = 60_000
/** Progress that stands still for this long ends the wait with an error; the work goes on. */
const REBALANCE_STUCK_MS = 120_000

const NO_WAIT: OptionRow = { flags: '--no-wait', description: 'return before it is done' }

export const clusterCommands: readonly ClusterCommand[] = [
  {
    name: 'cluster-init',
    description: 'set the admin of a new cluster and create the bucket `default`',
    options: [
      { flags: '--cluster-username <user>', description: 'admin to set', required: true },
      { flags: '--cluster-password <password>', description: 'its password', required: true },
      { flags: '--no-default-bucket', description: 'create no bucket' },
      NO_WAIT,
    ],
    run: clusterInit,
  },
  {
    name: 'server-add',
    description: 'add a node or an arbiter; a node gets data with the next rebalance',
    options: [
      { flags: '--server-add <host[:port]>', description: 'node to add', required: true },
      { flags: '--server-add-username <user>', description: 'admin of that node, if it has one' },
      { flags: '--server-add-password <password>', description: 'its password' },
    ],
    run: serverAdd,
  },
  {
    name: 'server-list',
    description: 'list the members: otpNode, host, status, membership',
    options: [{ flags: '-o, --output <kind>', description: 'standard or json' }],
    run: async ({ rest, options, print }) => {
      const pool = await readPool(rest)
      if (options.output === 'json') return print(JSON.stringify(pool.nodes))
      for (const n of pool.nodes) {
        print(`${n.otpNode} ${n.hostname} ${n.status} ${n.clusterMembership}`)
      }
    },
  },
  {
    name: 'rebalance',
    description: 'spread the data over all added nodes; drain and remove others',
    options: [
      { flags: '--server-remove <host[:port],...>', description: 'nodes to drain and remove' },
      NO_WAIT,
    ],
    run: rebalance,
  },
  {
    name: 'failover',
    description: 'fail a node over at once, also where no majority of members is left',
    options: [
      {
        flags: '--server-failover <host[:port]>',
        description: 'node that is gone',
        required: true,
      },
    ],
    run: async ({ rest, options, print }) => {
      const node = namedNode(await readPool(rest), String(options.serverFailover))
      await rest.post('/controller/failOver', { otpNode: node.otpNode })
      print(`SUCCESS: failed over ${node.hostname}`)
    },
  },
  {
    name: 'bucket-create',
    description: 'create a bucket',
    options: [
      { flags: '--bucket <name>', description: 'its name', required: true },
      { flags: '--bucket-type <type>', description: 'membase or memcached', default: 'membase' },
      { flags: '--bucket-ramsize <MB>', description: 'memory per node in MB', default: '100' },
      { flags: '--bucket-replica <count>', description: 'replicas, 0 to 3', default: '1' },
      { flags: '--bucket-password <password>', description: 'password of its clients' },
      { flags: '--bucket-shards <count>', description: 'shards, 1 to 64' },
      NO_WAIT,
    ],
    run: bucketCreate,
  },
  {
    name: 'bucket-list',
    description: 'list the buckets',
    options: [{ flags: '-o, --output <kind>', description: 'standard or json' }],
    run: async ({ rest, options, print }) => {
      const buckets = await readBuckets(rest)
      if (options.output === 'json') return print(JSON.stringify(buckets))
      for (const b of buckets) {
        print(b.name)
        print(` bucketType: ${b.bucketType}`)
        print(` numReplicas: ${b.replicaNumber}`)
        print(` ramQuota: ${b.quota.ram}`)
        print(` items: ${b.basicStats.itemCount ?? 0}`)
        print(` ramUsed: ${b.basicStats.memUsed ?? 0}`)
      }
    },
  },
]

async function clusterInit({ rest, options, print }: CommandContext): Promise<void> {
  const username = String(options.clusterUsername)
  const password = String(options.clusterPassword)
  await rest.post('/settings/web', { username, password, port: 'SAME' })
  print(`SUCCESS: init ${rest.address}`)
  if (options.defaultBucket === false) return
  const admin = new RestClient({ cluster: rest.address, username, password })
  await admin.post('/pools/default/buckets', { name: 'default', bucketType: 'membase' })
  if (options.wait !== false) await untilBucketReady(admin, 'default')
  print('SUCCESS: bucket-create default')
}

async function serverAdd({ rest, options, print }: CommandContext): Promise<void> {
  const hostname = withPort(String(options.serverAdd))
  await rest.post('/controller/addNode', {
    hostname,
    user: String(options.serverAddUsername ?? ''),
    password: String(options.serverAddPassword ?? ''),
  })
  print(`SUCCESS: server-add ${hostname}`)
}

function namedNode(pool: Pool, name: string) {
  const node = findNode(pool, name)
  if (node) return node
  const known = pool.nodes.map((n) => n.hostname).join(', ')
  throw new RestError(`no node ${name} in the cluster; it has ${known}`, null)
}

async function rebalance({ rest, options, print }: CommandContext): Promise<void> {
  const pool = await readPool(rest)
  const removed = String(options.serverRemove ?? '')
    .split(',')
    .filter((name) => name !== '')
    .map((name) => namedNode(pool, name).otpNode)
  await rest.post('/controller/rebalance', {
    knownNodes: pool.nodes.map((n) => n.otpNode).join(','),
    ejectedNodes: removed.join(','),
  })
  if (options.wait !== false) await untilRebalanced(rest, print)
  print('SUCCESS: rebalanced cluster')
}

const progressSchema = z.record(
  z.string(),
  z.union([z.string(), z.object({ progress: z.number() })]),
)

async function untilRebalanced(rest: RestClient, print: (line: string) => void): Promise<void> {
  let lastPercent = -1
  let movedAtMs = performance.now()
  for (;;) {
    const progress = progressSchema.parse(await rest.get('/pools/default/rebalanceProgress'))
    if (progress.status !== 'running') return
    const entry = Object.values(progress).find((value) => typeof value === 'object')
    const percent = Math.floor((entry?.progress ?? 0) * 100)
    if (percent !== lastPercent) {
      lastPercent = percent
      movedAtMs = performance.now()
      print(`INFO: rebalancing ${percent} %`)
    }
    if (performance.now() - movedAtMs > REBALANCE_STUCK_MS) {
      throw new RestError(`rebalance stands at ${percent} %; it goes on by itself`, null)
    }
    await delay(POLL_MS)
  }
}

async function bucketCreate({ rest, options, print }: CommandContext): Promise<void> {
  const name = String(options.bucket)
  const form: Record<string, string> = {
    name,
    bucketType: String(options.bucketType),
    ramQuotaMB: String(options.bucketRamsize),
    replicaNumber: String(options.bucketReplica),
  }
  if (options.bucketPassword !== undefined) form.saslPassword = String(options.bucketPassword)
  if (options.bucketShards !== undefined) form.shards = String(options.bucketShards)
  await rest.post('/pools/default/buckets', form)
  if (options.wait !== false) await untilBucketReady(rest, name)
  print(`SUCCESS: bucket-create ${name}`)
}

/** Ready: every vBucket has a server that takes it. */
async function untilBucketReady(rest: RestClient, name: string): Promise<void> {
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
