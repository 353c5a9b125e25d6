/**
 * What the picture shows, from what the REST says: applications, proxies, servers with the copies
 * of shards on each. Gateways are the proxies of the servers themselves and stand as one. Pure.
 */
import { nodeWords } from '../../node-words.ts'
import type { Tone } from '../../parts/tone.ts'
import { count, counted } from '../../parts/units.ts'
import type { Proxies, Topology, TopologyNode } from '../../rest/types.ts'

/** More are told as "and n more". */
const SHOWN_MAX = 10

/** Stands where there is none. */
export const NOBODY = 'nobody'

export interface PictureBox {
  id: string
  name: string
  detail: string
  tone: Tone
}

export type CellRole = 'primary' | 'replica' | 'syncing' | 'stopped'

export interface PictureCell {
  shard: number
  role: CellRole
}

export interface PictureRow {
  bucket: string
  shardCount: number
  cells: PictureCell[]
}

export interface PictureNode extends PictureBox {
  isUp: boolean
  rows: PictureRow[]
}

export interface Picture {
  apps: PictureBox[]
  proxies: PictureBox[]
  nodes: PictureNode[]
}

export function pictureOf(topology: Topology, proxies: Proxies | null): Picture {
  const list = (proxies?.proxies ?? []).filter(({ kind }) => kind !== 'session')
  const own = list.filter(({ kind }) => kind === 'proxy')
  const gateways = list.filter(({ kind }) => kind === 'gateway')
  const boxes = own.map((proxy) => ({
    id: proxy.id,
    name: proxy.hostname,
    detail: `${count(proxy.operationsPerSecond)} ops/s${proxy.upToDate ? '' : ', old map'}`,
    tone: proxy.upToDate ? ('good' as const) : ('warning' as const),
  }))
  const connections = sum(gateways.map((g) => g.upstreamConnections))
  if (gateways.length > 0) {
    boxes.push({
      id: 'gateways',
      name: counted(gateways.length, 'gateway'),
      detail: `${count(sum(gateways.map((g) => g.operationsPerSecond)))} ops/s, on servers`,
      tone: 'good',
    })
  }
  const apps = appsOf(own)
  if (connections > 0) {
    const others = gateways.flatMap((g) => g.clients.map((c) => c.address))
    apps.push({
      id: 'gateway clients',
      name: `${counted(new Set(others).size, 'other client')}`,
      detail: counted(connections, 'connection'),
      tone: 'plain',
    })
  }
  return {
    apps: bounded(apps, 'applications'),
    proxies: bounded(boxes, 'proxies'),
    nodes: topology.nodes.map((node) => nodeOf(node, topology)),
  }
}

/** Applications by host: a proxy on the application's own host is reached by loopback. */
function appsOf(proxies: Proxies['proxies']): PictureBox[] {
  const connections = new Map<string, number>()
  for (const { hostname, clients } of proxies) {
    for (const client of clients) {
      const isLocal = /^(127\.|::1|localhost)/.test(client.address)
      const name = isLocal ? hostOf(hostname) : client.address
      connections.set(name, (connections.get(name) ?? 0) + client.connections)
    }
  }
  return [...connections].map(([name, number]) => ({
    id: name,
    name,
    detail: counted(number, 'connection'),
    tone: 'plain' as const,
  }))
}

function hostOf(hostname: string): string {
  return hostname.replace(/:\d+$/, '')
}

function bounded(boxes: PictureBox[], what: string): PictureBox[] {
  if (boxes.length === 0) {
    return [{ id: NOBODY, name: 'None seen yet', detail: '', tone: 'plain' }]
  }
  if (boxes.length <= SHOWN_MAX) return boxes
  const more = boxes.length - SHOWN_MAX + 1
  const rest = { id: 'more', name: `and ${more} more ${what}`, detail: '', tone: 'plain' as const }
  return [...boxes.slice(0, SHOWN_MAX - 1), rest]
}

function nodeOf(node: TopologyNode, topology: Topology): PictureNode {
  const { word, tone } = nodeWords(node)
  return {
    id: node.otpNode,
    name: node.hostname,
    detail: node.isLeader ? `${word}, leader` : word,
    tone,
    isUp: node.status !== 'unhealthy',
    rows: node.arbiter ? [] : topology.buckets.map((bucket) => rowOf(node, bucket)),
  }
}

function rowOf(node: TopologyNode, bucket: Topology['buckets'][number]): PictureRow {
  const cells: PictureCell[] = []
  for (const { shard, copies, primary } of bucket.shards) {
    const copy = copies.find((one) => one.otpNode === node.otpNode)
    if (!copy) continue
    const isServed = node.status !== 'unhealthy' && copy.state !== 'stopped'
    const role = primary === node.otpNode ? 'primary' : copy.inSync ? 'replica' : 'syncing'
    cells.push({ shard, role: isServed ? role : 'stopped' })
  }
  return { bucket: bucket.name, shardCount: bucket.shards.length, cells }
}

/** A row in words: `primary of shards 0, 3, 6; replica of 1, 4`. */
export function rowInWords({ cells }: PictureRow): string {
  const named: [CellRole, string][] = [
    ['primary', 'primary of'],
    ['replica', 'replica of'],
    ['syncing', 'being copied:'],
    ['stopped', 'no answer:'],
  ]
  const parts = named.flatMap(([role, words]) => {
    const shards = cells.filter((c) => c.role === role).map((c) => c.shard)
    return shards.length > 0 ? [`${words} ${shards.join(', ')}`] : []
  })
  return parts.length > 0 ? parts.join('; ') : 'nothing'
}

function sum(list: readonly number[]): number {
  return list.reduce((total, one) => total + one, 0)
}
