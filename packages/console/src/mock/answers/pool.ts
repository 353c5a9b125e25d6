/** The pool, its nodes, topology and server groups, as the mock answers them. */
import type { Pool, PoolNode, ServerGroups, Topology, TopologyBucket } from '../../rest/types.ts'
import type { MockRoute } from '../answer.ts'
import { MockRefusal } from '../answer.ts'
import {
  GIGABYTE,
  MEGABYTE,
  type MockBucket,
  type MockCopy,
  type MockNode,
  rangeOf,
} from '../model.ts'
import type { MockCluster } from '../simulation.ts'
import { wave } from '../wave.ts'

export const VERSION = '0.1.0-mock'

export const poolRoutes: MockRoute[] = [
  { method: 'GET', path: '/health', access: 'open', handle: () => ({ ok: true }) },
  {
    method: 'GET',
    path: '/pools/default',
    handle: ({ node }, cluster) => poolAnswer(cluster, node),
  },
  { method: 'GET', path: '/pools/default/topology', handle: (_, cluster) => topology(cluster) },
  {
    method: 'GET',
    path: '/nodes/self',
    handle: ({ node }, cluster) => detail(cluster, node),
  },
  {
    method: 'GET',
    path: '/nodes/:otpNode',
    handle: ({ params }, cluster) => {
      const node = cluster.named(params.otpNode)
      if (!node) throw new MockRefusal(404, 'Requested resource not found.\r\n')
      return detail(cluster, node)
    },
  },
]

export function poolAnswer(cluster: MockCluster, asked: MockNode): Pool {
  const { state } = cluster
  const usedByData = sum(state.nodes.map((n) => memoryOf(cluster, n)))
  const count = cluster.dataNodes().length
  const ramMegabytes = sum(state.buckets.map((b) => b.ramMegabytes))
  return {
    name: 'default',
    alerts: cluster.alerts().map(({ text }) => text),
    nodes: state.nodes.map((node) => poolNode(cluster, node, asked)),
    balanced: !state.isRebalancing && !state.wasStopped && cluster.movesLeft() === 0,
    failoverWarnings: warnings(cluster),
    rebalanceStatus: state.isRebalancing ? 'running' : 'none',
    memoryQuota: state.memoryQuota,
    storageTotals: {
      ram: {
        quotaUsed: ramMegabytes * MEGABYTE * count,
        usedByData,
        total: 16 * GIGABYTE * count,
        quotaTotal: state.memoryQuota * MEGABYTE * count,
        used: 7 * GIGABYTE * count,
      },
      hdd: {
        usedByData: usedByData * 1.3,
        total: 200 * GIGABYTE * count,
        quotaTotal: 200 * GIGABYTE * count,
        used: 61 * GIGABYTE * count,
        free: 139 * GIGABYTE * count,
      },
    },
  }
}

export function poolNode(cluster: MockCluster, node: MockNode, asked: MockNode | null): PoolNode {
  const { nowMs } = cluster
  const [active, all] = itemsOf(cluster, node)
  return {
    hostname: node.hostname,
    otpNode: node.otpNode,
    status: node.isAlive ? 'healthy' : 'unhealthy',
    clusterMembership: node.membership,
    replication: 1,
    version: VERSION,
    os: 'x64-linux',
    ports: { proxy: 11_211, direct: 11_210 },
    ...(node === asked ? { thisNode: true } : {}),
    uptime: String(Math.round((nowMs - node.startedMs) / 1000)),
    memoryTotal: 16 * GIGABYTE,
    memoryFree: 9 * GIGABYTE,
    mcdMemoryReserved: cluster.state.memoryQuota,
    mcdMemoryAllocated: Math.round(memoryOf(cluster, node) / MEGABYTE),
    systemStats: {
      cpu_utilization_rate: node.isAlive ? wave(nowMs, { base: 24, seed: node.id }) : 0,
      swap_total: 2 * GIGABYTE,
      swap_used: 0,
    },
    interestingStats: {
      curr_items: active,
      curr_items_tot: all,
      vb_replica_curr_items: all - active,
    },
    arbiter: node.arbiter,
    ejecting: node.ejecting,
    serverGroup: node.group,
  }
}

function detail(cluster: MockCluster, node: MockNode): object {
  return {
    availableStorage: {
      hdd: [{ path: '/var/lib/holdfast', sizeKBytes: 200 * 1024 * 1024, usagePercent: 31 }],
    },
    memoryQuota: cluster.state.memoryQuota,
    storageTotals: poolAnswer(cluster, node).storageTotals,
    storage: { ssd: [], hdd: [{ path: '/var/lib/holdfast', quotaMb: 'none', state: 'ok' }] },
    ...poolNode(cluster, node, node),
  }
}

