/**
 * From the flags of a command line to a configuration: moxi's clusters and settings as listeners,
 * backends, buckets and limits.
 */
import { SOCKET_LAYERS, type SocketLayer } from '@holdfast/client'
import { ArgumentError } from './argument-error.ts'
import { type ClusterSection, parseCluster } from './arguments-cluster.ts'
import { number, parseSettings } from './arguments-settings.ts'
import type { ConfigSurroundings } from './config-file.ts'
import { checkConfig } from './config-schema.ts'
import type { LogConfig, ProxyConfig } from './proxy-config.ts'
import type { GivenFlags } from './proxy-flags.ts'
import { draftOfUrls } from './source-config.ts'

const PORT_DEFAULT = 11211
const UNLIMITED = { timeoutMs: 600_000, connectMs: 10_000, outstanding: 65_536 } as const
const LOG_LEVELS = ['info', 'debug', 'trace'] as const
/** moxi's names; the words after a hyphen say who speaks it. */
const PROTOCOLS: Readonly<Record<string, string>> = {
  ascii: 'text',
  text: 'text',
  'memcached-ascii': 'text',
  'membase-ascii': 'text',
  binary: 'binary',
  'memcached-binary': 'binary',
  'membase-binary': 'binary',
  meta: 'meta',
}

type Settings = ReadonlyMap<string, string>

interface Draft {
  listeners: object[]
  backends: Record<string, object>
  buckets: Record<string, object>
  gateways: object[]
}

/** The configuration that the flags ask for; throws `ArgumentError`. */
export function configOfFlags(
  flags: GivenFlags,
  surroundings: ConfigSurroundings,
  warnings: string[],
): ProxyConfig {
  const settings = parseSettings(textOf(flags.get('-Z') ?? '', 'behavior', surroundings), warnings)
  const sections = parseCluster(textOf(flags.get('-z') ?? '', 'cfg', surroundings))
  const draft: Draft = { listeners: [], backends: {}, buckets: {}, gateways: [] }
  for (const section of sections) {
    if (section.kind === 'urls') addUrls(draft, section, settings, surroundings)
    else addStatic(draft, section, settings, flags)
  }
  if (sections.some(({ kind }) => kind === 'urls')) {
    draft.listeners.unshift(listenerOf(flags, settings, anonymousOf(draft, settings)))
    const dataPort = flagNumber(flags, '--data-port', 'a port', 0, 65_535)
    if (dataPort !== undefined) {
      const common = { ...listenerCommon(flags), protocol: 'binary' }
      draft.listeners.push({ ...common, kind: 'data', host: listenHost(flags), port: dataPort })
    }
  }
  if (draft.listeners.length > 1 && flags.has('-s')) {
    throw new ArgumentError('ERROR: -s needs one listener, and -z asks for several')
  }
  const checked = checkConfig({
    ...draft,
    limits: limitsOf(flags, settings),
    http: { port: flagNumber(flags, '--http-port', 'a port', 0, 65_535) },
    log: { slowMs: flagNumber(flags, '--slow-ms', 'milliseconds', 0, UNLIMITED.timeoutMs) },
    stateFolder: flags.get('--state-dir'),
  })
  if (checked.config !== undefined) return checked.config
  const [issue] = checked.issues
  throw new ArgumentError(`ERROR: bad configuration: ${issue?.path.join('.')}: ${issue?.message}`)
}

/** With what concerns the process rather than what it serves. */
export function withProcessFlags(config: ProxyConfig, flags: GivenFlags): ProxyConfig {
  const workers = flagNumber(flags, '-t', 'a number above 0', 1, 64) ?? config.workers
  const file = flags.get('-O')
  const log: LogConfig = { ...config.log, level: levelOf(flags) ?? config.log.level }
  if (file !== undefined) log.file = file === 'stderr' ? undefined : file
  if (workers > 1 && Object.values(config.backends).some(({ type }) => type === 'embedded')) {
    throw new ArgumentError('ERROR: -t needs 1, as there is an embedded store')
  }
  return { ...config, workers, sockets: socketsOf(flags) ?? config.sockets, log }
}

function socketsOf(flags: GivenFlags): SocketLayer | undefined {
  const text = flags.get('--sockets')
  const layer = SOCKET_LAYERS.find((one) => one === text)
  if (text === undefined || layer !== undefined) return layer
  throw new ArgumentError(`ERROR: --sockets needs ${SOCKET_LAYERS.join(' or ')}, not ${text}`)
}

function addUrls(
  draft: Draft,
  section: Extract<ClusterSection, { kind: 'urls' }>,
  settings: Settings,
  { environment }: ConfigSurroundings,
): void {
  const username = settings.get('usr') ?? section.username ?? environment.MOXI_SASL_PLAIN_USR ?? ''
  const password = settings.get('pwd') ?? section.password ?? environment.MOXI_SASL_PLAIN_PWD ?? ''
  const { backends, buckets, gateways } = draftOfUrls(section.urls, {
    credentials: username === '' ? tokenOf(environment) : { username, password },
    defaultBucket: settings.get('default_bucket_name'),
  })
  for (const name of Object.keys(buckets)) {
    if (draft.buckets[name] !== undefined) {
      throw new ArgumentError(`ERROR: bad moxi config, two sources of bucket ${name}`)
    }
  }
  Object.assign(draft.backends, backends)
  Object.assign(draft.buckets, buckets)
  draft.gateways.push(...gateways)
}

