/**
 * The route that shows the whole cluster as it is. Only the leader looks at engines whose manager
 * is away, so the others ask it; without one, or without its answer, a node says what it sees.
 */
import { z } from 'zod'
import { memberById } from '../document/cluster-document.ts'
import { topologySchema } from './answers-console.ts'
import { sourceFor } from './config-stream.ts'
import type { Route, RouteContext } from './route.ts'
import { topologyView } from './topology-view.ts'

const LEADER_TIMEOUT_MS = 700

const anything: z.ZodType<Record<string, unknown>> = z.record(z.string(), z.unknown())

export const topologyRoutes: Route[] = [
  {
    method: 'GET',
    path: '/pools/default/topology',
    access: 'admin',
    summary: 'Nodes, shards and every copy of them as they are, and the health in one word.',
    answers: { 200: { about: 'The cluster.', schema: topologySchema } },
    handle: async (context) => (await askLeader(context)) ?? ownView(context),
  },
]

export const memberTopologyRoutes: Route[] = [
  {
    method: 'GET',
    path: '/internal/topology',
    access: 'member',
    summary: '',
    handle: ownView,
  },
]

function ownView(context: RouteContext): Record<string, unknown> {
  return topologyView(sourceFor(context), context.node.heartbeats.leader)
}

async function askLeader({ node }: RouteContext): Promise<Record<string, unknown> | null> {
  const { leader } = node.heartbeats
  const member = leader === null ? undefined : memberById(node.document, leader)
  if (!member || member.id === node.keeper.self) return null
  const options = { schema: anything, timeoutMs: LEADER_TIMEOUT_MS }
  return node.observer.calls.ask(member, '/internal/topology', options).catch(() => null)
}
