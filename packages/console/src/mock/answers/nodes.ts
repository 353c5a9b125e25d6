/** Adding, removing, failing over, rebalance and server groups, as the mock does them. */
import type { FailOverPreview, RebalancePreview, RebalanceProgress } from '../../rest/types.ts'
import { field, isCheckOnly, MockRefusal, type MockRequest, type MockRoute } from '../answer.ts'
import { type MockNode, newNode, rangeOf } from '../model.ts'
import type { MockCluster } from '../simulation.ts'
import { wave } from '../wave.ts'
import { groupsAnswer, vBucketsOf } from './pool.ts'

const GROUPS = '/pools/default/serverGroups'

export const nodeRoutes: MockRoute[] = [
  { method: 'POST', path: '/controller/addNode', handle: byLeader(addNode) },
  { method: 'POST', path: `${GROUPS}/:group/addNode`, handle: byLeader(addNode) },
  { method: 'POST', path: '/controller/ejectNode', handle: byLeader(ejectNode) },
  { method: 'POST', path: '/controller/reAddNode', handle: byLeader(reAddNode) },
  { method: 'POST', path: '/controller/failOver', handle: failOver },
  { method: 'POST', path: '/controller/startGracefulFailover', handle: byLeader(failOver) },
  { method: 'POST', path: '/controller/rebalance', handle: byLeader(rebalance) },
  {
    method: 'POST',
    path: '/controller/stopRebalance',
    handle: (_, cluster) => cluster.stopRebalance(),
  },
  { method: 'GET', path: '/pools/default/rebalanceProgress', handle: (_, c) => progress(c) },
  { method: 'GET', path: GROUPS, handle: (_, cluster) => groupsAnswer(cluster) },
  { method: 'POST', path: GROUPS, handle: makeGroup },
  { method: 'PUT', path: GROUPS, handle: moveNodes },
  { method: 'PUT', path: `${GROUPS}/:group`, handle: renameGroup },
  { method: 'DELETE', path: `${GROUPS}/:group`, handle: deleteGroup },
  { method: 'GET', path: '/pools/default/buckets/:bucket/stats/ops', handle: opsByNode },
]

/** Only a leader can do it, and there is none without a majority. */
function byLeader(handle: MockRoute['handle']): MockRoute['handle'] {
  return (request, cluster) => {
    if (cluster.leader) return handle(request, cluster)
    throw new MockRefusal(503, ['No leader: a majority of the members is not reachable.'])
  }
}

function opsByNode({ params }: MockRequest, cluster: MockCluster): object {
  const bucket = cluster.bucket(params.bucket)
  if (!bucket) throw new MockRefusal(404, 'Requested resource not found.\r\n')
  const { nowMs } = cluster
  const opsOf = (node: MockNode): number => {
    const led = bucket.shards.filter((s) => s.primary === node.id && node.isAlive).length
    const base = (bucket.opsBase * led) / bucket.shards.length
    return Math.round(wave(nowMs, { base, seed: node.id }))
  }
  return {
    timestamp: [nowMs],
    nodeStats: Object.fromEntries(cluster.state.nodes.map((n) => [n.hostname, [opsOf(n)]])),
  }
}

function addNode(request: MockRequest, cluster: MockCluster): object {
  const { state } = cluster
  const hostname = field(request, 'hostname') ?? ''
  if (!/^[^:/\s]+(:\d+)?$/.test(hostname)) {
    throw new MockRefusal(400, [`Hostname is required: host[:port], not "${hostname}"`])
  }
  const address = hostname.includes(':') ? hostname : `${hostname}:8091`
  if (state.nodes.some((n) => n.hostname === address)) {
    throw new MockRefusal(400, ['Prepare join failed. Node is already part of cluster.'])
  }
  if (!state.strangers.some((s) => s.hostname === address)) {
    const text = `Prepare join failed. Could not connect to ${address}: connection refused.`
    throw new MockRefusal(400, [text])
  }
  state.strangers = state.strangers.filter((s) => s.hostname !== address)
  const id = 1 + Math.max(...state.nodes.map((n) => n.id))
  const node = newNode(id, address, cluster.nowMs)
  node.membership = 'inactiveAdded'
  node.group = request.params.group ?? state.groups[0] ?? node.group
  state.nodes.push(node)
  cluster.log('info', 'node', `node ${node.otpNode} was added`)
  cluster.changed()
  return { otpNode: node.otpNode }
}

