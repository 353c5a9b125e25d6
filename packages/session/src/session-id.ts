/*
 * Session ids: `<sid>[-<nodeId>][.<route>]`, the form that load balancers and operators of
 * memcached-session-manager know.
 *
 * Pure. The sid carries all the randomness and never holds a `-` or a `.` when it is made here;
 * an id from the application's own `genid` may hold `-` (a UUID does), so the node id is what
 * follows the LAST `-` before the first `.`. Whether ids carry a node id at all is configuration;
 * an id without one was made while no node was up. Everything that comes from a client goes
 * through `parseSessionId` before it is used as a store key.
 */
import { randomBytes } from 'node:crypto'

export const SID_CHARS = 32
/** Longest sid taken from `genid`; with prefix, node id and route it must fit a 250 byte store key. */
export const SID_CHARS_MAX = 128

export interface SessionId {
  sid: string
  nodeId: string | undefined
  route: string | undefined
}

const SID_PATTERN = /^[\w~-]+$/
const NODE_ID_PATTERN = /^\w{1,15}$/
const ROUTE_PATTERN = /^[\w~.-]+$/
export const ROUTE_CHARS_MAX = 64

/** A fresh sid of 32 characters of the base64url alphabet without `-`: 191 bits of randomness. */
export function newSid(): string {
  let sid = ''
  while (sid.length < SID_CHARS) sid += randomBytes(24).toString('base64url').replaceAll('-', '')
  return sid.slice(0, SID_CHARS)
}

export function isValidSid(sid: unknown): sid is string {
  return typeof sid === 'string' && sid.length <= SID_CHARS_MAX && SID_PATTERN.test(sid)
}

export function isValidRoute(route: string): boolean {
  return route.length <= ROUTE_CHARS_MAX && ROUTE_PATTERN.test(route)
}

export function formatSessionId(id: SessionId): string {
  const node = id.nodeId === undefined ? '' : `-${id.nodeId}`
  const route = id.route === undefined ? '' : `.${id.route}`
  return `${id.sid}${node}${route}`
}

/** What a session is stored under: the route says who serves it, not which session it is. */
export function idWithoutRoute(id: string): string {
  const dot = id.indexOf('.')
  return dot === -1 ? id : id.slice(0, dot)
}

/** The parts of an id, or undefined when the text is not a well-formed id. */
export function parseSessionId(text: string, withNodeId: boolean): SessionId | undefined {
  const dot = text.indexOf('.')
  const head = dot === -1 ? text : text.slice(0, dot)
  const route = dot === -1 ? undefined : text.slice(dot + 1)
  if (route !== undefined && !isValidRoute(route)) return undefined
  if (!withNodeId) return isValidSid(head) ? { sid: head, nodeId: undefined, route } : undefined
  const dash = head.lastIndexOf('-')
  if (dash === -1) return isValidSid(head) ? { sid: head, nodeId: undefined, route } : undefined
  const sid = head.slice(0, dash)
  const nodeId = head.slice(dash + 1)
  return isValidSid(sid) && NODE_ID_PATTERN.test(nodeId) ? { sid, nodeId, route } : undefined
}
