/**
 * The route by which a node asks a cluster to take it in: the other way round than `addNode`, for
 * who sits at the new node. The cluster does the adding; it gets a word by which this node lets it,
 * good for a minute, in the place of this node's own password.
 */
import { z } from 'zod'
import { hostnameOf } from '../document/cluster-document.ts'
import type { StoreNode } from '../node.ts'
import { JOIN_USER } from './access.ts'
import { messagesSchema } from './answers.ts'
import { ApiError } from './api-error.ts'
import { signToken } from './login-token.ts'
import { field, inForm, type Route, type RouteContext } from './route.ts'

/** Within it the cluster has asked this node, and this node has emptied itself. */
const JOIN_TIMEOUT_MS = 20_000
const JOIN_WORD_MS = 60_000
const ANSWER_LENGTH_MAX = 500
const DEFAULT_REST_PORT = '8091'

export const joinRoutes: Route[] = [
  {
    method: 'POST',
    path: '/node/controller/doJoinCluster',
    access: 'admin',
    summary: 'Joins a cluster; this node gets data with the next rebalance. Its own is dropped.',
    parameters: [
      inForm('clusterMemberHostIp', 'string', 'Host of any member.', { required: true }),
      inForm('clusterMemberPort', 'integer', 'Its REST port.', {
        minimum: 1,
        maximum: 65_535,
        standard: Number(DEFAULT_REST_PORT),
      }),
      inForm('user', 'string', 'Admin of the cluster.', { required: true }),
      inForm('password', 'string', 'The password.', { required: true }),
      inForm('hostname', 'string', 'host:port at which the cluster reaches this node.'),
    ],
    answers: { 400: { about: 'Why the cluster did not take it.', schema: messagesSchema } },
    handle: join,
  },
]

async function join(context: RouteContext): Promise<unknown> {
  const { node, body } = context
  const address = readAddress(body)
  if (node.document.members.length > 1) {
    throw new ApiError(400, ['This node is already part of a cluster.'])
  }
  const user = field(body, 'user') ?? ''
  const password = field(body, 'password') ?? ''
  const form = { hostname: field(body, 'hostname') || hostnameOf(node.selfMember), ...word(node) }
  const { status, text } = await send(address, `${user}:${password}`, form)
  if (status === 401) {
    throw new ApiError(400, [`Authentication failed at ${address}: user or password is wrong.`])
  }
  if (status !== 200) throw new ApiError(400, messagesIn(text))
  return ''
}

function readAddress(body: Record<string, unknown>): string {
  const host = (field(body, 'clusterMemberHostIp') ?? '').trim()
  const port = (field(body, 'clusterMemberPort') || DEFAULT_REST_PORT).trim()
  const url = /^(?:[^\s:/?#@[\]]+|\[[\da-f:]+\])$/i.test(host) && URL.parse(`http://${host}:1/`)
  if (!url) throw new ApiError(400, ['Missing or invalid clusterMemberHostIp: a host name.'])
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw new ApiError(400, ['Invalid clusterMemberPort: a number from 1 to 65535.'])
  }
  return `${host}:${port}`
}

/** By which the cluster may ask this node to join; nothing where there is no admin yet. */
function word({ document }: StoreNode): { user: string; password: string } {
  if (document.admin === null) return { user: '', password: '' }
  const expiresAtMs = Date.now() + JOIN_WORD_MS
  const { username: user } = document.admin
  const claims = { id: '', user, role: 'admin', expiresAtMs, loginEndsAtMs: expiresAtMs } as const
  return { user: JOIN_USER, password: signToken('join', claims, document) }
}

async function send(
  address: string,
  login: string,
  form: Record<string, string>,
): Promise<{ status: number; text: string }> {
  try {
    const answer = await fetch(`http://${address}/controller/addNode`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
      body: new URLSearchParams(form),
      redirect: 'manual',
      signal: AbortSignal.timeout(JOIN_TIMEOUT_MS),
    })
    return { status: answer.status, text: await answer.text() }
  } catch (cause) {
    const why = isRefused(cause) ? 'connection refused' : 'no answer'
    throw new ApiError(400, [`Could not connect to ${address}: ${why}.`], { cause })
  }
}

function isRefused(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED'
}

/** What the cluster has said, in its words. */
function messagesIn(text: string): string[] {
  try {
    const messages = z.array(z.string()).safeParse(JSON.parse(text))
    if (messages.success) return messages.data
  } catch {
    // no JSON: said as it is
  }
  return [text.slice(0, ANSWER_LENGTH_MAX).trim() || 'The cluster did not say why it refuses.']
}
