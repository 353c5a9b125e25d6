/**
 * The pool and its nodes as Membase's JSON shows them. Pure functions of the document and of what
 * the members report; names and order of fields are the original's.
 */
import { createHash } from 'node:crypto'
import {
  type ClusterDocument,
  type Member,
  otpNodeOf,
  wantedReplicas,
} from '../document/cluster-document.ts'
import { bucketNode, type ViewSource } from './views.ts'

const MEGABYTE = 1024 * 1024
const KILOBYTE = 1024

/** How much a view tells: `stable` leaves out what changes without anybody's doing. */
export type Detail = 'full' | 'stable'

/** The node object of `/pools/default`. */
export function nodeView(
  source: ViewSource,
  member: Member,
  options: { detail?: Detail; admin?: boolean } = {},
): Record<string, unknown> {
  const stable = options.detail === 'stable'
  return {
    ...(stable ? {} : volatileFigures(source, member)),
    ...bucketNode(source, member),
    clusterCompatibility: 1,
    otpNode: otpNodeOf(member),
    ...(options.admin ? { otpCookie: source.document.uuid.replaceAll('-', '') } : {}),
    arbiter: member.arbiter,
    ejecting: member.ejecting,
    serverGroup: member.group,
  }
}

function volatileFigures(source: ViewSource, member: Member): Record<string, unknown> {
  const status = source.status(member.id)
  const figures = source.figures?.(member.id) ?? null
  const engines = status?.engines.filter((e) => e.shard >= 0) ?? []
  const items = (role: string): number =>
    engines.filter((e) => e.role === role).reduce((sum, e) => sum + e.items, 0)
  const usedBytes = engines.reduce((sum, e) => sum + e.memoryBytes, 0)
  return {
    systemStats: {
      cpu_utilization_rate: figures?.cpuPercent ?? 0,
      swap_total: figures?.swapTotalBytes ?? 0,
      swap_used: figures?.swapUsedBytes ?? 0,
    },
    interestingStats: {
      curr_items: items('primary'),
      curr_items_tot: items('primary') + items('replica'),
      vb_replica_curr_items: items('replica'),
    },
    uptime: String(figures?.uptimeSeconds ?? status?.uptimeSeconds ?? 0),
    memoryTotal: figures?.memoryTotalBytes ?? status?.memoryTotalBytes ?? 0,
    memoryFree: figures?.memoryFreeBytes ?? status?.memoryFreeBytes ?? 0,
    mcdMemoryReserved: source.document.memoryQuotaMegabytes,
    mcdMemoryAllocated: Math.round(usedBytes / MEGABYTE),
  }
}

/** The answer of `/nodes/self` and `/nodes/{otpNode}`. */
export function nodeDetailView(
  source: ViewSource,
  member: Member,
  options: { admin?: boolean } = {},
): Record<string, unknown> {
  const disk = source.figures?.(member.id)?.disk
  const usagePercent = disk && disk.totalBytes > 0 ? (disk.usedBytes / disk.totalBytes) * 100 : 0
  const path = disk?.path ?? ''
  return {
    availableStorage: {
      hdd: [
        {
          path,
          sizeKBytes: Math.round((disk?.totalBytes ?? 0) / KILOBYTE),
          usagePercent: Math.round(usagePercent),
        },
      ],
    },
    memoryQuota: source.document.memoryQuotaMegabytes,
    storageTotals: storageTotals(source, [member]),
    storage: { ssd: [], hdd: [{ path, quotaMb: 'none', state: 'ok' }] },
    ...nodeView(source, member, options),
  }
}

export function balanced(source: ViewSource): boolean {
  const { members, rebalancing, rebalance } = source.document
  if (rebalancing || rebalance.stopped) return false
  return members.every((m) => m.membership === 'active' && !m.ejecting)
}

