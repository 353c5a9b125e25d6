/** What a REST route is, what its handler may use, and how its parameters are described. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ZodType } from 'zod'
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

/** A parameter, for the reference and the OpenAPI file. Handlers check it, in the original's words. */
export interface Parameter {
  name: string
  in: 'path' | 'query' | 'form'
  type: 'string' | 'integer' | 'number' | 'boolean'
  about: string
  required?: boolean
  values?: readonly string[]
  minimum?: number
  maximum?: number
  standard?: string | number | boolean
}

/** An answer that a route gives beside those that its access kind brings. */
export interface Answer {
  about: string
  /** Of a JSON body; without it and without `type` the body is empty. */
  schema?: ZodType
  /** Media type of a body that is no JSON. */
  type?: string
}

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  access: Access
  /** One sentence for the reference; routes between members have none. */
  summary: string
  /** Path parameters are found in the path; those listed here say more about them. */
  parameters?: readonly Parameter[]
  /** By status; without one for success it is `200`, JSON for a GET and empty for a change. */
  answers?: Readonly<Record<number, Answer>>
  /** Only the leader can answer: other members pass the request on to it. */
  leader?: boolean
  /** The handler writes to the raw socket itself. */
  streams?: boolean
  /** Shows secrets: not for the read-only user. */
  secret?: boolean
  /** No GET, and yet it changes nothing: the read-only user may use it. */
  harmless?: boolean
  /** Pages ask it by themselves: it does not put off the end of a browser's login. */
  background?: boolean
  /** Changes a bucket: of one that is open to everybody only the admin may. */
  owner?: boolean
  /** Tells where data is: proxies may read it by their token. */
  proxies?: boolean
  handle(context: RouteContext): unknown
}

type About = Omit<Parameter, 'name' | 'in' | 'type' | 'about'>

/** Describes a parameter in the path. */
export function inPath(name: string, about: string): Parameter {
  return { name, in: 'path', type: 'string', about, required: true }
}

/** Describes a parameter of the query. */
export function inQuery(
  name: string,
  type: Parameter['type'],
  about: string,
  more: About = {},
): Parameter {
  return { name, in: 'query', type, about, ...more }
}

/** Describes a form field. */
export function inForm(
  name: string,
  type: Parameter['type'],
  about: string,
  more: About = {},
): Parameter {
  return { name, in: 'form', type, about, ...more }
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
