/*
 * The setting `memcachedNodes`: one bare `host:port` (ids carry no node id), or a list of
 * `<id>:<host>:<port>` separated by spaces or commas, as in memcached-session-manager.
 *
 * Pure. Each mistake is a TypeError that says what is wrong and at which position of the text.
 */
export interface NodeAddress {
  /** Undefined for the single bare `host:port`. */
  id: string | undefined
  host: string
  port: number
}

export const NODES_MAX = 64

const NODE = /^(?:(\w{1,15}):)?(\[[0-9A-Fa-f:.]+\]|[^:\s,[\]/@]+):(\d{1,5})$/

export function parseMemcachedNodes(text: unknown): NodeAddress[] {
  if (typeof text !== 'string' || text.trim() === '') {
    throw new TypeError(
      'option memcachedNodes is required: "host:port" or a list like "n1:localhost:11311"',
    )
  }
  const nodes: NodeAddress[] = []
  for (const match of text.matchAll(/[^\s,]+/g)) {
    nodes.push(parseNode(match[0], match.index, text))
    if (nodes.length > NODES_MAX) {
      throw new TypeError(`option memcachedNodes: more than ${NODES_MAX} nodes`)
    }
  }
  if (nodes.length === 0) throw new TypeError('option memcachedNodes: no node found')
  checkIds(nodes, text)
  return nodes
}

function parseNode(word: string, index: number, text: string): NodeAddress {
  const where = `option memcachedNodes: "${redacted(word)}" at position ${index} of "${redacted(text)}"`
  if (/^\w+:\/\//.test(word)) {
    throw new TypeError(
      `option memcachedNodes: a URL at position ${index} is not supported: ` +
        'name the memcached port of the local proxy as "host:port"',
    )
  }
  const match = NODE.exec(word)
  const host = match?.[2]
  if (match === null || host === undefined) {
    throw new TypeError(`${where} is neither <id>:<host>:<port> nor <host>:<port>`)
  }
  const port = Number(match[3])
  if (port < 1 || port > 65535) throw new TypeError(`${where} has a port outside 1-65535`)
  return { id: match[1], host: host.replace(/^\[|\]$/g, ''), port }
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

/** A mistyped list may hold a URL with a password; it must not reach an error message. */
function redacted(text: string): string {
  return text.replace(/[^\s,]*@/g, '***@')
}
