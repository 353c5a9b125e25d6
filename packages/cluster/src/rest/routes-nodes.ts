/** Routes that add members, take them back and remove them. */
import { type Member, otpNodeOf } from '../document/cluster-document.ts'
import { newMember } from '../document/new-document.ts'
import { type Hello, helloSchema } from '../membership/messages.ts'
import { PeerError } from '../membership/peer-error.ts'
import { PeerLink, SLOW_MESSAGE_TIMEOUT_MS } from '../membership/peer-link.ts'
import type { StoreNode } from '../node.ts'
import { reAdd } from '../reconcile/member-changes.ts'
import { holdsNothing } from '../reconcile/plan-members.ts'
import { ApiError } from './api-error.ts'
import { field, inForm, type Route, type RouteContext } from './route.ts'

const DEFAULT_REST_PORT = 8091
const ENGINE_PORT_MAX = 55_535

const OTP_NODE = inForm('otpNode', 'string', 'Name of the node.', { required: true })

export const nodeRoutes: Route[] = [
  {
    method: 'POST',
    path: '/controller/addNode',
    access: 'admin',
    leader: true,
    summary: 'Adds a node; it gets data with the next rebalance. Its own data is dropped.',
    parameters: [
      inForm('hostname', 'string', 'host[:port] of the node.', { required: true }),
      inForm('user', 'string', 'Admin of that node, if it has one.'),
      inForm('password', 'string', 'Its password.'),
    ],
    answers: { 400: { about: 'A list of texts.' } },
    handle: addNode,
  },
  {
    method: 'POST',
    path: '/controller/reAddNode',
    access: 'admin',
    leader: true,
    summary: 'Takes a failed-over node back: the next rebalance gives it copies again.',
    parameters: [OTP_NODE],
    answers: { 400: { about: 'An unknown server, or one that was not failed over.' } },
    handle: reAddNode,
  },
  {
    method: 'POST',
    path: '/controller/ejectNode',
    access: 'admin',
    leader: true,
    summary: 'Removes a node that is not active: one only added, or failed over.',
    parameters: [inForm('otpNode', 'string', 'Name of the node, or Self.', { required: true })],
    answers: { 400: { about: '`Bad Request`, `Cannot remove active server.` and such.' } },
    handle: ejectNode,
  },
]

/** Adds the node that the form names, to the group of the path if there is one. */
export async function addNode({ node, body, params }: RouteContext): Promise<unknown> {
  const { host, port } = readHostname(field(body, 'hostname') ?? '')
  if (node.document.admin === null) {
    throw new ApiError(400, ['Adding nodes to not provisioned nodes is not allowed.'])
  }
  const user = field(body, 'user') ?? ''
  const password = field(body, 'password') ?? ''
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const link = new PeerLink({ host, restPort: port })
  try {
    const raw = await link.send('GET', '/internal/hello', { authorization, timeoutMs: 2000 })
    const hello = helloSchema.parse(raw)
    if (node.document.members.some((m) => m.host === hello.host && m.restPort === hello.restPort)) {
      throw new ApiError(400, ['Prepare join failed. Node is already part of cluster.'])
    }
    if (hello.memberCount > 1) {
      throw new ApiError(400, ['Prepare join failed. Node is part of another cluster.'])
    }
    await node.change((draft) => {
      const added = newMember(draft.nextMemberId++, hello.uuid, hello)
      const group = params.group ?? draft.groups[0] ?? added.group
      draft.members.push({ ...added, membership: 'inactiveAdded', group })
    })
    await joinMember(node, link, hello, authorization)
    return { otpNode: otpNodeOf(hello) }
  } catch (error) {
    if (!(error instanceof PeerError)) throw error
    throw new ApiError(400, [joinFailure(error, `${host}:${port}`)], { cause: error })
  } finally {
    link.close()
  }
}

/** Hands the cluster to the new member. One that cannot take it is no member. */
async function joinMember(
  node: StoreNode,
  link: PeerLink,
  hello: Hello,
  authorization: string,
): Promise<void> {
  const isNew = (member: Member): boolean => member.uuid === hello.uuid
  const self = node.document.members.find(isNew)?.id
  try {
    await link.send('POST', '/internal/join', {
      body: { self, document: node.document },
      authorization,
      timeoutMs: SLOW_MESSAGE_TIMEOUT_MS,
    })
  } catch (error) {
    await node.change((draft) => {
      draft.members = draft.members.filter((member) => !isNew(member))
    })
    throw error
  }
  node.heartbeats.announce()
  if (self === undefined) return
  // Whoever rebalances next makes it a voter: a change that it does not answer fails then.
  await node.untilHeard(self)
  if (!hello.arbiter) return
  // An arbiter votes at once, as no data has to move first.
  await node.change((draft) => {
    const arbiter = draft.members.find(isNew)
    if (arbiter) arbiter.membership = 'active'
  })
}

function joinFailure(error: PeerError, address: string): string {
  if (error.status === 401) return `Prepare join failed. Authentication failed at ${address}.`
  if (error.status === 400) return `Prepare join failed. ${wordsOf(error)}`
  if (error.status !== null) return `Prepare join failed. ${error.message}`
  const why = error.refused ? 'connection refused' : 'no answer'
  return `Prepare join failed. Could not connect to ${address}: ${why}.`
}

/** What the other node said, without what it was asked. */
function wordsOf({ message }: PeerError): string {
  return message.replace(/^\w+ \S+ at \S+: /, '')
}

function readHostname(text: string): { host: string; port: number } {
  const match = /^(?:https?:\/\/)?([^:/\s]+)(?::(\d+))?\/?$/.exec(text)
  const port = Number(match?.[2] ?? DEFAULT_REST_PORT)
  const host = match?.[1]
  if (host === undefined || port < 1 || port > ENGINE_PORT_MAX + 10_000) {
    throw new ApiError(400, [`Hostname is required: host[:port], not "${text}"`])
  }
  return { host, port }
}

async function reAddNode({ node, body }: RouteContext): Promise<unknown> {
  const name = field(body, 'otpNode')
  if (!name) throw new ApiError(400, 'No server specified.')
  await node.change((draft) => {
    const member = draft.members.find((m) => otpNodeOf(m) === name)
    if (!member) throw new ApiError(400, 'Unknown server given.\n')
    if (member.membership === 'active') {
      throw new ApiError(400, 'The server is active, it was not failed over.\n')
    }
    reAdd(member)
  })
  return ''
}

async function ejectNode({ node, body }: RouteContext): Promise<unknown> {
  const name = field(body, 'otpNode')
  if (!name) throw new ApiError(400, 'Bad Request\n')
  const id = name === 'Self' ? node.selfMember.id : null
  await node.change((draft) => {
    const member = draft.members.find((m) => (id === null ? otpNodeOf(m) === name : m.id === id))
    if (!member) throw new ApiError(400, 'Server does not exist.\n')
    if (member.membership === 'active') throw new ApiError(400, 'Cannot remove active server.\n')
    member.ejecting = true
    if (holdsNothing(draft, member.id)) draft.members = draft.members.filter((m) => m !== member)
  })
  return ''
}
