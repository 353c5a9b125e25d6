/**
 * A configuration file: YAML (of which JSON is a part) to a `ProxyConfig`, with the passwords that
 * it keeps elsewhere. Everything that is wrong is told as `FILE:LINE:COLUMN: path: what`.
 */
import { createRequire } from 'node:module'
import type * as Yaml from 'yaml'
import type { Document, Node, Pair } from 'yaml'
import { secretsOf } from './config-references.ts'
import { checkConfig } from './config-schema.ts'
import type { ConfigIssue, ProxyConfig } from './proxy-config.ts'

const require = createRequire(import.meta.url)

/** Loaded with the first file: a store's gateway lives long and never reads one. */
function yaml(): typeof Yaml {
  return require('yaml')
}

/** What reading a configuration needs from outside. */
export interface ConfigSurroundings {
  /** Throws when the file cannot be read. */
  readFile: (path: string) => string
  environment: Readonly<Record<string, string | undefined>>
}

/** A configuration that cannot be used; the message has a line for each thing that is wrong. */
export class ConfigFileError extends Error {
  readonly code = 'HOLDFAST_PROXY_CONFIG'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ConfigFileError'
  }
}

/** Reads, checks and completes the file at `path`; throws `ConfigFileError`. */
export function readConfigFile(path: string, surroundings: ConfigSurroundings): ProxyConfig {
  let text: string
  try {
    text = surroundings.readFile(path)
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
    throw new ConfigFileError(`could not read configuration file ${path}${why}`, { cause })
  }
  return parseConfigText(text, path, surroundings)
}

/** Checks a file's text; `path` is what errors call it. */
export function parseConfigText(
  text: string,
  path: string,
  surroundings: ConfigSurroundings,
): ProxyConfig {
  const { LineCounter, parseDocument } = yaml()
  const lines = new LineCounter()
  const options = { lineCounter: lines, prettyErrors: false, logLevel: 'error' } as const
  const document = parseDocument(text, options)
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${path}:${line}:${col}`
  }
  const [broken] = document.errors
  if (broken !== undefined) throw new ConfigFileError(`${at(broken.pos[0])}: ${broken.message}`)
  const told = (issues: readonly ConfigIssue[]): ConfigFileError => {
    const texts = issues.map((issue) => {
      const where = issue.path.join('.')
      const place = at(offsetOf(document.contents, issue.path))
      return `${place}: ${where === '' ? '' : `${where}: `}${issue.message}`
    })
    return new ConfigFileError(texts.join('\n'))
  }
  const checked = checkConfig(contentOf(document, path))
  if (checked.config === undefined) throw told(checked.issues)
  const missing = fillSecrets(checked.config, surroundings)
  if (missing.length > 0) throw told(missing)
  return checked.config
}

/** What the document says; throws `ConfigFileError` where its aliases grow beyond all bounds. */
function contentOf(document: Document.Parsed, path: string): unknown {
  try {
    return document.toJS()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'cannot be read'
    throw new ConfigFileError(`${path}:1:1: ${why}`, { cause })
  }
}

/** Brings every password to its `password` member; returns those that could not be had. */
export function fillSecrets(config: ProxyConfig, surroundings: ConfigSurroundings): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  for (const [path, secret] of secretsOf(config)) {
    const { passwordFile, passwordEnvironment } = secret
    if (passwordFile !== undefined) {
      try {
        secret.password = surroundings.readFile(passwordFile).replace(/\r?\n$/, '')
      } catch {
        issues.push({ path: [...path, 'passwordFile'], message: `cannot read ${passwordFile}` })
      }
    } else if (passwordEnvironment !== undefined) {
      secret.password = surroundings.environment[passwordEnvironment]
      if (secret.password === undefined) {
        const message = `the environment has no ${passwordEnvironment}`
        issues.push({ path: [...path, 'passwordEnvironment'], message })
      }
    }
  }
  return issues
}

/** Where the innermost part of `path` that the file has begins. */
function offsetOf(root: Node | null, path: readonly (string | number)[]): number {
  const { isMap } = yaml()
  let node: unknown = root
  let offset = startOf(root)
  for (const step of path) {
    const pair = isMap(node) ? node.items.find((item) => keyOf(item) === String(step)) : undefined
    if (pair !== undefined) {
      offset = startOf(pair.key)
      node = pair.value
    } else if (typeof node === 'object' && node !== null && 'get' in node) {
      const child: unknown = Reflect.apply(node.get as () => unknown, node, [step, true])
      if (child === undefined) return offset
      offset = startOf(child)
      node = child
    } else {
      return offset
    }
  }
  return offset
}

function keyOf(pair: Pair): string | undefined {
  return yaml().isScalar(pair.key) ? String(pair.key.value) : undefined
}

function startOf(node: unknown): number {
  const range: unknown = typeof node === 'object' && node !== null ? Reflect.get(node, 'range') : 0
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : 0
}
