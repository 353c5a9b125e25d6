/** Commands on the members of the cluster: list, add, take back, eject, fail over. */
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import {
  type ClusterCommand,
  type CommandContext,
  listOf,
  type OptionRow,
  type OptionValues,
  type Outcome,
  success,
  textOf,
  UsageError,
} from './command.ts'
import { groupNamed, readGroups } from './groups.ts'
import { namedNodes, readPool } from './pool.ts'
import { type RestClient, RestError, withPort } from './rest-client.ts'

const POLL_MS = 100
/** A node that hands its data over needs a while. */
const FAILOVER_MS_MAX = 120_000

/** Options of every command that adds servers. */
export const serverAddOptions: readonly OptionRow[] = [
  { flags: '--server-add <host[:port],...>', description: 'nodes to add', list: true },
  {
    flags: '--server-add-username <user>',
    description: 'admin of those nodes, if they have one',
  },
  { flags: '--server-add-password [password]', description: 'its password', secret: true },
]

export const serverCommands: readonly ClusterCommand[] = [
  {
    name: 'server-list',
    group: 'Servers',
    description: 'list the members: otpNode, host, status, membership',
    options: [],
    run: async ({ rest }) => {
      const { nodes } = await readPool(rest)
      const lines = nodes.map(
        (n) => `${n.otpNode} ${n.hostname} ${n.status} ${n.clusterMembership}`,
      )
      return { lines, value: nodes }
    },
  },
  {
    name: 'host-list',
    group: 'Servers',
    description: 'list the addresses of the members',
    options: [],
    run: async ({ rest }) => {
      const lines = (await readPool(rest)).nodes.map((n) => n.hostname)
      return { lines, value: lines }
    },
  },
  {
    name: 'server-info',
    group: 'Servers',
    description: 'show what the node that is asked says of itself',
    options: [],
    run: async ({ rest }) => {
      const value = await rest.get('/nodes/self')
      return { lines: [JSON.stringify(value, null, 2)], value }
    },
  },
  {
    name: 'server-add',
    group: 'Servers',
    description: 'add nodes or arbiters; nodes get data with the next rebalance',
    options: [
      ...serverAddOptions,
      { flags: '--group-name <name>', description: 'server group of the nodes' },
      {
        flags: '--services <list>',
        description: 'only data, as every node has it',
        default: 'data',
      },
    ],
    run: async (context) => {
      if (textOf(context.options, 'services') !== 'data') {
        throw new UsageError('--services: a node has the service data and no other')
      }
      const added = await addServers(context)
      if (added.length === 0) throw new UsageError('--server-add is required')
      return success(`server-add ${added.join(', ')}`, { servers: added })
    },
  },
  {
    name: 'server-readd',
    group: 'Servers',
    description: 'take failed-over nodes back; they reuse their data at the next rebalance',
    options: [
      {
        flags: '--server-readd <host[:port],...>',
        description: 'nodes to take back',
        list: true,
        aliases: ['--server-add'],
      },
    ],
    run: (context) => onServers(context, 'serverReadd', '/controller/reAddNode', 'server-readd'),
  },
  {
    name: 'server-eject',
    group: 'Servers',
    description: 'remove nodes that hold no data: added or failed over, not active',
    options: [
      { flags: '--server-eject <host[:port],...>', description: 'nodes to remove', list: true },
    ],
    run: (context) => onServers(context, 'serverEject', '/controller/ejectNode', 'server-eject'),
  },
  {
    name: 'failover',
    group: 'Servers',
    description: 'fail nodes over at once, also where no majority of members is left',
    options: [
      { flags: '--server-failover <host[:port],...>', description: 'nodes to give up', list: true },
      { flags: '--hard', description: 'at once (default)' },
      { flags: '--graceful', description: 'a running node hands its data over first' },
      { flags: '--force', description: 'the same as --hard' },
      { flags: '--no-wait', description: 'return before it is done' },
    ],
    run: failover,
  },
]

async function onServers(
  { rest, options }: CommandContext,
  option: string,
  path: string,
  verb: string,
): Promise<Outcome> {
  const nodes = namedNodes(await readPool(rest), listOf(options, option), `--${verb}`)
  for (const { otpNode } of nodes) await rest.post(path, { otpNode })
  const servers = nodes.map((n) => n.hostname)
  return success(`${verb} ${servers.join(', ')}`, { servers })
}

async function failover({ rest, options }: CommandContext): Promise<Outcome> {
  const graceful = options.graceful === true
  if (graceful && (options.hard === true || options.force === true)) {
    throw new UsageError('--graceful and --hard exclude each other')
  }
  const names = listOf(options, 'serverFailover')
  const nodes = namedNodes(await readPool(rest), names, '--server-failover')
  const path = graceful ? '/controller/startGracefulFailover' : '/controller/failOver'
  for (const { otpNode } of nodes) await rest.post(path, { otpNode })
  const servers = nodes.map((n) => n.hostname)
  if (options.wait === false) return success(`failover begun: ${servers.join(', ')}`, { servers })
  for (const { otpNode } of nodes) await untilFailedOver(rest, otpNode)
  return success(`failed over ${servers.join(', ')}`, { servers })
}

async function untilFailedOver(rest: RestClient, otpNode: string): Promise<void> {
  const deadline = performance.now() + FAILOVER_MS_MAX
  for (;;) {
    const node = (await readPool(rest)).nodes.find((n) => n.otpNode === otpNode)
    if (node === undefined || node.clusterMembership === 'inactiveFailed') return
    if (performance.now() > deadline) {
      throw new RestError(`${node.hostname} is not failed over after ${FAILOVER_MS_MAX} ms`, null)
    }
    await delay(POLL_MS)
  }
}

/** Adds the servers of `--server-add`, one after the other; the first refusal ends it. */
export async function addServers({ rest, options }: CommandContext): Promise<string[]> {
  const names = listOf(options, 'serverAdd').map((name) => withPort(name, rest.isSecure))
  if (names.length === 0) return []
  const path = await addPath(rest, options)
  for (const hostname of names) {
    await rest.post(path, {
      hostname,
      user: textOf(options, 'serverAddUsername') ?? '',
      password: textOf(options, 'serverAddPassword') ?? '',
    })
  }
  return names
}

const groupAddSchema = z.object({ addNodeURI: z.string() })

async function addPath(rest: RestClient, options: OptionValues): Promise<string> {
  const name = textOf(options, 'groupName')
  if (name === undefined) return '/controller/addNode'
  return groupAddSchema.parse(groupNamed(await readGroups(rest), name)).addNodeURI
}
