/**
 * Moxi's command line, parsed. Pure but for the files that -z and -Z may name, which the caller
 * reads. Error texts are the original's.
 */
import { PROXY_FLAGS } from './proxy-flags.ts'
import { findSetting } from './proxy-settings.ts'

/** What a command line asks for. */
export type ProxyArguments =
  | { kind: 'run'; options: ProxyRunOptions; warnings: string[] }
  | { kind: 'help' }
  | { kind: 'version' }
  | { kind: 'error'; message: string }

/** A proxy as the command line describes it. */
export interface ProxyRunOptions {
  host: string
  port: number
  httpPort: number | undefined
  urls: string[]
  credentials: { username: string; password: string } | undefined
  operationTimeoutMs: number
  connectTimeoutMs: number
  connectionsMax: number
  outstandingMax: number
  /** 0 silent on normal work, up to 3. */
  verbosity: number
  stopWithStdin: boolean
}

/** What parsing needs from outside. */
export interface ArgumentSurroundings {
  /** Reads a file that -z or -Z names; throws when it cannot. */
  readFile: (path: string) => string
  environment: Record<string, string | undefined>
}

const PORT_DEFAULT = 11211
const DEFAULT_PATH = '/pools/default/bucketsStreaming/default'
const UNLIMITED = { timeoutMs: 600_000, connectMs: 10_000, outstanding: 65_536 } as const

class ArgumentError extends Error {}

/** Reads the command line after the program's name. */
export function parseProxyArguments(
  argv: readonly string[],
  surroundings: ArgumentSurroundings,
): ProxyArguments {
  try {
    return parse(argv, surroundings)
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error
    return { kind: 'error', message: error.message }
  }
}

/** The text of `-h`. */
export function usageText(): string {
  const flags = PROXY_FLAGS.filter((flag) => flag.status === 'honoured')
  const lines = flags.map(({ flag, argument, meaning }) => {
    return `  ${`${flag} ${argument}`.padEnd(20)} ${meaning}\n`
  })
  return `usage: holdfast proxy [flags] URL[,URL...]\n${lines.join('')}`
}

function parse(argv: readonly string[], surroundings: ArgumentSurroundings): ProxyArguments {
  const flags = new Map<string, string>()
  const warnings: string[] = []
  let verbosity = 0
  let last = ''
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? ''
    if (/^-v+$/.test(word)) {
      verbosity += word.length - 1
      continue
    }
    if (!word.startsWith('-')) {
      last = word
      continue
    }
    const { flag, inline } = splitFlag(word)
    const known = PROXY_FLAGS.find((entry) => entry.flag === flag)
    if (known === undefined) throw new ArgumentError(`ERROR: unknown flag ${word}`)
    if (known.status === 'refused') {
      throw new ArgumentError(`ERROR: flag ${flag} is not supported: ${known.meaning}`)
    }
    const value = known.argument === '' ? '' : (inline ?? argv[++i])
    if (value === undefined) throw new ArgumentError(`ERROR: flag ${flag} needs an argument`)
    flags.set(flag, value)
  }
  if (flags.has('-h')) return { kind: 'help' }
  if (flags.has('-i')) return { kind: 'version' }
  if (flags.get('-B') === 'binary') {
    throw new ArgumentError('ERROR: flag -B binary is not supported: applications speak text')
  }
  if (Number(flags.get('-p') ?? 0) > 0) {
    warnings.push('flag -p ignored: this proxy is not a memcached server itself')
  }
  const options = runOptions(flags, last, surroundings, warnings)
  return { kind: 'run', options: { ...options, verbosity }, warnings }
}

function runOptions(
  flags: ReadonlyMap<string, string>,
  last: string,
  surroundings: ArgumentSurroundings,
  warnings: string[],
): Omit<ProxyRunOptions, 'verbosity'> {
  const settings = parseSettings(flags.get('-Z') ?? '', surroundings, warnings)
  const cluster = parseCluster(flags.get('-z') ?? last, surroundings)
  const listen = parseListen(flags.get('-l') ?? '127.0.0.1')
  const { environment } = surroundings
  const username = settings.get('usr') ?? cluster.username ?? environment.MOXI_SASL_PLAIN_USR ?? ''
  const password = settings.get('pwd') ?? cluster.password ?? environment.MOXI_SASL_PLAIN_PWD ?? ''
  const httpPort = flags.get('--http-port')
  const timeoutMs = number(settings, 'downstream_timeout', 5000)
  const connectMs = number(settings, 'connect_timeout', 400)
  const outstanding = number(settings, 'downstream_max', 1024)
  return {
    host: listen.host,
    port: listen.port ?? portOf(settings.get('port_listen') ?? String(PORT_DEFAULT), 'port_listen'),
    httpPort: httpPort === undefined ? undefined : portOf(httpPort, '--http-port'),
    urls: cluster.urls,
    credentials: username === '' ? undefined : { username, password },
    operationTimeoutMs: timeoutMs === 0 ? UNLIMITED.timeoutMs : timeoutMs,
    connectTimeoutMs: connectMs === 0 ? UNLIMITED.connectMs : connectMs,
    connectionsMax: positive(flags.get('-c') ?? '10000', '-c'),
    outstandingMax: outstanding === 0 ? UNLIMITED.outstanding : outstanding,
    stopWithStdin: flags.get('-Y') === 'y',
  }
}

