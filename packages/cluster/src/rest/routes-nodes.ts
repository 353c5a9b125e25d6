/** Routes that change the cluster's members. Most only work on the leader. */
import { type Member, otpNodeOf } from '../document/cluster-document.ts'
import { newMember } from '../document/new-document.ts'
import { type Hello, helloSchema } from '../membership/messages.ts'
import { PeerError, PeerLink, SLOW_MESSAGE_TIMEOUT_MS } from '../membership/peer-link.ts'
import type { StoreNode } from '../node.ts'
import { ApiError } from './api-error.ts'
import { field, type Route, type RouteContext } from './route.ts'

const DEFAULT_REST_PORT = 8091
const ENGINE_PORT_MAX = 55_535

export const nodeRoutes: Route[] = [
  {
    method: 'POST',
    path: '/controller/addNode',
    access: 'admin',
    leader: true,
    summary: 'Adds a node: hostname[:port], user, password. Its own data is dropped.',
    handle: addNode,
  },
  {
    method: 'POST',
    path: '/controller/rebalance',
    access: 'admin',
    leader: true,
    summary: 'Starts a rebalance: knownNodes=all otpNodes, ejectedNodes=those to drain and remove.',
    handle: rebalance,
  },
  {
    method: 'POST',
    path: '/controller/failOver',
    access: 'admin',
    summary: 'Fails a node over at once: otpNode. Works without a majority of members.',
    handle: failOver,
  },
  {
    method: 'POST',
    path: '/settings/autoFailover',
    access: 'admin',
    leader: true,
    summary: 'Turns automatic failover on or off: enabled=true|false.',
    handle: async ({ node, body }) => {
      const enabled = field(body, 'enabled')
      if (enabled !== 'true' && enabled !== 'false') {
        throw new ApiError(400, 'The value of "enabled" must be true or false\n')
      }
      await node.change((draft) => {
        draft.autoFailover.enabled = enabled === 'true'
      })
      return ''
    },
  },
]

async function addNode({ node, body }: RouteContext): Promise<unknown> {
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
      draft.members.push({ ...added, membership: 'inactiveAdded' })
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
  if (!hello.arbiter || self === undefined) return
  // An arbiter votes at once, as no data has to move first; but not before it can be heard.
  await node.untilHeard(self)
  await node.change((draft) => {
    const arbiter = draft.members.find(isNew)
    if (arbiter) arbiter.membership = 'active'
  })
}

function joinFailure(error: PeerError, address: string): string {
  if (error.status === 401) return `Prepare join failed. Authentication failed at ${address}.`
  if (error.status !== null) return `Prepare join failed. ${error.message}`
  const why = error.refused ? 'connection refused' : 'no answer'
  return `Prepare join failed. Could not connect to ${address}: ${why}.`
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

const list = (text: string | undefined): string[] =>
  (text ?? '').split(',').filter((name) => name !== '')

async function rebalance({ node, body }: RouteContext): Promise<unknown> {
  const known = list(field(body, 'knownNodes'))
  const ejected = list(field(body, 'ejectedNodes'))
  if (known.length === 0) throw new ApiError(400, { empty_known_nodes: 1 })
  await node.change((draft) => {
    const names = draft.members.map(otpNodeOf)
    const unknown = [...known, ...ejected].filter((name) => !names.includes(name))
    if (unknown.length > 0) throw new ApiError(400, { unknownNodes: unknown })
    if (names.some((name) => !known.includes(name))) throw new ApiError(400, { mismatch: 1 })
    for (const member of draft.members) {
      if (member.membership === 'inactiveAdded') member.membership = 'active'
      if (ejected.includes(otpNodeOf(member)) || member.membership === 'inactiveFailed') {
        member.ejecting = true
      }
    }
    const left = draft.members.filter((m) => m.membership === 'active' && !m.ejecting && !m.arbiter)
    if (left.length === 0) throw new ApiError(400, 'No active node would be left.\n')
    draft.rebalancing = true
  })
  return ''
}

async function failOver({ node, body }: RouteContext): Promise<unknown> {
  const name = field(body, 'otpNode')
  if (!name) throw new ApiError(400, 'No server specified.')
  const target = node.document.members.find((m) => otpNodeOf(m) === name)
  if (!target) throw new ApiError(400, 'Unknown server given.\n')
  const active = node.document.members.filter(
    (m) => m.membership === 'active' && !m.arbiter && m.id !== target.id,
  )
  if (active.length === 0) throw new ApiError(400, 'The last active server cannot fail over.\n')
  await node.failOver(target.id)
  return ''
}
