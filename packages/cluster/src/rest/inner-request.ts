/**
 * Requests that a node makes to itself for a stream of events. They take the way of any other
 * request, access included, and are known by a header. It grants nothing: who sends it may less.
 */
import type { FastifyRequest } from 'fastify'

/** Its value is the address at which the one who watches has reached this node. */
export const INNER_HEADER = 'x-holdfast-inner'

export function isInner(request: FastifyRequest): boolean {
  return request.headers[INNER_HEADER] !== undefined
}

/** Address at which the caller has reached this node. */
export function localAddressOf(request: FastifyRequest): string | undefined {
  const inner = request.headers[INNER_HEADER]
  return typeof inner === 'string' && inner !== '' ? inner : request.socket.localAddress
}