function splitFlag(word: string): { flag: string; inline: string | undefined } {
  if (word.startsWith('--')) {
    const equals = word.indexOf('=')
    if (equals < 0) return { flag: word, inline: undefined }
    return { flag: word.slice(0, equals), inline: word.slice(equals + 1) }
  }
  return { flag: word.slice(0, 2), inline: word.length > 2 ? word.slice(2) : undefined }
}

function parseSettings(
  text: string,
  surroundings: ArgumentSurroundings,
  warnings: string[],
): Map<string, string> {
  const settings = new Map<string, string>()
  const source = /^[./]/.test(text) ? readFile(text, 'behavior', surroundings) : text
  for (const part of source.split(/[,\n]/)) {
    const entry = part.trim()
    if (entry === '' || entry.startsWith('#')) continue
    const equals = entry.indexOf('=')
    if (equals < 0) throw new ArgumentError('bad moxi config, missing =')
    const name = entry.slice(0, equals).trim()
    const value = entry.slice(equals + 1).trim()
    const known = findSetting(name)
    if (known === undefined) {
      warnings.push(`ERROR: config error in key: ${name} value: ${value}`)
    } else {
      settings.set(known.name, value)
    }
  }
  return settings
}

interface ClusterSource {
  urls: string[]
  username?: string
  password?: string
}

function parseCluster(text: string, surroundings: ArgumentSurroundings): ClusterSource {
  const source = /^[./]/.test(text) ? readFile(text, 'cfg', surroundings).trim() : text.trim()
  if (source === '') throw new ArgumentError('ERROR: need cluster configuration. See usage (-h).')
  if (source.startsWith('embedded:')) {
    if (source === 'embedded:') throw new ArgumentError('ERROR: embedded: needs a folder')
    return { urls: [source] }
  }
  if (/^\s*\d+\s*=/.test(source)) {
    throw new ArgumentError(
      'ERROR: a static list of memcached servers (PORT=HOST,...) is not supported: give the URL of a bucket config',
    )
  }
  if (!source.includes('http://')) {
    throw new ArgumentError('ERROR: missing -z configuration for url/host')
  }
  return parseUrls(source)
}

/** `URL,URL`, `url=URL|URL`, `auth=USER%PWD,url=URL`, in any mixture. */
function parseUrls(source: string): ClusterSource {
  const cluster: ClusterSource = { urls: [] }
  for (const part of source.split(/[,|]/)) {
    const entry = part.trim()
    const [, key, value] = /^(auth|apikey|url|host|config|dbpath)=(.*)$/.exec(entry) ?? []
    if (key === 'auth' || key === 'apikey') {
      const [username = '', password = ''] = (value ?? '').split('%')
      cluster.username = username
      cluster.password = password
    } else if (key !== 'config' && key !== 'dbpath' && entry !== '') {
      cluster.urls.push(streamUrl(value ?? entry))
    }
  }
  if (cluster.urls.length === 0) {
    throw new ArgumentError('ERROR: missing -z configuration for url/host')
  }
  return cluster
}

/** A URL without a path means the stream of the bucket "default". */
function streamUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null || url.protocol !== 'http:') {
    throw new ArgumentError(`ERROR: not an http URL: ${text.replace(/\/\/[^@/]*@/, '//')}`)
  }
  if (url.pathname === '/') url.pathname = DEFAULT_PATH
  return url.href
}

function parseListen(text: string): { host: string; port: number | undefined } {
  const [, host = '', port] = /^(.*?):(\d+)$/.exec(text) ?? []
  if (port !== undefined && !host.includes(':')) return { host, port: portOf(port, '-l') }
  return { host: text, port: undefined }
}

function number(settings: ReadonlyMap<string, string>, name: string, fallback: number): number {
  const text = settings.get(name)
  if (text === undefined) return fallback
  if (!/^\d{1,9}$/.test(text)) {
    throw new ArgumentError(`ERROR: config error in key: ${name} value: ${text}`)
  }
  return Number(text)
}

function positive(text: string, name: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) {
    throw new ArgumentError(`ERROR: ${name} needs a number above 0, not ${text}`)
  }
  return value
}

function portOf(text: string, name: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535) {
    throw new ArgumentError(`ERROR: ${name} needs a port, not ${text}`)
  }
  return value
}

function readFile(path: string, what: string, surroundings: ArgumentSurroundings): string {
  try {
    return surroundings.readFile(path)
  } catch {
    throw new ArgumentError(`ERROR: could not read ${what} file: ${path}`)
  }
}
