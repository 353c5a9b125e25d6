// moxi's static form of `-z`: `PORT=host[:port][:weight],host2...`, several joined by `;`. Each
// part is a listening port with the memcached servers behind it. Where moxi would guess (a port
// that is no number, an empty host) this refuses, and says which part it is.

import { ConfigError } from './config-error.ts'
import { RING_SERVERS_MAX } from './ketama.ts'

/** One memcached server of a pool. */
export interface PoolServer {
  /** A name or address, without brackets. */
  host: string
  port: number
  /** Share of the keys, which only the weighted ketama heeds. */
  weight: number
}

/** A listening port and its servers. */
export interface StaticPool {
  port: number
  servers: PoolServer[]
}

/** Port of a server that names none. */
export const MEMCACHED_PORT = 11_211

const PORT_MAX = 65_535
/** More than any machine has; keeps the points of a ring within bounds. */
const WEIGHT_MAX = 1000

/**
 * Reads moxi's static pools.
 *
 * @throws ConfigError in moxi's words where it has any
 * @example
 * parseStaticPools('11311=10.0.0.1:11211,10.0.0.2:11211:2')
 */
export function parseStaticPools(text: string): StaticPool[] {
  const parts = text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  if (parts.length === 0) throw new ConfigError('bad moxi config, missing =')
  const pools = parts.map(parsePool)
  const ports = pools.map(({ port }) => port)
  const twice = ports.find((port, index) => ports.indexOf(port) !== index)
  if (twice !== undefined) throw new ConfigError(`bad moxi config, port ${twice} is given twice`)
  return pools
}

function parsePool(part: string): StaticPool {
  const equals = part.indexOf('=')
  if (equals < 0) throw new ConfigError('bad moxi config, missing =')
  const portText = part.slice(0, equals).trim()
  if (portText === '') throw new ConfigError('missing proxy port')
  const port = numberOf(portText, PORT_MAX)
  if (port === undefined) {
    throw new ConfigError(`bad moxi config, proxy port ${portText} is not 1..${PORT_MAX}`)
  }
  const list = part.slice(equals + 1).trim()
  if (list === '') throw new ConfigError(`bad moxi config, no servers for port ${port}`)
  const servers = list.split(',').map((server) => parseServer(server.trim(), port))
  if (servers.length > RING_SERVERS_MAX) {
    throw new ConfigError(
      `bad moxi config, ${servers.length} servers for port ${port} exceed ${RING_SERVERS_MAX}`,
    )
  }
  return { port, servers }
}

/** `host`, `host:port` or `host:port:weight`; an IPv6 host stands in brackets. */
function parseServer(text: string, poolPort: number): PoolServer {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([^\s:=[\]{}]+))(?::(\d*))?(?::(\d*))?$/.exec(
    text,
  )
  const host = match?.[1] ?? match?.[2]
  if (match === null || host === undefined) {
    throw new ConfigError(`bad moxi config, server "${text}" of port ${poolPort}`)
  }
  const port = match[3] === undefined ? MEMCACHED_PORT : numberOf(match[3], PORT_MAX)
  if (port === undefined) {
    throw new ConfigError(`bad moxi config, server "${text}": port is not 1..${PORT_MAX}`)
  }
  const weight = match[4] === undefined ? 1 : numberOf(match[4], WEIGHT_MAX)
  if (weight === undefined) {
    throw new ConfigError(`bad moxi config, server "${text}": weight is not 1..${WEIGHT_MAX}`)
  }
  return { host, port, weight }
}

function numberOf(text: string, max: number): number | undefined {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return value >= 1 && value <= max ? value : undefined
}
