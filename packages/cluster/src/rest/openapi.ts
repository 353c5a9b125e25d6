/**
 * docs/reference/openapi.json, made from the table of public routes. A test compares the file with
 * this; `node packages/cluster/src/rest/openapi.ts` writes it.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { publicRoutes } from './rest-server.ts'
import { type Answer, inPath, type Parameter, type Route } from './route.ts'

/** Where the document lies. */
export const OPENAPI_FILE: URL = new URL('../../../../docs/reference/openapi.json', import.meta.url)

type Json = Record<string, unknown>

const FORM = 'application/x-www-form-urlencoded'
const ACCESS = {
  open: 'Everybody may.',
  anybucket: "The admin, the read-only user or any bucket's credentials; see the reference.",
  bucket: "The admin, the read-only user or that bucket's credentials; see the reference.",
  admin: 'The admin; the read-only user may read.',
  member: 'Members of the cluster.',
} as const

/** The document as an object. */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {}
  for (const route of publicRoutes) {
    const path = pathOf(route)
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast store',
      version: '1',
      description:
        'REST of a store node: the paths and the JSON of Membase 1.7, and what clients of today read.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [
      {
        url: 'http://{host}:{port}',
        variables: { host: { default: '127.0.0.1' }, port: { default: '8091' } },
      },
    ],
    components: {
      securitySchemes: {
        basic: {
          type: 'http',
          scheme: 'basic',
          description: 'The admin, the read-only user, or a bucket: its name and its password.',
        },
      },
    },
    paths,
  }
}

/** The document's text. */
export function openApiText(): string {
  return `${JSON.stringify(openApiDocument(), null, 1)}\n`
}

/** A route's path with its parameters in braces. */
export function pathOf({ path }: Pick<Route, 'path'>): string {
  return path.replaceAll(/:(\w+)/g, '{$1}')
}

function operationOf(route: Route): Json {
  const parameters = parametersOf(route)
  const outside = parameters.filter((parameter) => parameter.in !== 'form')
  const fields = parameters.filter((parameter) => parameter.in === 'form')
  return {
    operationId: operationIdOf(route),
    summary: route.summary,
    description: route.secret ? 'The admin only: the answer holds secrets.' : ACCESS[route.access],
    ...(outside.length > 0 ? { parameters: outside.map(parameterOf) } : {}),
    ...(fields.length > 0 ? { requestBody: bodyOf(fields) } : {}),
    responses: responsesOf(route),
    security: route.access === 'open' ? [] : [{ basic: [] }],
  }
}

/** What the route lists, and the parameters of its path that it does not. */
function parametersOf({ path, parameters = [] }: Route): Parameter[] {
  const named = [...path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '')
  const unlisted = named.filter((name) => !parameters.some((p) => p.name === name))
  return [...unlisted.map((name) => inPath(name, `The ${name}.`)), ...parameters]
}

function operationIdOf({ method, path }: Route): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  const capitals = words.map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`)
  return `${method.toLowerCase()}${capitals.join('') || 'Root'}`
}

function parameterOf(parameter: Parameter): Json {
  return {
    name: parameter.name,
    in: parameter.in,
    description: parameter.about,
    ...(parameter.required ? { required: true } : {}),
    schema: schemaOfParameter(parameter),
  }
}

function schemaOfParameter({ type, values, minimum, maximum, standard }: Parameter): Json {
  return {
    type,
    ...(values === undefined ? {} : { enum: values }),
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(standard === undefined ? {} : { default: standard }),
  }
}

function bodyOf(fields: readonly Parameter[]): Json {
  const required = fields.filter((one) => one.required).map(({ name }) => name)
  const properties = fields.map((one) => [
    one.name,
    { ...schemaOfParameter(one), description: one.about },
  ])
  const schema = {
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(required.length > 0 ? { required } : {}),
  }
  return { required: required.length > 0, content: { [FORM]: { schema } } }
}

function responsesOf(route: Route): Json {
  const answers = new Map<string, Answer>(Object.entries(route.answers ?? {}))
  if (![...answers.keys()].some((status) => Number(status) < 400)) {
    answers.set('200', standardSuccess(route))
  }
  const add = (status: string, about: string): void => {
    if (!answers.has(status)) answers.set(status, { about })
  }
  if (route.access !== 'open') add('401', 'Credentials are missing or wrong.')
  if ((route.method !== 'GET' && !route.harmless) || route.secret) {
    add('403', 'The read-only user may not.')
  }
  if (route.access === 'bucket') add('404', 'There is no such bucket.')
  if (route.leader) add('503', 'No leader, or no majority of the members has the change.')
  const sorted = [...answers].sort(([a], [b]) => a.localeCompare(b))
  return Object.fromEntries(sorted.map(([status, answer]) => [status, responseOf(answer)]))
}

function standardSuccess({ method }: Route): Answer {
  return method === 'GET' ? { about: 'JSON.', schema: z.unknown() } : { about: 'Done.' }
}

function responseOf({ about, schema, type }: Answer): Json {
  const content = schema
    ? { 'application/json': { schema: schemaOfAnswer(schema) } }
    : type === undefined
      ? undefined
      : { [type]: { schema: { type: 'string' } } }
  return { description: about, ...(content === undefined ? {} : { content }) }
}

function schemaOfAnswer(schema: z.ZodType): Json {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return rest
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(OPENAPI_FILE, openApiText())
}
