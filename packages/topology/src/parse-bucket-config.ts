// Reads bucket configs as moxi did: an envelope of buckets, one bucket, or a bare vBucketServerMap.
// Every member that is used is checked; the texts of moxi's own checks (libvbucket's) are kept,
// because they are what people find when they search for them. Unknown members are ignored.

import type { BucketConfig, BucketNode } from './bucket-config.ts'
import { ConfigError } from './config-error.ts'
import { parseHoldfastExtension } from './holdfast-extension.ts'
import {
  arrayOf,
  integerOf,
  isObject,
  type JsonObject,
  objectOf,
  portOr0,
  stringOf,
  stringOr,
} from './json-check.ts'

/** Most servers and nodes of a bucket. */
export const SERVERS_MAX = 4096

const REPLICAS_MAX = 4
const VBUCKETS_MAX = 65_536
const BAD_ROWS = 'Expected array of arrays each with numReplicas + 1 ints for vBucketMap'
const BAD_SERVER_ID = 'Server ID must be >= -1 and < num_servers'

/** Options of the parsers. */
export interface ParseBucketConfigOptions {
  /** What `$HOST` in a server's name stands for: the host the config came from. */
  host?: string
  /**
   * Of several buckets, one that is unusable is left out and reported here instead of failing all:
   * keep using its last config.
   */
  onUnusable?: (name: string, error: ConfigError) => void
}

/**
 * Reads a config of one bucket, or the first of several; throws `ConfigError`, then keep the last.
 *
 * @example
 * const config = parseBucketConfig(json, { host: '10.0.0.1' })
 * const [active] = config.vBucketMap[vbucketOf(key)] ?? []
 */
export function parseBucketConfig(
  json: string,
  options: ParseBucketConfigOptions = {},
): BucketConfig {
  const [first] = parseBucketConfigs(json, options)
  if (first === undefined) throw new ConfigError('No buckets available')
  return first
}

/** Reads a config of any number of buckets; throws `ConfigError`, see `onUnusable`. */
export function parseBucketConfigs(
  json: string,
  options: ParseBucketConfigOptions = {},
): BucketConfig[] {
  const host = hostInAddress(options.host ?? 'localhost')
  const root = objectOf(parseJson(json), 'Expected an object')
  if (root.buckets === undefined) return [parseBucket(root, host)]
  const buckets = arrayOf(root.buckets, 'Expected array for buckets')
  return buckets.flatMap((entry) => {
    const bucket = objectOf(entry, 'Expected an object')
    try {
      return [parseBucket(bucket, host)]
    } catch (error) {
      if (options.onUnusable === undefined || !(error instanceof ConfigError)) throw error
      options.onUnusable(stringOr(bucket.name, 'default'), error)
      return []
    }
  })
}

/** An IPv6 address stands in brackets before a port. */
function hostInAddress(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

function parseJson(json: string): unknown {
  if (json.trim() === '') throw new ConfigError('invalid, empty config from REST server')
  try {
    return JSON.parse(json)
  } catch (cause) {
    // The text of the cause quotes the input, which may hold a password.
    const where = cause instanceof SyntaxError ? / at position \d+/.exec(cause.message)?.[0] : ''
    throw new ConfigError(`parse JSON failed${where ?? ''}`)
  }
}

function parseBucket(bucket: JsonObject, host: string): BucketConfig {
  const bare = bucket.vBucketServerMap === undefined && bucket.vBucketMap !== undefined
  const map = bare ? bucket : bucket.vBucketServerMap
  const locator = bucket.nodeLocator ?? 'vbucket'
  if (locator !== 'vbucket' && locator !== 'ketama') {
    throw new ConfigError('Expected vbucket or ketama for nodeLocator')
  }
  const uuid = bucket.uuid
  return {
    name: stringOr(bucket.name, 'default'),
    bucketType: bucketTypeOf(bucket, locator),
    uuid: typeof uuid === 'string' ? uuid : null,
    rev: revisionOf(bucket.rev),
    revEpoch: revisionOf(bucket.revEpoch) ?? 0,
    saslPassword: stringOr(bucket.saslPassword, ''),
    proxyPort: bucket.authType === 'none' ? portOr0(bucket.proxyPort) : 0,
    nodeLocator: locator,
    nodes: parseNodes(bucket.nodes, host),
    ...(locator === 'vbucket' ? parseMap(map, host) : parseKetama(bucket, map, host)),
    holdfast: bucket.holdfast === undefined ? null : parseHoldfastExtension(bucket.holdfast),
  }
}

function revisionOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null
}

