/** What a REST route is, and what its handler may use. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { StoreNode } from '../node.ts'
import type { Access, Caller } from './access.ts'

export interface RouteContext {
  node: StoreNode
  request: FastifyRequest
  reply: FastifyReply
  caller: Caller
  /** Path parameters. */
  params: Record<string, string>
  query: Record<string, string>
  /** Form fields, or the JSON body of messages between members. */
  body: Record<string, unknown>
}

export interface Route {
  method: 'GET' | 'POST' | 'DELETE'
  path: string
  access: Access
  /** One sentence for the reference; routes between members have none. */
  summary: string
  /** Only the leader can answer: other members pass the request on to it. */
  leader?: boolean
  /** The handler writes to the raw socket itself. */
  streams?: boolean
  handle(context: RouteContext): unknown
}

/** A form field as text; absent is undefined. */
export function field(body: Record<string, unknown>, name: string): string | undefined {
  const value = body[name]
  return typeof value === 'string' ? value : undefined
}

/** A form field that must be a whole number, or absent. NaN when it is something else. */
export function numberField(body: Record<string, unknown>, name: string): number | undefined {
  const text = field(body, name)
  if (text === undefined || text === '') return undefined
  return /^\d+$/.test(text) ? Number(text) : Number.NaN
}
