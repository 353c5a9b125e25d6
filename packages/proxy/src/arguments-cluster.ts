/**
 * moxi's -z: what to serve, in all its forms. A text is one or more sections joined by `;`, each of
 * them static (`PORT=servers`, `PORT={json}`) or dynamic (URLs of config servers).
 */
import { ConfigError, parseStaticPools } from '@holdfast/topology'
import { ArgumentError } from './argument-error.ts'

/** One section of -z. */
export type ClusterSection =
  | { kind: 'servers'; port: number; servers: string[] }
  | { kind: 'map'; port: number; config: unknown }
  | { kind: 'urls'; urls: string[]; username?: string; password?: string }

const DEFAULT_PATH = '/pools/default/bucketsStreaming/default'
const NO_CONFIGURATION = 'ERROR: need cluster configuration. See usage (-h).'
const NO_URL = 'ERROR: missing -z configuration for url/host'

/** Reads a cluster configuration; throws `ArgumentError` in moxi's words. */
export function parseCluster(text: string): ClusterSection[] {
  const sections = splitSections(text)
  if (sections.length === 0) throw new ArgumentError(NO_CONFIGURATION)
  const parsed = sections.map(parseSection)
  const ports = parsed.flatMap((section) => (section.kind === 'urls' ? [] : [section.port]))
  const twice = ports.find((port, index) => ports.indexOf(port) !== index)
  if (twice !== undefined) {
    throw new ArgumentError(`ERROR: bad moxi config, port ${twice} is given twice`)
  }
  return parsed
}

/** Cuts at `;`, but not inside of a JSON object. */
function splitSections(text: string): string[] {
  const sections: string[] = []
  let from = 0
  let depth = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (quoted) {
      if (char === '\\') at++
      else if (char === '"') quoted = false
    } else if (char === '"' && depth > 0) quoted = true
    else if (char === '{') depth++
    else if (char === '}') depth--
    else if (char === ';' && depth <= 0) {
      sections.push(text.slice(from, at))
      from = at + 1
    }
  }
  sections.push(text.slice(from))
  return sections.map((section) => section.trim()).filter((section) => section !== '')
}

function parseSection(section: string): ClusterSection {
  const [, portText, rest] = /^(\d*)\s*=\s*(.*)$/s.exec(section) ?? []
  if (portText === '') throw new ArgumentError('missing proxy port')
  if (portText === undefined || rest === undefined) return parseUrls(section)
  if (rest.startsWith('{')) {
    return { kind: 'map', port: portOf(portText), config: parseJson(rest, portText) }
  }
  try {
    parseStaticPools(section)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ArgumentError(error.message)
  }
  const servers = rest.split(',').map((server) => server.trim())
  return { kind: 'servers', port: portOf(portText), servers }
}

function parseJson(text: string, port: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ArgumentError(`ERROR: bad moxi config, the JSON of port ${port} cannot be read`)
  }
}

function portOf(text: string): number {
  const port = Number(text)
  if (port < 1 || port > 65_535) {
    throw new ArgumentError(`ERROR: bad moxi config, proxy port ${text} is not 1..65535`)
  }
  return port
}

/** `URL,URL`, `url=URL|URL`, `auth=USER%PWD,url=URL`, in any mixture. */
function parseUrls(section: string): ClusterSection {
  if (section.startsWith('embedded:')) {
    if (section === 'embedded:') throw new ArgumentError('ERROR: embedded: needs a folder')
    return { kind: 'urls', urls: [section] }
  }
  // The hosts of one such URL are separated by commas as well.
  if (/^(valkey|redis)s?:\/\//.test(section)) return { kind: 'urls', urls: [section] }
  if (!/https?:\/\/|@/.test(section)) throw new ArgumentError(NO_URL)
  const found: { urls: string[]; username?: string; password?: string } = { urls: [] }
  for (const part of section.split(/[,|]/)) {
    const entry = part.trim()
    const [, key, value = ''] = /^(auth|apikey|url|host|config|dbpath)=(.*)$/.exec(entry) ?? []
    if (key === 'auth' || key === 'apikey') {
      const percent = value.indexOf('%')
      found.username = percent < 0 ? value : value.slice(0, percent)
      found.password = percent < 0 ? '' : value.slice(percent + 1)
    } else if (key !== 'config' && key !== 'dbpath' && entry !== '') {
      found.urls.push(streamUrl(key === undefined ? entry : value))
    }
  }
  if (found.urls.length === 0) throw new ArgumentError(NO_URL)
  return { kind: 'urls', ...found }
}

/** A URL without a path means the stream of the bucket "default", one without scheme is http. */
function streamUrl(text: string): string {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new ArgumentError(`ERROR: not an http URL: ${text.replace(/(\/\/|^)[^@/]*@/, '$1')}`)
  }
  if (url.pathname === '/') url.pathname = DEFAULT_PATH
  return url.href
}
