/**
 * docs/reference/proxy-config.md, made from the configuration's schema. A test compares the file
 * with this text; `node packages/proxy/src/config-document.ts` writes it.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { configJsonSchema } from './config-schema.ts'

/** Where the document lies. */
export const CONFIG_DOCUMENT: URL = new URL(
  '../../../docs/reference/proxy-config.md',
  import.meta.url,
)

interface SchemaNode {
  type?: string
  description?: string
  default?: unknown
  enum?: readonly string[]
  const?: string
  minimum?: number
  maximum?: number
  properties?: Record<string, SchemaNode>
  required?: readonly string[]
  items?: SchemaNode
  additionalProperties?: SchemaNode | boolean
  anyOf?: readonly SchemaNode[]
  oneOf?: readonly SchemaNode[]
}

/** The document's text. */
export function configDocument(): string {
  const root = configJsonSchema() as SchemaNode
  const rows = [...members('', root)].map((cells) => row(cells)).join('')
  return `# Configuration file of the proxy

\`holdfast proxy --config FILE\`, or \`HOLDFAST_PROXY_CONFIG=FILE\`. The file is YAML; JSON is YAML.
\`--check-config FILE\` checks it and exits. Examples are in the [guide](../guides/proxy-config.md).

A mistake is told as \`FILE:LINE:COLUMN: member: what was expected\`. The file is read anew when it
changes and at SIGHUP; a bad one is refused and logged, and the old configuration stays. A good one
is applied without dropping a connection: what is equal stays as it is, requests in flight finish on
what they were sent to. Only \`workers\`, \`sockets\` and
\`log.file\` need a restart.

\`NAME\` is a name of your choice, \`[]\` an entry of a list. Times are in milliseconds, sizes in bytes.

| member | values | default | meaning |
|---|---|---|---|
${rows}`
}

/** A row for each member below `node`. */
function* members(path: string, node: SchemaNode): Iterable<string[]> {
  for (const [name, member] of Object.entries(node.properties ?? {})) {
    const here = path === '' ? name : `${path}.${name}`
    const required = node.required?.includes(name) === true
    yield* describe(here, member, required)
  }
}

function* describe(path: string, node: SchemaNode, required: boolean): Iterable<string[]> {
  const hasDefault = node.default !== undefined && typeof node.default !== 'object'
  let fallback = ''
  if (hasDefault) fallback = code(JSON.stringify(node.default))
  else if (required) fallback = 'required'
  yield [code(path), valuesOf(node), fallback, node.description ?? '']
  yield* members(path, node)
  if (node.items !== undefined) yield* members(`${path}[]`, node.items)
  const { additionalProperties } = node
  if (typeof additionalProperties !== 'object') return
  const entry = `${path}.NAME`
  yield* members(entry, additionalProperties)
  const kinds = additionalProperties.oneOf ?? additionalProperties.anyOf ?? []
  for (const kind of kinds) {
    const type = kind.properties?.type
    yield [code(entry), code(`type: ${type?.const ?? ''}`), '', type?.description ?? '']
    const { type: _type, ...others } = kind.properties ?? {}
    yield* members(entry, { ...kind, properties: others })
  }
}

function valuesOf({ type, enum: choices, minimum, maximum, anyOf }: SchemaNode): string {
  if (choices !== undefined) return choices.map(code).join(', ')
  if (anyOf !== undefined) return anyOf.map(({ type: one }) => one ?? '').join(' or ')
  if (type === 'integer') return `${minimum ?? ''}..${maximum ?? ''}`
  return type ?? ''
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
}

function code(text: string): string {
  return `\`${text}\``
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(CONFIG_DOCUMENT, configDocument())
}
