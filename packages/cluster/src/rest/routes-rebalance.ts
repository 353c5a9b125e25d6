/** Routes that start, stop and watch a rebalance. */
import { type ClusterDocument, otpNodeOf } from '../document/cluster-document.ts'
import { startRebalance, stopRebalance } from '../reconcile/member-changes.ts'
import { progressSchema } from './answers.ts'
import { rebalancePreviewSchema } from './answers-console.ts'
import { ApiError } from './api-error.ts'
import { previewRebalance } from './placement-preview.ts'
import { field, inForm, inQuery, type Route, type RouteContext } from './route.ts'

export const rebalanceRoutes: Route[] = [
  {
    method: 'POST',
    path: '/controller/rebalance',
    access: 'admin',
    leader: true,
    summary: 'Starts a rebalance, or goes on with one that was stopped.',
    parameters: [
      inForm('knownNodes', 'string', 'All otpNodes, comma separated.', { required: true }),
      inForm('ejectedNodes', 'string', 'OtpNodes to drain and remove, comma separated.'),
      inQuery('just_validate', 'integer', '1: only say what would move; nothing is started.'),
    ],
    answers: {
      200: {
        about: 'Started; with just_validate what would move.',
        schema: rebalancePreviewSchema,
      },
      400: { about: '`{"empty_known_nodes":1}`, `{"unknownNodes":[]}` or `{"mismatch":1}`.' },
    },
    handle: rebalance,
  },
  {
    method: 'POST',
    path: '/controller/stopRebalance',
    access: 'admin',
    leader: true,
    summary: 'Begins no further move; moves under way end. Nodes that were to leave stay.',
    handle: async ({ node }) => {
      await node.change(stopRebalance)
      return ''
    },
  },
  {
    method: 'GET',
    path: '/pools/default/rebalanceProgress',
    access: 'admin',
    summary: 'Progress of a rebalance by node, 0 to 1; errorMessage while it stands still.',
    answers: { 200: { about: 'Whether one runs, and how far.', schema: progressSchema } },
    handle: progress,
  },
]

const list = (text: string | undefined): string[] =>
  (text ?? '').split(',').filter((name) => name !== '')

async function rebalance({ node, body, query }: RouteContext): Promise<unknown> {
  const known = list(field(body, 'knownNodes'))
  const ejected = list(field(body, 'ejectedNodes'))
  if (known.length === 0) throw new ApiError(400, { empty_known_nodes: 1 })
  const begin = (draft: ClusterDocument): void => {
    const names = draft.members.map(otpNodeOf)
    const unknown = [...known, ...ejected].filter((name) => !names.includes(name))
    if (unknown.length > 0) throw new ApiError(400, { unknownNodes: unknown })
    if (names.some((name) => !known.includes(name))) throw new ApiError(400, { mismatch: 1 })
    const leaving = draft.members.filter((m) => ejected.includes(otpNodeOf(m)))
    startRebalance(draft, new Set(leaving.map((m) => m.id)))
    const left = draft.members.filter((m) => m.membership === 'active' && !m.ejecting && !m.arbiter)
    if (left.length === 0) throw new ApiError(400, 'No active node would be left.\n')
  }
  if (query.just_validate === '1') {
    const draft = structuredClone(node.document)
    begin(draft)
    return previewRebalance(draft, node.reconciler.pictures(), (id) => node.heartbeats.isLive(id))
  }
  await node.change(begin)
  return ''
}

function progress({ node }: RouteContext): unknown {
  const { rebalancing, rebalance: record, members } = node.document
  const trouble = record.trouble === null ? {} : { errorMessage: record.trouble }
  if (!rebalancing) return { status: 'none', ...trouble }
  const byMember = node.reconciler.progress()
  const nodes = members.filter((m) => byMember.has(m.id))
  return {
    status: 'running',
    ...Object.fromEntries(nodes.map((m) => [otpNodeOf(m), { progress: byMember.get(m.id) }])),
    ...trouble,
  }
}