export function topology(cluster: MockCluster): Topology {
  const { state } = cluster
  return {
    rev: state.rev,
    leader: cluster.leader?.otpNode ?? null,
    nodes: state.nodes.map((node) => ({
      otpNode: node.otpNode,
      hostname: node.hostname,
      serverGroup: node.group,
      arbiter: node.arbiter,
      clusterMembership: node.membership,
      status: node.isAlive ? 'healthy' : 'unhealthy',
      isLeader: node === cluster.leader,
      vBuckets: vBucketsOf(cluster, node),
      engines: enginesOf(cluster, node),
    })),
    buckets: state.buckets.map((bucket) => topologyBucket(cluster, bucket)),
    health: cluster.health(),
  }
}

function topologyBucket(cluster: MockCluster, bucket: MockBucket): TopologyBucket {
  const nameOf = (id: number | null): string | null =>
    id === null ? null : (cluster.node(id)?.otpNode ?? null)
  return {
    name: bucket.name,
    type: bucket.type,
    replicaNumber: bucket.replicaCount,
    wantedReplicas: cluster.wantedReplicas(bucket),
    shards: bucket.shards.map((shard, index) => ({
      shard: index,
      vBuckets: rangeOf(index, bucket.shards.length),
      primary: nameOf(shard.primary),
      copies: shard.copies.map((copy) => ({
        otpNode: nameOf(copy.node) ?? '',
        role: copy.node === shard.primary ? 'primary' : 'replica',
        inSync: copy.synced === 1,
        state: stateOf(cluster, copy),
        items: Math.round(shard.items * copy.synced),
        memoryBytes: Math.round(shard.bytes * copy.synced),
        lagBytes: copy.synced === 1 ? 0 : Math.round(shard.bytes * (1 - copy.synced)),
      })),
    })),
  }
}

function stateOf(cluster: MockCluster, { node, synced }: MockCopy): string {
  if (!cluster.node(node)?.isAlive) return 'stopped'
  return synced === 1 ? 'running' : 'syncing'
}

export function vBucketsOf(
  cluster: MockCluster,
  node: MockNode,
): { active: number; replica: number } {
  const found = { active: 0, replica: 0 }
  for (const bucket of cluster.state.buckets) {
    for (const [index, shard] of bucket.shards.entries()) {
      const [from, to] = rangeOf(index, bucket.shards.length)
      if (shard.primary === node.id) found.active += to - from + 1
      else if (shard.copies.some((c) => c.node === node.id)) found.replica += to - from + 1
    }
  }
  return found
}

function enginesOf(cluster: MockCluster, node: MockNode): { running: number; wanted: number } {
  const wanted = cluster.state.buckets
    .flatMap((b) => b.shards)
    .filter((s) => s.copies.some((c) => c.node === node.id)).length
  return { running: node.isAlive ? wanted : 0, wanted }
}

function itemsOf(cluster: MockCluster, node: MockNode): [active: number, all: number] {
  let active = 0
  let all = 0
  for (const shard of cluster.state.buckets.flatMap((b) => b.shards)) {
    const copy = shard.copies.find((c) => c.node === node.id)
    if (!copy) continue
    all += Math.round(shard.items * copy.synced)
    if (shard.primary === node.id) active += shard.items
  }
  return [active, all]
}

function memoryOf(cluster: MockCluster, node: MockNode): number {
  let total = 0
  for (const shard of cluster.state.buckets.flatMap((b) => b.shards)) {
    total += shard.bytes * (shard.copies.find((c) => c.node === node.id)?.synced ?? 0)
  }
  return Math.round(total)
}

function warnings(cluster: MockCluster): string[] {
  const nodes = cluster.dataNodes()
  const list: string[] = []
  if (nodes.length < 2) list.push('hardNodesNeeded')
  if (nodes.some((n) => !n.isAlive)) list.push('failoverNeeded')
  const isOpen = cluster.state.nodes.some((n) => n.membership !== 'active')
  if (isOpen || cluster.state.wasStopped) list.push('rebalanceNeeded')
  return list
}

export function groupsAnswer(cluster: MockCluster): ServerGroups {
  const { groups, nodes, rev } = cluster.state
  return {
    groups: groups.map((name) => {
      const uri = `/pools/default/serverGroups/${encodeURIComponent(name)}`
      return {
        name,
        uri,
        addNodeURI: `${uri}/addNode`,
        nodes: nodes.filter((n) => n.group === name).map((n) => poolNode(cluster, n, null)),
      }
    }),
    uri: `/pools/default/serverGroups?rev=${rev}`,
  }
}

function sum(list: readonly number[]): number {
  return list.reduce((total, one) => total + one, 0)
}
