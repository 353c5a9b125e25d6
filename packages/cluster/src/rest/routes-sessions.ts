/**
 * Routes of sessions: find them by id or user, look at one, end one or all of a user. What a
 * session is, the session browser knows that the node was started with; here are questions, access
 * and answers. Looking never renews a session. Values are for the admin alone, and no id reaches
 * the log.
 */
import { z } from 'zod'
import { EngineError } from '../engines/engine-control.ts'
import { SessionsUnavailableError } from '../sessions/node-sessions.ts'
import { CursorError, type SessionBrowser } from '../sessions/session-browser.ts'
import { ApiError } from './api-error.ts'
import { inPath, inQuery, type Route, type RouteContext } from './route.ts'

const LIMIT_DEFAULT = 50
const LIMIT_MAX = 200
const PREFIX = /^[\x21-\x7e]{1,40}$/
const TEXT_CHARS_MAX = 512
const VALUES_FORBIDDEN = 'Forbidden. The read-only user may not see the values of a session.'

const seconds = z.number().nullable()
const sessionShape = z.object({
  id: z.string().describe('the key that it is stored under'),
  bucket: z.string(),
  prefix: z.string().describe('part of the id that all sessions of its application have'),
  user: z.string().nullable().describe('null: nobody, or not known'),
  createdAt: z.number().nullable().describe('unix time in milliseconds'),
  lastAccessedAt: z.number().nullable().describe('as far as the store knows, to the minute'),
  ageSeconds: seconds,
  idleSeconds: seconds,
  expiresInSeconds: seconds.describe('null: never'),
  sizeBytes: z.number(),
  encoding: z.string().describe('unknown: not stored by the session manager'),
  compressed: z.boolean(),
  encrypted: z.boolean().describe('times and attributes are not readable then'),
  attributes: z.array(z.object({ name: z.string(), type: z.string(), sizeBytes: z.number() })),
  note: z.string().optional().describe('why something is missing'),
  values: z.record(z.string(), z.unknown()).optional().describe('64 KB of text at most'),
  cut: z
    .array(z.string())
    .optional()
    .describe('attributes whose value is the beginning of its JSON text'),
})
const pageShape = z.object({
  sessions: z.array(sessionShape),
  next: z.string().nullable().describe('`start` of the next page'),
  note: z.string().optional(),
})
const revokedShape = z.object({ revoked: z.number() })

const PREFIX_PARAMETER = inQuery(
  'prefix',
  'string',
  "what the application's storageKeyPrefix makes, such as shop_; found out when not given",
)
const ID = inPath('id', 'as a list shows it, with its route, or the signed value of a cookie')
const TROUBLE = { 503: { about: 'the store, or this node, cannot say at the moment' } }

export const sessionRoutes: Route[] = [
  {
    method: 'GET',
    path: '/sessions',
    access: 'admin',
    summary: 'Sessions of a bucket: by id, by user, or a page of all that are found.',
    parameters: [
      inQuery('bucket', 'string', 'the bucket', { required: true }),
      inQuery('id', 'string', 'id of a session'),
      inQuery('user', 'string', "as the application's userOf gives it"),
      PREFIX_PARAMETER,
      inQuery('limit', 'integer', 'sessions of a page', {
        minimum: 1,
        maximum: LIMIT_MAX,
        standard: LIMIT_DEFAULT,
      }),
      inQuery('start', 'string', '`next` of the page before'),
    ],
    answers: { 200: { about: 'a page; it may be short', schema: pageShape }, ...TROUBLE },
    handle: find,
  },
  {
    method: 'GET',
    path: '/sessions/:bucket/:id',
    access: 'admin',
    summary: 'One session; with its values for the admin.',
    parameters: [
      ID,
      PREFIX_PARAMETER,
      inQuery('values', 'integer', '1: with values (the admin only)', { minimum: 0, maximum: 1 }),
    ],
    answers: {
      200: { about: 'the session', schema: sessionShape },
      403: { about: 'values, for the read-only user' },
      404: { about: 'no such bucket or session' },
      ...TROUBLE,
    },
    handle: look,
  },
  {
    method: 'DELETE',
    path: '/sessions/:bucket/:id',
    access: 'admin',
    summary: 'Ends a session on all servers of its application.',
    parameters: [ID, PREFIX_PARAMETER],
    answers: { 200: { about: '0: it was not known', schema: revokedShape }, ...TROUBLE },
    handle: revoke,
  },
  {
    method: 'DELETE',
    path: '/sessions/:bucket',
    access: 'admin',
    summary: 'Ends all sessions of a user.',
    parameters: [
      inQuery('user', 'string', "as the application's userOf gives it", { required: true }),
      PREFIX_PARAMETER,
    ],
    answers: { 200: { about: 'how many', schema: revokedShape }, ...TROUBLE },
    handle: revokeUser,
  },
]