function target(request: MockRequest, cluster: MockCluster): MockNode {
  const node = cluster.named(field(request, 'otpNode'))
  if (!node) throw new MockRefusal(400, 'Unknown server given.\n')
  return node
}

function ejectNode(request: MockRequest, cluster: MockCluster): void {
  const node = target(request, cluster)
  if (node.membership === 'active') throw new MockRefusal(400, 'Cannot remove active server.\n')
  cluster.state.nodes = cluster.state.nodes.filter((n) => n !== node)
  cluster.log('info', 'node', `node ${node.otpNode} was removed`)
  cluster.changed()
}

function reAddNode(request: MockRequest, cluster: MockCluster): void {
  const node = target(request, cluster)
  if (node.membership === 'active') {
    throw new MockRefusal(400, 'The server is active, it was not failed over.\n')
  }
  node.membership = 'inactiveAdded'
  node.ejecting = false
  cluster.changed()
}

function failOver(request: MockRequest, cluster: MockCluster): FailOverPreview | undefined {
  const node = target(request, cluster)
  const isGraceful = request.path.endsWith('startGracefulFailover')
  if (node.membership === 'inactiveAdded') {
    throw new MockRefusal(400, 'Inactive server cannot be failed over.\n')
  }
  if (cluster.dataNodes().every((n) => n === node)) {
    throw new MockRefusal(400, 'The last active server cannot fail over.\n')
  }
  const lost = shardsOnlyOn(cluster, node)
  if (isGraceful && !node.isAlive) {
    throw new MockRefusal(400, 'The server is not reachable: only failOver works.\n')
  }
  if (isGraceful && lost.length > 0) {
    throw new MockRefusal(400, 'Failover cannot be done gracefully (would lose vbuckets).\n')
  }
  if (isCheckOnly(request)) {
    const itemsLost = lost.reduce((sum, s) => sum + s.items, 0)
    const message =
      lost.length === 0
        ? 'Every shard has another copy: nothing is lost.'
        : `${lost.length} shards have no other copy: their items are lost.`
    return { vBuckets: vBucketsOf(cluster, node), shardsWithoutCopy: lost, itemsLost, message }
  }
  cluster.failOver(node, false)
  return undefined
}

function shardsOnlyOn(
  cluster: MockCluster,
  node: MockNode,
): { bucket: string; shard: number; items: number }[] {
  return cluster.state.buckets.flatMap((bucket) =>
    bucket.shards.flatMap(({ copies, items }, shard) => {
      const has = copies.some((c) => c.node === node.id)
      const others = copies.filter((c) => c.node !== node.id && c.synced === 1)
      const isOnly = has && !others.some((c) => cluster.node(c.node)?.isAlive)
      return isOnly ? [{ bucket: bucket.name, shard, items }] : []
    }),
  )
}

function rebalance(request: MockRequest, cluster: MockCluster): RebalancePreview | undefined {
  const { nodes } = cluster.state
  const known = list(field(request, 'knownNodes'))
  if (known.length === 0) throw new MockRefusal(400, { empty_known_nodes: 1 })
  const unknown = known.filter((name) => !cluster.named(name))
  if (unknown.length > 0) throw new MockRefusal(400, { unknownNodes: unknown })
  if (nodes.some((n) => !known.includes(n.otpNode))) throw new MockRefusal(400, { mismatch: 1 })
  const leaving = nodes.filter((n) => list(field(request, 'ejectedNodes')).includes(n.otpNode))
  const staying = nodes.filter((n) => n.membership !== 'inactiveFailed' && !leaving.includes(n))
  if (staying.length === 0) throw new MockRefusal(400, 'No active node would be left.\n')
  if (isCheckOnly(request)) return preview(cluster, leaving)
  cluster.startRebalance(leaving)
  return undefined
}

function list(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((one) => one !== '')
}

