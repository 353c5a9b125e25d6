/**
 * Routes of server groups, in the shape of the original's successor, reduced: a group is known by
 * its name. Moving a node only changes where its copies should be; the copies follow by themselves.
 */
import { z } from 'zod'
import { type ClusterDocument, otpNodeOf } from '../document/cluster-document.ts'
import { ApiError } from './api-error.ts'
import { sourceFor } from './config-stream.ts'
import { nodeView } from './pool-view.ts'
import { field, inForm, inPath, type Route, type RouteContext } from './route.ts'
import { addNode } from './routes-nodes.ts'

const GROUPS = '/pools/default/serverGroups'
const groupsSchema = z.array(
  z.object({ uri: z.string(), nodes: z.array(z.object({ otpNode: z.string() })) }),
)
const NAME_LENGTH_MAX = 64
const GROUP_COUNT_MAX = 64
const GROUP = inPath('group', 'Name of the group.')
const NAME = inForm('name', 'string', 'Name of the group, 1 to 64 characters.', { required: true })
const NAME_ANSWER = { 400: { about: '`{"name": "already exists"}` or what else is wrong.' } }

export const groupRoutes: Route[] = [
  {
    method: 'GET',
    path: GROUPS,
    access: 'admin',
    summary: 'Server groups with their nodes.',
    handle: listGroups,
  },
  {
    method: 'POST',
    path: GROUPS,
    access: 'admin',
    leader: true,
    summary: 'Makes a server group.',
    parameters: [NAME],
    answers: NAME_ANSWER,
    handle: async ({ node, body }) => {
      await node.change((draft) => {
        const name = readName(body, draft)
        if (draft.groups.length >= GROUP_COUNT_MAX) {
          throw new ApiError(400, { _: `no more than ${GROUP_COUNT_MAX} groups` })
        }
        draft.groups.push(name)
      })
      return ''
    },
  },
  {
    method: 'PUT',
    path: GROUPS,
    access: 'admin',
    leader: true,
    summary: 'Moves nodes: JSON {groups: [{uri, nodes: [{otpNode}]}]}; who is not named stays.',
    answers: { 400: { about: 'An unknown group or node.' } },
    handle: moveNodes,
  },
  {
    method: 'PUT',
    path: `${GROUPS}/:group`,
    access: 'admin',
    leader: true,
    summary: 'Gives a server group another name.',
    parameters: [GROUP, NAME],
    answers: NAME_ANSWER,
    handle: renameGroup,
  },
  {
    method: 'DELETE',
    path: `${GROUPS}/:group`,
    access: 'admin',
    leader: true,
    summary: 'Deletes an empty server group.',
    parameters: [GROUP],
    answers: { 400: { about: '`{"_": "group is not empty"}`' }, 404: { about: 'No such group.' } },
    handle: deleteGroup,
  },
  {
    method: 'POST',
    path: `${GROUPS}/:group/addNode`,
    access: 'admin',
    leader: true,
    summary: 'As /controller/addNode, into this group.',
    parameters: [
      GROUP,
      inForm('hostname', 'string', 'host[:port] of the node.', { required: true }),
      inForm('user', 'string', 'Admin of that node, if it has one.'),
      inForm('password', 'string', 'Its password.'),
    ],
    answers: { 400: { about: 'A list of texts.' }, 404: { about: 'No such group.' } },
    handle: (context) => {
      requireGroup(context.node.document, context.params.group)
      return addNode(context)
    },
  },
]

const uriOf = (group: string): string => `${GROUPS}/${encodeURIComponent(group)}`

function listGroups(context: RouteContext): unknown {
  const { document } = context.node
  const source = sourceFor(context)
  return {
    groups: document.groups.map((name) => ({
      name,
      uri: uriOf(name),
      addNodeURI: `${uriOf(name)}/addNode`,
      nodes: document.members.filter((m) => m.group === name).map((m) => nodeView(source, m)),
    })),
    uri: `${GROUPS}?rev=${document.rev}`,
  }
}

function readName(body: Record<string, unknown>, draft: ClusterDocument): string {
  const name = (field(body, 'name') ?? '').trim()
  if (name === '' || name.length > NAME_LENGTH_MAX) {
    throw new ApiError(400, { name: `must be 1 to ${NAME_LENGTH_MAX} characters` })
  }
  if (draft.groups.includes(name)) throw new ApiError(400, { name: 'already exists' })
  return name
}

function requireGroup(document: ClusterDocument, name: string | undefined): string {
  if (name !== undefined && document.groups.includes(name)) return name
  throw new ApiError(404, 'Requested resource not found.\r\n')
}

async function moveNodes({ node, body }: RouteContext): Promise<unknown> {
  const moves = readMoves(body.groups)
  await node.change((draft) => {
    for (const { uri, otpNode } of moves) {
      const group = draft.groups.find((name) => uriOf(name) === uri)
      const member = draft.members.find((m) => otpNodeOf(m) === otpNode)
      if (group === undefined) throw new ApiError(400, { _: `unknown group ${uri}` })
      if (!member) throw new ApiError(400, { _: `unknown node ${otpNode}` })
      member.group = group
    }
  })
  return ''
}

function readMoves(groups: unknown): { uri: string; otpNode: string }[] {
  const parsed = groupsSchema.safeParse(groups)
  if (!parsed.success) throw new ApiError(400, { _: 'groups must be [{uri, nodes: [{otpNode}]}]' })
  return parsed.data.flatMap(({ uri, nodes }) => nodes.map(({ otpNode }) => ({ uri, otpNode })))
}

async function renameGroup({ node, params, body }: RouteContext): Promise<unknown> {
  await node.change((draft) => {
    const old = requireGroup(draft, params.group)
    if (field(body, 'name') === old) return
    const name = readName(body, draft)
    draft.groups[draft.groups.indexOf(old)] = name
    for (const member of draft.members) if (member.group === old) member.group = name
  })
  return ''
}

async function deleteGroup({ node, params }: RouteContext): Promise<unknown> {
  await node.change((draft) => {
    const name = requireGroup(draft, params.group)
    if (draft.members.some((m) => m.group === name) || draft.groups.length === 1) {
      throw new ApiError(400, { _: 'group is not empty' })
    }
    draft.groups = draft.groups.filter((one) => one !== name)
  })
  return ''
}