/** The answer of `/pools/default`. */
export function poolView(
  source: ViewSource,
  options: { detail?: Detail; admin?: boolean } = {},
): Record<string, unknown> {
  const { document } = source
  const action = (name: string): { uri: string } => ({ uri: `/controller/${name}` })
  return {
    ...(options.detail === 'stable'
      ? {}
      : { storageTotals: storageTotals(source, dataMembers(document)) }),
    name: 'default',
    alerts: (source.alerts?.() ?? []).map(({ text }) => text),
    nodes: document.members.map((m) => nodeView(source, m, options)),
    buckets: { uri: `/pools/default/buckets?v=${bucketsVersion(document)}` },
    controllers: {
      addNode: action('addNode'),
      rebalance: action('rebalance'),
      failOver: action('failOver'),
      reAddNode: action('reAddNode'),
      ejectNode: action('ejectNode'),
      testWorkload: { uri: '/pools/default/controller/testWorkload' },
    },
    balanced: balanced(source),
    failoverWarnings: failoverWarnings(source),
    rebalanceStatus: document.rebalancing ? 'running' : 'none',
    rebalanceProgressUri: '/pools/default/rebalanceProgress',
    stopRebalanceUri: '/controller/stopRebalance',
    serverGroupsUri: `/pools/default/serverGroups?rev=${document.rev}`,
    nodeStatusesUri: '/nodeStatuses',
    stats: { uri: '/pools/default/stats' },
    clusterName: '',
    memoryQuota: document.memoryQuotaMegabytes,
  }
}

function dataMembers(document: ClusterDocument): Member[] {
  return document.members.filter((m) => m.membership === 'active' && !m.arbiter)
}

/** Changes whenever the list of buckets or a bucket's settings do: a console reads them anew then. */
function bucketsVersion(document: ClusterDocument): number {
  const hash = createHash('sha1')
  for (const { shards, arbiterInstances, ...settings } of document.buckets) {
    hash.update(JSON.stringify(settings))
  }
  return hash.digest().readUInt32BE(0)
}

function storageTotals(source: ViewSource, members: readonly Member[]): Record<string, unknown> {
  const { document } = source
  const totals = {
    ram: { quotaUsed: 0, usedByData: 0, total: 0, quotaTotal: 0, used: 0 },
    hdd: { usedByData: 0, total: 0, quotaTotal: 0, used: 0, free: 0 },
  }
  const { ram, hdd } = totals
  const bucketMegabytes = document.buckets.reduce((sum, b) => sum + b.ramMegabytes, 0)
  for (const member of members) {
    const figures = source.figures?.(member.id)
    const status = source.status(member.id)
    const total = figures?.memoryTotalBytes ?? status?.memoryTotalBytes ?? 0
    const free = figures?.memoryFreeBytes ?? status?.memoryFreeBytes ?? 0
    ram.total += total
    ram.used += total - free
    ram.quotaTotal += document.memoryQuotaMegabytes * MEGABYTE
    ram.quotaUsed += bucketMegabytes * MEGABYTE
    ram.usedByData += status?.engines.reduce((sum, e) => sum + e.memoryBytes, 0) ?? 0
    hdd.total += figures?.disk.totalBytes ?? 0
    hdd.quotaTotal += figures?.disk.totalBytes ?? 0
    hdd.used += figures?.disk.usedBytes ?? 0
    hdd.free += figures?.disk.freeBytes ?? 0
    hdd.usedByData += figures?.dataBytes ?? 0
  }
  return totals
}

function failoverWarnings(source: ViewSource): string[] {
  const { document } = source
  const nodes = dataMembers(document)
  const replicasMax = Math.max(0, ...document.buckets.map((b) => b.replicaCount))
  const warnings: string[] = []
  if (nodes.length < 2) warnings.push('hardNodesNeeded')
  if (nodes.some((m) => !source.isLive(m.id))) warnings.push('failoverNeeded')
  if (!balanced(source)) warnings.push('rebalanceNeeded')
  else if (isShortOfCopies(document)) warnings.push('softRebalanceNeeded')
  if (nodes.length >= 2 && nodes.length < replicasMax + 1) warnings.push('softNodesNeeded')
  return warnings
}

function isShortOfCopies(document: ClusterDocument): boolean {
  return document.buckets.some((bucket) =>
    bucket.shards.some((s) => s.replicas.length < wantedReplicas(document, bucket)),
  )
}
