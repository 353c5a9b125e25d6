/** `proxy-list`: the proxies that follow the cluster, as the store knows them from their reports. */
import { z } from 'zod'
import type { ClusterCommand } from './command.ts'

const proxySchema = z.looseObject({
  hostname: z.string(),
  pid: z.number(),
  version: z.string(),
  kind: z.string(),
  node: z.string(),
  upToDate: z.boolean(),
  upstreamConnections: z.number(),
  operationsPerSecond: z.number(),
  errors: z.number(),
  getP99Ms: z.number().nullable(),
})
const answerSchema = z.object({
  proxies: z.array(proxySchema),
  missing: z.array(z.string()).optional(),
})
type Proxy = z.infer<typeof proxySchema>

const HEADINGS = [
  ...['host:pid', 'kind', 'version', 'follows', 'map', 'connections', 'ops/s', 'errors', 'get p99'],
]

export const proxyCommands: readonly ClusterCommand[] = [
  {
    name: 'proxy-list',
    group: 'Servers',
    description:
      'list proxies and gateways: the node each follows, its map, connections, operations, errors',
    options: [],
    run: async ({ rest }) => {
      const value = answerSchema.parse(await rest.get('/proxies'))
      const { proxies, missing = [] } = value
      const lines = aligned([HEADINGS, ...proxies.map(cells)])
      const silent = missing.map(
        (node) => `WARNING: ${node} does not answer: its proxies are missing`,
      )
      return {
        lines: proxies.length === 0 ? ['no proxies', ...silent] : [...lines, ...silent],
        value,
      }
    },
  },
]

function cells(proxy: Proxy): string[] {
  const { hostname, pid, kind, version, node, upToDate, upstreamConnections } = proxy
  const { operationsPerSecond, errors, getP99Ms } = proxy
  return [
    ...[`${hostname}:${pid}`, kind, version, node, upToDate ? 'current' : 'old'],
    ...[upstreamConnections, Math.round(operationsPerSecond), errors].map(String),
    getP99Ms === null ? '-' : `${getP99Ms.toFixed(1)} ms`,
  ]
}

function aligned(rows: readonly string[][]): string[] {
  const widths = HEADINGS.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(' ')
      .trimEnd(),
  )
}
