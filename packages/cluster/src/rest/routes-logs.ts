/** Routes of what has happened: the log of events, alerts, errors that consoles report. */
import { z } from 'zod'
import { EVENT_KINDS } from '../observe/event-kinds.ts'
import { EVENTS_MAX } from '../observe/event-log.ts'
import { logSchema } from './answers.ts'
import { ApiError } from './api-error.ts'
import { basicCredentials } from './credentials.ts'
import { inQuery, type Route, type RouteContext } from './route.ts'

const LIMIT = 250
const REPORT_LENGTH_MAX = 4000

const PERIOD = [
  inQuery('sinceTime', 'integer', 'Unix time in milliseconds: only what happened since then.'),
  inQuery('limit', 'integer', 'How many at most; the newest.', {
    standard: LIMIT,
    maximum: EVENTS_MAX,
  }),
]

export const logRoutes: Route[] = [
  {
    method: 'GET',
    path: '/logs',
    access: 'admin',
    summary: 'Events of the whole cluster, oldest first; members that do not answer are named.',
    parameters: PERIOD,
    answers: { 200: { about: 'The events.', schema: logSchema.and(z.looseObject({})) } },
    handle: (context) => readLogs(context, () => true),
  },
  {
    method: 'GET',
    path: '/alerts',
    access: 'admin',
    summary: 'Alerts of the whole cluster as they were told; `current` has those that last.',
    parameters: PERIOD,
    answers: { 200: { about: 'The alerts.', schema: logSchema.and(z.looseObject({})) } },
    handle: async (context) => {
      const { module } = EVENT_KINDS.alert
      const told = await readLogs(context, (entry) => entry.module === module)
      return { ...told, current: context.node.observer.alerts() }
    },
  },
  {
    method: 'POST',
    path: '/logClientError',
    access: 'anybucket',
    harmless: true,
    summary: 'Writes an error that a console reports, the whole body, into the log.',
    answers: { 200: { about: 'Written.' } },
    handle: ({ node, request, body }) => {
      const user = basicCredentials(request.headers.authorization)?.[0] ?? 'nobody'
      const text = Object.entries(body)
        .map(([name, value]) =>
          name === 'text' || value === '' ? `${value || name}` : `${name}=${value}`,
        )
        .join('&')
        .slice(0, REPORT_LENGTH_MAX)
      node.observer.events.add('clientError', `Client-side error-report for user ${user}:\n${text}`)
      return ''
    },
  },
]

async function readLogs(
  { node, query }: RouteContext,
  isAsked: (entry: { module: string }) => boolean,
): Promise<Record<string, unknown>> {
  const sinceMs = numberOf(query.sinceTime, 0)
  const limit = Math.min(numberOf(query.limit, LIMIT), EVENTS_MAX)
  const { list, missing } = await node.observer.logs({ sinceMs, limit: Number.POSITIVE_INFINITY })
  const asked = list.filter(isAsked)
  const newest = limit === 0 ? [] : asked.slice(-limit)
  return { list: newest, ...(missing.length > 0 ? { nodesMissing: missing } : {}) }
}

function numberOf(text: string | undefined, standard: number): number {
  if (text === undefined || text === '') return standard
  if (!/^\d{1,15}$/.test(text)) throw new ApiError(400, ['sinceTime and limit must be numbers.'])
  return Number(text)
}