/** What would move: the same placement, with the members as they would be. */
function preview(cluster: MockCluster, leaving: readonly MockNode[]): RebalancePreview {
  const { nodes, buckets } = cluster.state
  const before = Object.fromEntries(nodes.map((n) => [n.otpNode, vBucketsOf(cluster, n)]))
  const kept = nodes.map(({ membership, ejecting }) => ({ membership, ejecting }))
  for (const node of nodes) {
    if (node.membership === 'inactiveAdded') node.membership = 'active'
    node.ejecting = leaving.includes(node) || node.membership === 'inactiveFailed'
  }
  const wanted = buckets.map((bucket) => cluster.wanted(bucket))
  nodes.forEach((node, index) => {
    Object.assign(node, kept[index])
  })
  const moves: RebalancePreview['moves'] = []
  const after = Object.fromEntries(nodes.map((n) => [n.otpNode, { active: 0, replica: 0 }]))
  for (const [b, bucket] of buckets.entries()) {
    for (const [shard, { copies, primary, items, bytes }] of bucket.shards.entries()) {
      const goal = wanted[b]?.[shard] ?? { primary: null, nodes: [] }
      const vBuckets = rangeOf(shard, bucket.shards.length)
      const size = vBuckets[1] - vBuckets[0] + 1
      const move = (action: 'addCopy' | 'removeCopy' | 'promote', id: number): void => {
        const otpNode = cluster.node(id)?.otpNode ?? ''
        const moved = action === 'addCopy' ? { bytes, items } : { bytes: 0, items: 0 }
        moves.push({ bucket: bucket.name, shard, vBuckets, action, otpNode, ...moved })
      }
      for (const id of goal.nodes) if (!copies.some((c) => c.node === id)) move('addCopy', id)
      if (goal.primary !== null && goal.primary !== primary) move('promote', goal.primary)
      for (const { node } of copies) if (!goal.nodes.includes(node)) move('removeCopy', node)
      for (const id of goal.nodes) {
        const count = after[cluster.node(id)?.otpNode ?? '']
        if (count) count[id === goal.primary ? 'active' : 'replica'] += size
      }
    }
  }
  const none = { active: 0, replica: 0 }
  return {
    moves,
    bytesToMove: moves.reduce((sum, m) => sum + m.bytes, 0),
    copiesToMake: moves.filter((m) => m.action === 'addCopy').length,
    vBucketsByNode: Object.fromEntries(
      nodes.map(({ otpNode }) => [
        otpNode,
        { before: before[otpNode] ?? none, after: after[otpNode] ?? none },
      ]),
    ),
  }
}

function progress(cluster: MockCluster): RebalanceProgress {
  const { isRebalancing, rebalanceMovesAtStart, nodes } = cluster.state
  if (!isRebalancing) return { status: 'none' }
  const share = 1 - cluster.movesLeft() / rebalanceMovesAtStart
  const each = nodes.map((n) => [n.otpNode, { progress: Math.min(Math.max(share, 0), 1) }])
  return { ...Object.fromEntries(each), status: 'running' }
}

function groupName(request: MockRequest, cluster: MockCluster): string {
  const name = (field(request, 'name') ?? '').trim()
  if (name === '' || name.length > 64) {
    throw new MockRefusal(400, { name: 'must be 1 to 64 characters' })
  }
  if (cluster.state.groups.includes(name)) throw new MockRefusal(400, { name: 'already exists' })
  return name
}

function makeGroup(request: MockRequest, cluster: MockCluster): void {
  cluster.state.groups.push(groupName(request, cluster))
  cluster.changed()
}

function renameGroup(request: MockRequest, cluster: MockCluster): void {
  const { groups, nodes } = cluster.state
  const { group = '' } = request.params
  if (field(request, 'name') === group) return
  const name = groupName(request, cluster)
  groups[groups.indexOf(group)] = name
  for (const node of nodes) if (node.group === group) node.group = name
  cluster.changed()
}

function deleteGroup(request: MockRequest, cluster: MockCluster): void {
  const { groups, nodes } = cluster.state
  const { group = '' } = request.params
  if (groups.length === 1 || nodes.some((n) => n.group === group)) {
    throw new MockRefusal(400, { _: 'group is not empty' })
  }
  cluster.state.groups = groups.filter((one) => one !== group)
  cluster.changed()
}

function moveNodes(request: MockRequest, cluster: MockCluster): void {
  const wanted = request.body.groups as { uri: string; nodes: { otpNode: string }[] }[]
  for (const { uri, nodes } of wanted) {
    const group = decodeURIComponent(uri.slice(GROUPS.length + 1))
    for (const { otpNode } of nodes) {
      const node = cluster.named(otpNode)
      if (node) node.group = group
    }
  }
  cluster.changed()
}
