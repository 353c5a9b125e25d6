/** Asks a REST path of this node from within, with the rights of who watches it. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { StoreNode } from '../node.ts'
import { INNER_HEADER, isInner } from './inner-request.ts'
import { userOf } from './login-token.ts'
import type { Route } from './route.ts'
import type { PathAnswer, Viewer } from './watched-answers.ts'

/** A request within this process takes no longer to begin. */
const PASS_LIFE_MS = 10_000
const NOT_WATCHED = ['This path has no JSON answer that could be watched.']

/** The answer as JSON of one line. */
export async function askPath(
  app: FastifyInstance,
  node: StoreNode,
  path: string,
  { role, localAddress }: Viewer,
): Promise<PathAnswer> {
  const user = userOf(node.document, role)
  const headers = user ? node.browserLogins.passFor(role, user.username, PASS_LIFE_MS) : {}
  const answer = await app.inject({
    method: 'GET',
    url: path,
    headers: { ...headers, [INNER_HEADER]: localAddress ?? '' },
  })
  const { statusCode: status, payload } = answer
  const isJson = String(answer.headers['content-type']).startsWith('application/json')
  if (!isJson && status < 400) return { status: 406, body: JSON.stringify(NOT_WATCHED) }
  if (!isJson) return { status, body: JSON.stringify(payload) }
  return { status, body: payload.includes('\n') ? JSON.stringify(JSON.parse(payload)) : payload }
}

/** Whether a request comes from {@link askPath} to a route that is not for it. */
export function isOutOfReach(route: Route, request: FastifyRequest): boolean {
  return isInner(request) && (route.streams === true || route.path.startsWith('/internal/'))
}

/** What such a request is told. */
export const OUT_OF_REACH: readonly string[] = NOT_WATCHED
