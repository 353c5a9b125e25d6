/** Commands on the cluster as a whole and on a node before it is in one. */
import {
  type ClusterCommand,
  type CommandContext,
  formOf,
  type OptionRow,
  type OptionValues,
  type Outcome,
  requiredText,
  success,
  textOf,
  UsageError,
} from './command.ts'
import { untilBucketReady } from './commands-buckets.ts'
import { NO_WAIT, takeInServers } from './commands-rebalance.ts'
import { serverAddOptions } from './commands-servers.ts'
import { RestClient } from './rest-client.ts'

/** Admin, port and memory of a cluster, as they are set when it is made and later. */
const clusterOptions: readonly OptionRow[] = [
  {
    flags: '--cluster-username <user>',
    description: 'admin to set',
    aliases: ['--cluster-init-username'],
  },
  {
    flags: '--cluster-password [password]',
    description: 'its password, 6 or more characters',
    secret: true,
    aliases: ['--cluster-init-password'],
  },
  {
    flags: '--cluster-port <port>',
    description: "only SAME: the port is the node's option --port",
    default: 'SAME',
    aliases: ['--cluster-init-port'],
  },
  {
    flags: '--cluster-ramsize <MB>',
    description: 'memory that all buckets together may take on each node',
    aliases: ['--cluster-init-ramsize'],
  },
]

export const clusterCommandRows: readonly ClusterCommand[] = [
  {
    name: 'cluster-init',
    group: 'Cluster',
    description:
      'set the admin of a new cluster, or keep that of --username, take in other nodes, ' +
      'and create the bucket `default` on all of them',
    options: [
      ...clusterOptions,
      ...serverAddOptions,
      { flags: '--no-default-bucket', description: 'create no bucket' },
      {
        flags: '--services <list>',
        description: 'only data, as every node has it',
        default: 'data',
      },
      NO_WAIT,
    ],
    run: clusterInit,
  },
  {
    name: 'cluster-edit',
    group: 'Cluster',
    description: 'change admin, password or memory of the cluster',
    options: clusterOptions,
    run: clusterEdit,
  },
  {
    name: 'setting-cluster',
    group: 'Settings',
    description: 'the same as cluster-edit, by its name of today',
    options: clusterOptions,
    run: clusterEdit,
  },
  {
    name: 'node-init',
    group: 'Cluster',
    description: 'set paths of a node that is in no cluster yet; Holdfast has them as options',
    options: [
      { flags: '--node-init-data-path <path>', description: 'folder of its data' },
      { flags: '--node-init-hostname <host>', description: 'address that others reach it at' },
    ],
    run: nodeInit,
  },
]

/** A bucket made last has its copies where they belong from its beginning: nothing has to move. */
async function clusterInit(context: CommandContext): Promise<Outcome> {
  const { rest, options } = context
  checkPort(rest, options)
  if (textOf(options, 'services') !== 'data') {
    throw new UsageError('--services: a node has the service data and no other')
  }
  const { username, password } = adminOf(rest, options)
  const memoryQuota = textOf(options, 'clusterRamsize')
  if (memoryQuota !== undefined) await rest.post('/pools/default', { memoryQuota })
  await rest.post('/settings/web', { username, password, port: 'SAME' })
  const done = [`init ${rest.address}`]
  const admin = new RestClient({ ...rest.options, username, password })
  const added = await takeInServers({ ...context, rest: admin })
  if (added.length > 0) done.push(`server-add ${added.join(', ')}`)
  if (options.defaultBucket !== false) {
    await admin.post('/pools/default/buckets', { name: 'default', bucketType: 'membase' })
    if (options.wait !== false) await untilBucketReady(admin, 'default')
    done.push('bucket-create default')
  }
  return {
    lines: done.map((message) => `SUCCESS: ${message}`),
    value: { status: 'success', message: done.join(', ') },
  }
}

/** The admin to set; a node that was started with one may keep it. */
function adminOf(rest: RestClient, options: OptionValues): { username: string; password: string } {
  const isGiven = options.clusterUsername !== undefined || options.clusterPassword !== undefined
  const { username, password } = rest.options
  if (!isGiven && username !== undefined && password !== undefined) return { username, password }
  return {
    username: requiredText(options, 'clusterUsername'),
    password: requiredText(options, 'clusterPassword'),
  }
}

async function clusterEdit({ rest, options }: CommandContext): Promise<Outcome> {
  checkPort(rest, options)
  const memory = formOf(options, { clusterRamsize: 'memoryQuota' })
  const username = textOf(options, 'clusterUsername')
  const password = textOf(options, 'clusterPassword')
  const changed = [
    ...(memory.memoryQuota === undefined ? [] : ['memory quota']),
    ...(username === undefined ? [] : ['admin']),
  ]
  if ((username === undefined) !== (password === undefined)) {
    throw new UsageError('--cluster-username and --cluster-password go together')
  }
  if (changed.length === 0) {
    throw new UsageError('nothing to change: see --cluster-username, --cluster-ramsize')
  }
  if (memory.memoryQuota !== undefined) await rest.post('/pools/default', memory)
  if (username !== undefined && password !== undefined) {
    await rest.post('/settings/web', { username, password, port: 'SAME' })
  }
  return success(`cluster changed: ${changed.join(', ')}`)
}

function checkPort(rest: RestClient, options: OptionValues): void {
  const port = textOf(options, 'clusterPort') ?? 'SAME'
  if (port === 'SAME' || rest.address.endsWith(`:${port}`)) return
  throw new UsageError(
    "--cluster-port: a node's port is its option --port and cannot be changed here",
  )
}

async function nodeInit({ rest, options }: CommandContext): Promise<Outcome> {
  const path = textOf(options, 'nodeInitDataPath')
  const hostname = textOf(options, 'nodeInitHostname')
  if (path === undefined && hostname === undefined) {
    throw new UsageError('--node-init-data-path or --node-init-hostname is required')
  }
  if (hostname !== undefined) {
    throw new UsageError(
      "--node-init-hostname: a node's address is its option --host, at its start",
    )
  }
  await rest.post('/nodes/self/controller/settings', { path: path ?? '' })
  return success(`node-init ${rest.address}`)
}
