/** `group-manage`: server groups, and which servers are in them. */
import {
  type ClusterCommand,
  type CommandContext,
  listOf,
  type Outcome,
  oneAction,
  requiredText,
  success,
  textOf,
} from './command.ts'
import { groupNamed, readGroups, type ServerGroups } from './groups.ts'
import { namedNodes, readPool } from './pool.ts'
import { RestError } from './rest-client.ts'

export const groupCommands: readonly ClusterCommand[] = [
  {
    name: 'group-manage',
    group: 'Servers',
    description: 'manage server groups; copies are never in one group while another has room',
    options: [
      { flags: '--list', description: 'list the groups and their servers' },
      { flags: '--create', description: 'create the group --group-name' },
      { flags: '--delete', description: 'delete the group --group-name; it must be empty' },
      { flags: '--rename <name>', description: 'give the group --group-name this name' },
      {
        flags: '--move-servers <host[:port],...>',
        description: 'move servers from --from-group to --to-group; then rebalance',
        list: true,
      },
      { flags: '--group-name <name>', description: 'the group' },
      { flags: '--from-group <name>', description: 'where the servers are' },
      { flags: '--to-group <name>', description: 'where they should be' },
    ],
    run: manageGroups,
  },
]

const ACTIONS = ['list', 'create', 'delete', 'rename', 'moveServers'] as const

async function manageGroups(context: CommandContext): Promise<Outcome> {
  const { rest, options } = context
  const action = oneAction(options, ACTIONS)
  if (action === 'moveServers') return moveServers(context)
  if (action === 'list') return listGroups(await readGroups(rest))
  const name = requiredText(options, 'groupName')
  if (action === 'create') {
    await rest.post('/pools/default/serverGroups', { name })
    return success(`server group created: ${name}`)
  }
  const { uri } = groupNamed(await readGroups(rest), name)
  if (action === 'delete') {
    await rest.delete(uri)
    return success(`server group deleted: ${name}`)
  }
  const renamed = requiredText(options, 'rename')
  await rest.put(uri, { name: renamed })
  return success(`server group ${name} renamed to ${renamed}`)
}

function listGroups({ groups }: ServerGroups): Outcome {
  const lines = groups.flatMap((g) => [g.name, ...g.nodes.map((n) => ` server: ${n.hostname}`)])
  return { lines, value: groups.map((g) => ({ name: g.name, nodes: g.nodes })) }
}

async function moveServers({ rest, options }: CommandContext): Promise<Outcome> {
  const names = listOf(options, 'moveServers')
  const nodes = namedNodes(await readPool(rest), names, '--move-servers')
  const arrangement = await readGroups(rest)
  const to = groupNamed(arrangement, requiredText(options, 'toGroup'))
  const fromName = textOf(options, 'fromGroup')
  const from = fromName === undefined ? null : groupNamed(arrangement, fromName)
  for (const { otpNode, hostname } of nodes) {
    if (from !== null && !from.nodes.some((n) => n.otpNode === otpNode)) {
      throw new RestError(`${hostname} is not in the group ${from.name}`, null)
    }
  }
  const moved = new Set(nodes.map((n) => n.otpNode))
  const groups = arrangement.groups.map((group) => ({
    name: group.name,
    uri: group.uri,
    nodes: [
      ...group.nodes.filter((n) => !moved.has(n.otpNode)),
      ...(group === to ? nodes : []),
    ].map(({ otpNode }) => ({ otpNode })),
  }))
  await rest.putJson(arrangement.uri, { groups })
  const servers = nodes.map((n) => n.hostname)
  return success(`servers moved to ${to.name}: ${servers.join(', ')}; rebalance to move copies`, {
    servers,
  })
}