/** A Holdfast store tells its engines to whoever has its token for proxies. */
function tokenOf(
  environment: ConfigSurroundings['environment'],
): { username: string; password: string } | undefined {
  const password = environment.HOLDFAST_PROXY_TOKEN ?? ''
  return password === '' ? undefined : { username: '@proxy', password }
}

/** A static list has a port of its own; moxi names all of their buckets "default". */
function addStatic(
  draft: Draft,
  section: Exclude<ClusterSection, { kind: 'urls' }>,
  settings: Settings,
  flags: GivenFlags,
): void {
  const name = draft.buckets.default === undefined ? 'default' : `default-${section.port}`
  const { port } = section
  const username = settings.get('usr') ?? ''
  const login = username === '' ? {} : { username, password: settings.get('pwd') ?? '' }
  if (section.kind === 'map') {
    draft.backends[name] = { type: 'map', config: section.config, ...login }
  } else {
    draft.backends[name] = {
      type: 'memcached',
      servers: section.servers,
      distribution: distributionOf(settings),
      protocol: protocolOf(settings),
      connectionsPerServer: number(settings, 'downstream_conn_max', 1) || 1,
      ...login,
    }
  }
  draft.buckets[name] = { use: name }
  const place = socketOf(flags) ?? { host: listenHost(flags), port }
  draft.listeners.push({ ...listenerCommon(flags), ...place, bucket: name })
}

function distributionOf(settings: Settings): string {
  const text = settings.get('mcs_opts') ?? ''
  return /(?:^|[\s:;|]*)distribution:([\w-]+)/.exec(text)?.[1] ?? 'ketama-weighted'
}

function protocolOf(settings: Settings): string {
  const text = settings.get('downstream_protocol') ?? 'text'
  const protocol = PROTOCOLS[text]
  if (protocol === undefined) {
    throw new ArgumentError(`ERROR: config error in key: downstream_protocol value: ${text}`)
  }
  return protocol
}

/** Undefined leaves it to the configuration's own rule; null wants a login. */
function anonymousOf(draft: Draft, settings: Settings): string | null | undefined {
  const name = settings.get('default_bucket_name')
  if (name === undefined || name.startsWith('[') || draft.gateways.length > 0) return undefined
  return draft.buckets[name] === undefined ? null : name
}

function listenerOf(
  flags: GivenFlags,
  settings: Settings,
  bucket: string | null | undefined,
): object {
  const common = { ...listenerCommon(flags), ...(bucket === undefined ? {} : { bucket }) }
  const place = socketOf(flags)
  if (place !== undefined) return { ...common, ...place }
  const [, port] = splitListen(flags)
  const wanted = port ?? flags.get('--port') ?? settings.get('port_listen') ?? String(PORT_DEFAULT)
  return { ...common, host: listenHost(flags), port: portOf(wanted, 'port_listen') }
}

/** The place that `-s` names; there is one, so it can stand for one port only. */
function socketOf(flags: GivenFlags): object | undefined {
  const socket = flags.get('-s')
  return socket === undefined ? undefined : { socket, socketMask: flags.get('-a') }
}

function listenerCommon(flags: GivenFlags): object {
  return {
    protocol: flags.get('-B'),
    backlog: flagNumber(flags, '-b', 'a number above 0', 1, 65_535),
  }
}

function listenHost(flags: GivenFlags): string {
  return splitListen(flags)[0]
}

/** `ADDRESS`, `ADDRESS:PORT`; an IPv6 address with a port stands in brackets. */
function splitListen(flags: GivenFlags): [host: string, port: string | undefined] {
  const text = flags.get('-l') ?? '127.0.0.1'
  const [, bracketed, plain, port] = /^(?:\[(.*)\]|([^:]*)):(\d+)$/.exec(text) ?? []
  if (port !== undefined) return [bracketed ?? plain ?? '', port]
  return [text.replace(/^\[(.*)\]$/, '$1'), undefined]
}

function limitsOf(flags: GivenFlags, settings: Settings): object {
  const timeoutMs = number(settings, 'downstream_timeout', undefined)
  const connectMs = number(settings, 'connect_timeout', undefined)
  const outstanding = number(settings, 'downstream_max', undefined)
  return {
    connectionsMax: flagNumber(flags, '-c', 'a number above 0', 1, 1_000_000),
    operationTimeoutMs: timeoutMs === 0 ? UNLIMITED.timeoutMs : timeoutMs,
    connectTimeoutMs: connectMs === 0 ? UNLIMITED.connectMs : connectMs,
    outstandingMax: outstanding === 0 ? UNLIMITED.outstanding : outstanding,
  }
}

function levelOf(flags: GivenFlags): LogConfig['level'] | undefined {
  const text = flags.get('--log-level')
  if (text !== undefined) {
    const level = (['error', 'warn', 'info', 'debug', 'trace'] as const).find((l) => l === text)
    if (level === undefined) throw new ArgumentError(`ERROR: unknown --log-level ${text}`)
    return level
  }
  const verbosity = flags.get('-v')?.length
  return verbosity === undefined ? undefined : (LOG_LEVELS[verbosity] ?? 'trace')
}

/** A text, or what the file that it names holds. */
function textOf(text: string, what: string, surroundings: ConfigSurroundings): string {
  if (!/^[./]/.test(text)) return text
  try {
    return surroundings.readFile(text)
  } catch {
    throw new ArgumentError(`ERROR: could not read ${what} file: ${text}`)
  }
}

function flagNumber(
  flags: GivenFlags,
  flag: string,
  expected: string,
  min: number,
  max: number,
): number | undefined {
  const text = flags.get(flag)
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new ArgumentError(`ERROR: ${flag} needs ${expected}, not ${text}`)
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
