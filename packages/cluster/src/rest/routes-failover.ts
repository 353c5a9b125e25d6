/** Routes about failover: by a person's word, and the settings of the automatic one. */
import { type Member, otpNodeOf } from '../document/cluster-document.ts'
import { failoverCount } from '../reconcile/failover-quota.ts'
import { shardsOnlyOn } from '../reconcile/member-changes.ts'
import { failoverPreviewSchema } from './answers-console.ts'
import { ApiError } from './api-error.ts'
import { previewFailover } from './placement-preview.ts'
import { field, inForm, inQuery, type Route, type RouteContext } from './route.ts'

/** Two heartbeats may be late at any time; what is not heard for longer is not late. */
const TIMEOUT_SECONDS_MIN = 0.3
const TIMEOUT_SECONDS_MAX = 3600
const COUNT_MAX = 100

const OTP_NODE = inForm('otpNode', 'string', 'Name of the node.', { required: true })

export const failoverRoutes: Route[] = [
  {
    method: 'POST',
    path: '/controller/failOver',
    access: 'admin',
    summary: 'Fails a node over at once. Works without a majority of members.',
    parameters: [
      OTP_NODE,
      inQuery('just_validate', 'integer', '1: only say what it would do; nothing is failed over.'),
    ],
    answers: {
      200: { about: 'Done; with just_validate what it would do.', schema: failoverPreviewSchema },
      400: { about: '`No server specified.`, an unknown or the last server.' },
    },
    handle: failOver,
  },
  {
    method: 'POST',
    path: '/controller/startGracefulFailover',
    access: 'admin',
    leader: true,
    summary: 'Fails a living node over once it has handed over all that it leads.',
    parameters: [OTP_NODE],
    answers: { 400: { about: 'It has the only copy of something, or cannot be failed over.' } },
    handle: failOverGracefully,
  },
  {
    method: 'GET',
    path: '/settings/autoFailover',
    access: 'admin',
    summary: 'Automatic failover: enabled, timeout in seconds, failovers so far and at most.',
    handle: ({ node }) => {
      const { enabled, timeoutMs, maxCount } = node.document.autoFailover
      return { enabled, timeout: timeoutMs / 1000, count: failoverCount(node.document), maxCount }
    },
  },
  {
    method: 'POST',
    path: '/settings/autoFailover',
    access: 'admin',
    leader: true,
    summary: 'Changes automatic failover.',
    parameters: [
      inForm('enabled', 'boolean', 'Whether members fail over by themselves.'),
      inForm('timeout', 'number', 'Seconds without a word until a member is given up.', {
        minimum: TIMEOUT_SECONDS_MIN,
        maximum: TIMEOUT_SECONDS_MAX,
      }),
      inForm('maxCount', 'integer', 'Members (or server groups) one after the other.', {
        minimum: 1,
        maximum: COUNT_MAX,
      }),
      inQuery('just_validate', 'integer', '1: only say what is wrong.'),
    ],
    answers: { 400: { about: 'What is wrong, as text.' } },
    handle: setAutoFailover,
  },
  {
    method: 'POST',
    path: '/settings/autoFailover/resetCount',
    access: 'admin',
    leader: true,
    summary: 'Forgets the failovers so far; happens by itself when all copies are whole again.',
    handle: async ({ node }) => {
      await node.change((draft) => {
        draft.autoFailover.failedOver = []
      })
      return ''
    },
  },
]

/** The member that a request names, when another one can go on without it. */
function targetOf({ node, body }: RouteContext): Member {
  const name = field(body, 'otpNode')
  if (!name) throw new ApiError(400, 'No server specified.')
  const { members } = node.document
  const target = members.find((m) => otpNodeOf(m) === name)
  if (!target) throw new ApiError(400, 'Unknown server given.\n')
  if (target.membership === 'inactiveAdded') {
    throw new ApiError(400, 'Inactive server cannot be failed over.\n')
  }
  const active = members.filter((m) => m.membership === 'active' && !m.arbiter)
  if (!active.some((m) => m.id !== target.id)) {
    throw new ApiError(400, 'The last active server cannot fail over.\n')
  }
  return target
}

async function failOver(context: RouteContext): Promise<unknown> {
  const target = targetOf(context)
  const { node, query } = context
  if (query.just_validate === '1') {
    return previewFailover(node.document, node.reconciler.pictures(), target)
  }
  if (target.membership === 'active') await node.failOver(target.id)
  return ''
}

async function failOverGracefully(context: RouteContext): Promise<unknown> {
  const { node } = context
  const target = targetOf(context)
  if (!node.heartbeats.isLive(target.id)) {
    throw new ApiError(400, 'The server is not reachable: only failOver works.\n')
  }
  await node.change((draft) => {
    if (shardsOnlyOn(draft, target.id).only > 0) {
      throw new ApiError(400, 'Failover cannot be done gracefully (would lose vbuckets).\n')
    }
    const member = draft.members.find((m) => m.id === target.id)
    if (member?.membership === 'active') member.failingOver = true
  })
  return ''
}

interface AutoFailoverForm {
  enabled?: boolean
  timeoutMs?: number
  maxCount?: number
}

async function setAutoFailover({ node, body, query }: RouteContext): Promise<unknown> {
  const { form, errors } = readAutoFailover(body)
  const isWrong = Object.keys(errors).length > 0
  if (query.just_validate === '1') return { errors: isWrong ? errors : null }
  if (isWrong)
    throw new ApiError(
      400,
      Object.values(errors)
        .map((text) => `${text}\n`)
        .join(''),
    )
  await node.change((draft) => {
    Object.assign(draft.autoFailover, form)
  })
  return ''
}

function readAutoFailover(body: Record<string, unknown>): {
  form: AutoFailoverForm
  errors: Record<string, string>
} {
  const form: AutoFailoverForm = {}
  const errors: Record<string, string> = {}
  const enabled = field(body, 'enabled')
  if (enabled === 'true' || enabled === 'false') form.enabled = enabled === 'true'
  else if (enabled !== undefined) {
    errors.enabled = 'The value of "enabled" must be true or false'
  }
  const timeout = field(body, 'timeout')
  if (timeout !== undefined) {
    const seconds = /^\d+(\.\d+)?$/.test(timeout) ? Number(timeout) : Number.NaN
    if (seconds >= TIMEOUT_SECONDS_MIN && seconds <= TIMEOUT_SECONDS_MAX) {
      form.timeoutMs = Math.round(seconds * 1000)
    } else {
      errors.timeout =
        `The value of "timeout" must be a positive number bigger or equal to ` +
        `${TIMEOUT_SECONDS_MIN} and not bigger than ${TIMEOUT_SECONDS_MAX}`
    }
  }
  const maxCount = field(body, 'maxCount')
  if (maxCount !== undefined) {
    const count = /^\d+$/.test(maxCount) ? Number(maxCount) : 0
    if (count >= 1 && count <= COUNT_MAX) form.maxCount = count
    else errors.maxCount = `The value of "maxCount" must be a positive integer up to ${COUNT_MAX}`
  }
  if (Object.keys(form).length + Object.keys(errors).length === 0) {
    errors.enabled = 'The value of "enabled" must be true or false'
  }
  return { form, errors }
}