async function find(context: RouteContext): Promise<unknown> {
  const { query } = context
  const bucket = bucketOf(context, query.bucket)
  const { id, user } = query
  if (id && user) throw fieldError('user', 'not together with id')
  const question = {
    bucket,
    id: checked('id', id),
    user: checked('user', user),
    prefix: prefixOf(query.prefix),
    limit: limitOf(query.limit),
    start: checked('start', query.start),
  }
  return await ask(context, (browser) => browser.find(question))
}

async function look(context: RouteContext): Promise<unknown> {
  const { params, query, caller } = context
  const bucket = bucketOf(context, params.bucket)
  const values = query.values === '1'
  if (values && caller.readOnly) throw new ApiError(403, { message: VALUES_FORBIDDEN })
  const question = { bucket, id: idOf(context), prefix: prefixOf(query.prefix), values }
  const row = await ask(context, (browser) => browser.look(question))
  if (row === null) throw new ApiError(404, 'no such session\n')
  return row
}

async function revoke(context: RouteContext): Promise<unknown> {
  const { params, query } = context
  const bucket = bucketOf(context, params.bucket)
  const question = { bucket, id: idOf(context), prefix: prefixOf(query.prefix) }
  const revoked = await ask(context, (browser) => browser.revoke(question))
  context.node.log.info({ bucket, revoked }, 'session revoked by order')
  return { revoked }
}

async function revokeUser(context: RouteContext): Promise<unknown> {
  const { params, query } = context
  const bucket = bucketOf(context, params.bucket)
  const user = checked('user', query.user)
  if (user === undefined) throw fieldError('user', 'is required')
  const question = { bucket, user, prefix: prefixOf(query.prefix) }
  const revoked = await ask(context, (browser) => browser.revokeUser(question))
  context.node.log.info({ bucket, revoked }, 'sessions of a user revoked by order')
  return { revoked }
}

async function ask<T>(
  { node }: RouteContext,
  question: (browser: SessionBrowser) => Promise<T>,
): Promise<T> {
  try {
    return await node.sessions.ask(question)
  } catch (error) {
    if (error instanceof CursorError) throw fieldError('start', error.message)
    if (!isTrouble(error)) throw error
    throw new ApiError(503, [error.message], { cause: error })
  }
}

/** What the store or the session browser cannot do at the moment: errors of ours. */
function isTrouble(error: unknown): error is Error {
  if (error instanceof EngineError || error instanceof SessionsUnavailableError) return true
  return error instanceof Error && 'code' in error && TROUBLES.has(error.code)
}

const TROUBLES: ReadonlySet<unknown> = new Set([
  'HOLDFAST_STORE_UNAVAILABLE',
  'HOLDFAST_SESSION_CONFLICT',
])

function bucketOf({ node }: RouteContext, name: string | undefined): string {
  if (name === undefined || name === '') throw fieldError('bucket', 'is required')
  if (node.document.buckets.some((b) => b.name === name)) return name
  throw new ApiError(404, 'Requested resource not found.\r\n')
}

function idOf({ params }: RouteContext): string {
  const id = checked('id', params.id)
  if (id === undefined) throw fieldError('id', 'is required')
  return id
}

function checked(name: string, text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  if (text.length <= TEXT_CHARS_MAX) return text
  throw fieldError(name, `no more than ${TEXT_CHARS_MAX} characters`)
}

function prefixOf(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  if (PREFIX.test(text)) return text
  throw fieldError('prefix', 'no more than 40 visible characters')
}

function limitOf(text: string | undefined): number {
  if (text === undefined || text === '') return LIMIT_DEFAULT
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= LIMIT_MAX) return limit
  throw fieldError('limit', `a number from 1 to ${LIMIT_MAX}`)
}

function fieldError(name: string, message: string): ApiError {
  return new ApiError(400, { errors: { [name]: message } })
}
