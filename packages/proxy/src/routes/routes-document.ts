/**
 * docs/reference/proxy-routes.md, made from the schemas of the policies. A test compares the file
 * with this text; `node packages/proxy/src/routes/routes-document.ts` writes it.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { RouteType } from './route-type.ts'
import { ROUTE_TYPES } from './route-types.ts'

/** Where the document lies. */
export const ROUTES_DOCUMENT: URL = new URL(
  '../../../../docs/reference/proxy-routes.md',
  import.meta.url,
)

/** The document's text. */
export function routesDocument(): string {
  return `# Routing policies of the proxy

Members of \`routes\` in the configuration file, by a name of your choice. A pool is the name of a
backend or of another route. What they promise, with examples, is in the
[guide](../guides/routing.md).

${ROUTE_TYPES.map(section).join('\n')}`
}

/** The parts of a JSON Schema that are shown. */
interface OptionSchema {
  type?: string
  enum?: readonly string[]
  items?: OptionSchema
  default?: unknown
  description?: string
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  additionalProperties?: OptionSchema | boolean
}

function section({ type, description, schema }: RouteType): string {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' })
  const rows = Object.entries(properties)
    .filter(([name]) => name !== 'type')
    .map(([name, property]) => {
      const option = property as OptionSchema
      const preset =
        option.default === undefined
          ? required.includes(name)
            ? 'required'
            : ''
          : `\`${JSON.stringify(option.default)}\``
      return `| \`${name}\` | ${formOf(option)} | ${preset} | ${option.description ?? ''} |\n`
    })
  return `## ${type}

${description.charAt(0).toUpperCase()}${description.slice(1)}.

| option | value | default | meaning |
|---|---|---|---|
${rows.join('')}`
}

function formOf(option: OptionSchema): string {
  if (option.enum !== undefined) return option.enum.map((word) => `\`${word}\``).join(', ')
  if (option.type === 'array') return `list of ${formOf(option.items ?? {})}${boundsOf(option)}`
  if (option.type === 'object') return 'name by prefix'
  return `${option.type ?? ''}${boundsOf(option)}`
}

function boundsOf({ minimum, maximum, minItems, maxItems }: OptionSchema): string {
  const [least, most] = [minimum ?? minItems, maximum ?? maxItems]
  if (least === undefined && most === undefined) return ''
  if (most === undefined) return `, at least ${least}`
  return `, ${least ?? ''} to ${most}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(ROUTES_DOCUMENT, routesDocument())
}
