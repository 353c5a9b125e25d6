/**
 * The mock's REST: requests and answers as plain values, one table of routes for all areas. The
 * same table serves the development server and the page tests.
 */
import type { Who } from '../rest/types.ts'
import type { MockNode } from './model.ts'
import type { MockCluster } from './simulation.ts'

export interface MockRequest {
  method: string
  path: string
  query: Readonly<Record<string, string>>
  /** Form fields, or the members of a JSON body. */
  body: Readonly<Record<string, unknown>>
  params: Readonly<Record<string, string>>
  role: Who['role']
  user: string | null
  /** The node that is asked. */
  node: MockNode
}

export interface MockAnswer {
  status: number
  body: unknown
}

export interface MockRoute {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With `:name` for one part. */
  path: string
  /** Who may; `admin` unless it says else, and readers may GET. */
  access?: 'open' | 'reader' | 'adminOnly'
  handle: (request: MockRequest, cluster: MockCluster) => unknown
}

/** An error that a handler throws. */
export class MockRefusal extends Error {
  readonly status: number
  readonly body: unknown

  constructor(status: number, body: unknown) {
    super(String(body))
    this.status = status
    this.body = body
  }
}

/** A text field of the form. */
export function field(request: MockRequest, name: string): string | undefined {
  const value = request.body[name]
  return typeof value === 'string' ? value : undefined
}

export function isCheckOnly({ query }: MockRequest): boolean {
  return query.just_validate === '1'
}

/** Answers from the first route that fits. */
export function answer(
  routes: readonly MockRoute[],
  request: Omit<MockRequest, 'params'>,
  cluster: MockCluster,
): MockAnswer {
  for (const route of routes) {
    const params = match(route.path, request.path)
    if (route.method !== request.method || !params) continue
    const refused = refusedBy(route, request, cluster)
    if (refused) return refused
    try {
      return { status: 200, body: route.handle({ ...request, params }, cluster) ?? '' }
    } catch (error) {
      if (error instanceof MockRefusal) return { status: error.status, body: error.body }
      throw error
    }
  }
  return { status: 404, body: 'Requested resource not found.\r\n' }
}

function refusedBy(
  route: MockRoute,
  { method, role }: Pick<MockRequest, 'method' | 'role'>,
  cluster: MockCluster,
): MockAnswer | null {
  if (route.access === 'open' || role === 'admin' || !cluster.state.isProvisioned) return null
  if (role === 'none') return { status: 401, body: '' }
  if (route.access === 'reader' || (method === 'GET' && route.access !== 'adminOnly')) return null
  const message = 'Forbidden. The read-only user may change nothing and see no secret.'
  return { status: 403, body: { message } }
}

function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const parts = path.split('/')
  if (wanted.length !== parts.length) return null
  const params: Record<string, string> = {}
  for (const [index, want] of wanted.entries()) {
    const part = decodeURIComponent(parts[index] ?? '')
    if (want.startsWith(':')) params[want.slice(1)] = part
    else if (want !== part) return null
  }
  return params
}
