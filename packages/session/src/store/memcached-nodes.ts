/*
 * The settings `memcachedNodes` and `failoverNodes`, in the forms of memcached-session-manager:
 *
 *   host:port                       one node, ids carry no node id
 *   n1:host:port n2:host:port       nodes with ids, separated by spaces or commas
 *   http://host:port/pools/...      URLs of one bucket, read without a proxy; no node ids
 *   redis://[user:password@]host    one Valkey or Redis, or a cluster of them; no node ids
 *
 * Pure. Each mistake is a TypeError that says what is wrong and at which position of the text; no
 * password reaches it.
 */
import { isValkeyUrl, parseValkeyUrl } from '@holdfast/client'

export interface NodeAddress {
  /** Undefined for the single bare `host:port`. */
  id: string | undefined
  /** IPv6 without brackets. */
  host: string
  port: number
}

/** A bucket, as one node that never has an id. */
export interface BucketTarget {
  id: undefined
  /** Where its config is streamed, each from another server. */
  urls: string[]
}

/** Somebody's own Valkey or Redis, as one node that never has an id. */
export interface ValkeyTarget {
  id: undefined
  /** May hold a password: not to be shown. */
  valkeyUrl: string
}

export type StoreTarget = NodeAddress | BucketTarget | ValkeyTarget

export interface StoreTargets {
  /** In configured order. */
  nodes: StoreTarget[]
  /** Ids of `nodes` that are used only when no other is available. */
  failoverIds: string[]
}

/** What the application gave. */
export interface GivenTargets {
  memcachedNodes: unknown
  failoverNodes?: unknown
  /** Names the bucket where a URL does not. */
  username?: string | undefined
}

export const NODES_MAX = 64

const NODE = /^(?:(\w{1,15}):)?(\[[0-9A-Fa-f:.]+\]|[^:\s,[\]/@]+):(\d{1,5})$/

export function parseStoreTargets(given: GivenTargets): StoreTargets {
  const nodes = parseMemcachedNodes(given.memcachedNodes, given.username)
  return { nodes, failoverIds: parseFailoverNodes(given.failoverNodes, nodes) }
}

export function parseMemcachedNodes(text: unknown, username?: string): StoreTarget[] {
  if (typeof text !== 'string' || text.trim() === '') {
    throw new TypeError(
      'option memcachedNodes is required: "host:port" or a list like "n1:localhost:11311"',
    )
  }
  if (isValkeyUrl(text.trim())) return [parseValkey(text.trim())]
  const words = [...text.matchAll(/[^\s,]+/g)]
  if (words.length === 0) throw new TypeError('option memcachedNodes: no node found')
  if (words.length > NODES_MAX) {
    throw new TypeError(`option memcachedNodes: more than ${NODES_MAX} nodes`)
  }
  const isUrl = words.map(([word]) => /^\w+:\/\//.test(word))
  if (isUrl.includes(true)) {
    if (isUrl.includes(false)) {
      throw new TypeError(
        'option memcachedNodes: either bucket URLs or nodes, not both in one list',
      )
    }
    const urls = words.map((match) => parseBucketUrl(match[0], match.index, username))
    return [{ id: undefined, urls: [...new Set(urls)] }]
  }
  const nodes = words.map((match) => parseNode(match[0], match.index, text))
  checkIds(nodes, text)
  return nodes
}

function parseValkey(url: string): ValkeyTarget {
  try {
    parseValkeyUrl(url)
  } catch (error) {
    const why = error instanceof Error ? error.message : 'bad valkey url'
    throw new TypeError(`option memcachedNodes: ${why}`)
  }
  return { id: undefined, valkeyUrl: url }
}

function parseNode(word: string, index: number, text: string): NodeAddress {
  const where = `option memcachedNodes: "${redacted(word)}" at position ${index} of "${redacted(text)}"`
  const match = NODE.exec(word)
  const host = match?.[2]
  if (match === null || host === undefined) {
    throw new TypeError(`${where} is neither <id>:<host>:<port> nor <host>:<port>`)
  }
  const port = Number(match[3])
  if (port < 1 || port > 65535) throw new TypeError(`${where} has a port outside 1-65535`)
  return { id: match[1], host: host.replace(/^\[|\]$/g, ''), port }
}

function parseBucketUrl(word: string, index: number, username: string | undefined): string {
  const where = `option memcachedNodes: the URL at position ${index}`
  const scheme = word.slice(0, word.indexOf(':')).toLowerCase()
  if (scheme !== 'http' && scheme !== 'https') {
    throw new TypeError(
      `${where} begins with ${scheme}: http, https, redis, rediss, valkey and valkeys are known`,
    )
  }
  const url = URL.parse(word)
  if (url === null || url.hostname === '') throw new TypeError(`${where} is not a URL`)
  if (url.username !== '' || url.password !== '') {
    throw new TypeError(`${where} holds credentials: give them as options username and password`)
  }
  // The original's form names no bucket: that is the username.
  if (/^\/(pools\/?)?$/.test(url.pathname)) {
    url.pathname = `/pools/default/bucketsStreaming/${encodeURIComponent(username ?? 'default')}`
  }
  return url.href
}

function checkIds(nodes: readonly NodeAddress[], text: string): void {
  if (nodes.length === 1) return
  const seen = new Set<string>()
  for (const { id, host, port } of nodes) {
    if (id === undefined) {
      throw new TypeError(
        `option memcachedNodes: "${host}:${port}" in "${text}" needs an id (n1:host:port), ` +
          'because there are several nodes',
      )
    }
    if (seen.has(id)) {
      throw new TypeError(`option memcachedNodes: node id "${id}" appears twice in "${text}"`)
    }
    seen.add(id)
  }
}

function parseFailoverNodes(value: unknown, nodes: readonly StoreTarget[]): string[] {
  if (value === undefined || value === '') return []
  if (typeof value !== 'string') throw new TypeError('option failoverNodes must be a string')
  const ids = [...new Set(value.match(/[^\s,]+/g) ?? [])]
  if (ids.length === 0) return []
  if (nodes.length < 2) {
    throw new TypeError('option failoverNodes needs several nodes with ids in memcachedNodes')
  }
  const known = nodes.map(({ id }) => id)
  for (const id of ids) {
    if (known.includes(id)) continue
    throw new TypeError(`option failoverNodes: memcachedNodes has no node "${redacted(id)}"`)
  }
  if (ids.length === nodes.length) {
    throw new TypeError('option failoverNodes names all nodes: leave one that is used first')
  }
  return ids
}

/** A mistyped list may hold a URL with a password; it must not reach an error message. */
function redacted(text: string): string {
  return text.replace(/[^\s,]*@/g, '***@')
}