function bucketTypeOf(bucket: JsonObject, locator: 'vbucket' | 'ketama'): 'membase' | 'memcached' {
  if (bucket.bucketType === 'memcached') return 'memcached'
  if (bucket.bucketType !== undefined) return 'membase'
  return locator === 'ketama' ? 'memcached' : 'membase'
}

type MapMembers = Pick<
  BucketConfig,
  'serverList' | 'numReplicas' | 'vBucketMap' | 'vBucketMapForward'
>

function parseMap(value: unknown, host: string): MapMembers {
  const map = objectOf(value, 'Expected object for vBucketServerMap')
  const why = `Expected number <= ${REPLICAS_MAX} for numReplicas`
  const numReplicas = integerOf(map.numReplicas, 0, REPLICAS_MAX, why)
  const serverList = parseServerList(map.serverList, host)
  const rows = arrayOf(map.vBucketMap, 'Expected array for vBucketMap')
  const forward = map.vBucketMapForward
  return {
    serverList,
    numReplicas,
    vBucketMap: parseRows(rows, numReplicas, serverList.length),
    vBucketMapForward:
      Array.isArray(forward) && forward.length > 0
        ? parseForward(forward, rows.length, numReplicas, serverList.length)
        : null,
  }
}

function parseForward(
  forward: readonly unknown[],
  rowCount: number,
  numReplicas: number,
  servers: number,
): number[][] {
  if (forward.length !== rowCount) {
    throw new ConfigError('Expected as many rows in vBucketMapForward as in vBucketMap')
  }
  return parseRows(forward, numReplicas, servers)
}

function parseRows(rows: readonly unknown[], numReplicas: number, servers: number): number[][] {
  const count = rows.length
  if (count === 0) {
    throw new ConfigError('No vBuckets available; service maybe still initializing')
  }
  if (count > VBUCKETS_MAX || (count & (count - 1)) !== 0) {
    throw new ConfigError(`Number of vBuckets must be a power of two > 0 and <= ${VBUCKETS_MAX}`)
  }
  return rows.map((row) => {
    const cells = arrayOf(row, BAD_ROWS)
    if (cells.length !== numReplicas + 1) throw new ConfigError(BAD_ROWS)
    return cells.map((cell) => {
      if (typeof cell !== 'number') throw new ConfigError(BAD_ROWS)
      return integerOf(cell, -1, servers - 1, BAD_SERVER_ID)
    })
  })
}

/** A ketama bucket: the server list if there is one, else its healthy nodes' data ports. */
function parseKetama(bucket: JsonObject, map: unknown, host: string): MapMembers {
  const listed = isObject(map) ? map.serverList : bucket.serverList
  const serverList =
    listed === undefined ? healthyServers(bucket.nodes, host) : parseServerList(listed, host)
  // With engines given, the servers are only what other clients would use.
  const isServed = serverList.length > 0 || bucket.holdfast !== undefined
  if (!isServed) throw new ConfigError('Empty serverList')
  return { serverList, numReplicas: 0, vBucketMap: [], vBucketMapForward: null }
}

function healthyServers(nodes: unknown, host: string): string[] {
  arrayOf(nodes, 'Expected array for nodes')
  return parseNodes(nodes, host)
    .filter((node) => node.status === 'healthy' && node.ports.direct > 0)
    .map((node) => `${node.hostname.replace(/:\d*$/, '')}:${node.ports.direct}`)
}

function parseServerList(value: unknown, host: string): string[] {
  const servers = arrayOf(value, 'Expected array for serverList')
  if (servers.length === 0) throw new ConfigError('Empty serverList')
  if (servers.length > SERVERS_MAX) throw new ConfigError(`More than ${SERVERS_MAX} servers`)
  return servers.map((server) => {
    const name = stringOf(server, 'Expected string for serverList')
    return name.replace('$HOST', () => host)
  })
}

function parseNodes(value: unknown, host: string): BucketNode[] {
  if (value === undefined) return []
  const nodes = arrayOf(value, 'Expected array for nodes')
  if (nodes.length > SERVERS_MAX) throw new ConfigError(`More than ${SERVERS_MAX} servers`)
  return nodes.map((entry) => {
    const node = objectOf(entry, 'Expected object for node')
    const ports = isObject(node.ports) ? node.ports : {}
    return {
      hostname: stringOr(node.hostname, host).replace('$HOST', () => host),
      status: stringOr(node.status, 'healthy'),
      clusterMembership: stringOr(node.clusterMembership, 'active'),
      ports: { proxy: portOr0(ports.proxy), direct: portOr0(ports.direct) },
      ...(node.thisNode === true ? { thisNode: true } : {}),
    }
  })
}
