import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBucketConfig } from '@holdfast/topology'
import { makeBucketLogin } from '../document/bucket-login.ts'
import type { ClusterDocument } from '../document/cluster-document.ts'
import { type MemberStatus, UNKNOWN_STATUS } from '../membership/messages.ts'
import { documentWithBucket } from '../test-support/fixtures.ts'
import { nodeDetailView, poolView } from './pool-view.ts'
import { bucketView, healthOf, revisionOf, terseView, type ViewSource } from './views.ts'

function sourceOf(document: ClusterDocument, away: readonly number[] = []): ViewSource {
  const status: MemberStatus = {
    seq: 1,
    engines: [],
    uptimeSeconds: 5,
    memoryTotalBytes: 1,
    memoryFreeBytes: 1,
    stopping: false,
  }
  return {
    document,
    self: 1,
    version: '1.2.3',
    isLive: (member) => !away.includes(member),
    status: () => status,
    pictures: () => [],
  }
}

function bucketOf(document: ClusterDocument) {
  const [bucket] = document.buckets
  assert.ok(bucket)
  return bucket
}

interface MapView {
  serverList: string[]
  vBucketMap: number[][]
}

function mapOf(view: Record<string, unknown>): MapView {
  return view.vBucketServerMap as MapView
}

test('the map has a row for each vBucket: the active node first, then its replicas', () => {
  const document = documentWithBucket(3)
  const view = bucketView(sourceOf(document), bucketOf(document))
  const { serverList, vBucketMap } = mapOf(view)
  assert.deepEqual(serverList, ['host-1:11210', 'host-2:11210', 'host-3:11210'])
  assert.equal(vBucketMap.length, 1024)
  for (const [index, shard] of bucketOf(document).shards.entries()) {
    const row = [shard.primary, ...shard.replicas].map((id) => (id ?? 0) - 1)
    assert.deepEqual(vBucketMap[index * 256], row)
    assert.deepEqual(vBucketMap[index * 256 + 255], row)
  }
})

test('a missing replica and a missing primary are -1', () => {
  const document = documentWithBucket(2)
  const [first, second] = bucketOf(document).shards
  if (first) first.replicas = []
  if (second) second.primary = null
  const { vBucketMap } = mapOf(bucketView(sourceOf(document), bucketOf(document)))
  assert.equal(vBucketMap[0]?.[1], -1)
  assert.equal(vBucketMap[256]?.[0], -1)
})

test('the answering node comes first in the server list', () => {
  const document = documentWithBucket(3)
  const source = { ...sourceOf(document), self: 2 }
  const { serverList } = mapOf(bucketView(source, bucketOf(document)))
  assert.equal(serverList[0], 'host-2:11210')
})

test('until all shards are created there is no map', () => {
  const document = documentWithBucket(2)
  const [first] = bucketOf(document).shards
  if (first) first.created = false
  assert.deepEqual(mapOf(bucketView(sourceOf(document), bucketOf(document))).vBucketMap, [])
})

test('credentials and engines are shown to proxies only, a password to nobody', async () => {
  const document = documentWithBucket(2)
  const bucket = bucketOf(document)
  bucket.login = await makeBucketLogin('sasl-secret')
  assert.ok(bucket.login)
  const secrets = [
    bucket.engineAdminPassword,
    bucket.engineDataPassword,
    document.secret,
    bucket.login.passwordHash,
    bucket.login.scram.sha256.storedKey,
  ]
  const client = JSON.stringify(bucketView(sourceOf(document), bucket))
  for (const secret of secrets) assert.ok(!client.includes(secret))
  const proxy = JSON.stringify(bucketView(sourceOf(document), bucket, { forProxy: true }))
  assert.ok(proxy.includes(bucket.engineDataPassword))
  assert.ok(!proxy.includes(bucket.engineAdminPassword))
  assert.ok(!proxy.includes(document.secret))
  assert.ok(proxy.includes(bucket.login.scram.sha256.storedKey))
  assert.ok(!proxy.includes(bucket.login.passwordHash))
  assert.equal(bucketView(sourceOf(document), bucket).saslPassword, '')
  assert.equal(bucketView(sourceOf(document), bucket).hasPassword, true)
})

test('the settings of a bucket are shown, so that a form can start from them', () => {
  const document = documentWithBucket(3)
  const { durability, degradedWrites, eviction, persistence } = bucketOf(document)
  const view = bucketView(sourceOf(document), bucketOf(document))
  assert.equal(view.durability, durability)
  assert.equal(view.degradedWrites, degradedWrites)
  assert.equal(view.eviction, eviction)
  assert.equal(view.persistence, persistence)
})

test('what a proxy is told is what a proxy can read', () => {
  const document = documentWithBucket(3)
  const bucket = bucketOf(document)
  const view = bucketView(sourceOf(document), bucket, { forProxy: true })
  const config = parseBucketConfig(JSON.stringify(view))
  const extension = config.holdfast
  assert.ok(extension)
  assert.equal(extension.rev, revisionOf(document))
  assert.equal(extension.durability, 'replicated')
  const [shard] = bucket.shards
  const port = (id: number | null | undefined) =>
    shard?.instances.find((i) => i.member === id)?.port ?? 0
  assert.deepEqual(extension.shards[0], {
    vBuckets: [0, 255],
    primary: `host-${shard?.primary}:${port(shard?.primary)}`,
    replicas: shard?.replicas.map((id) => `host-${id}:${port(id)}`),
  })
})

test('a proxy is told no primary for a shard that has none or was not created', () => {
  const document = documentWithBucket(2)
  const [first, second] = bucketOf(document).shards
  if (first) first.primary = null
  if (second) second.created = false
  const view = bucketView(sourceOf(document), bucketOf(document), { forProxy: true })
  const { shards } = view.holdfast as { shards: { primary: string | null }[] }
  assert.deepEqual(
    shards.map((shard) => shard.primary === null),
    [true, true, false, false],
  )
})

test('the revision grows with every commit, over terms too', () => {
  const document = documentWithBucket(1)
  const revisions = [
    [1, 1],
    [1, 2],
    [1, 2_000_000_000],
    [2, 1],
    [2, 2],
  ].map(([term = 0, rev = 0]) => revisionOf({ ...document, term, rev }))
  assert.deepEqual(
    revisions,
    [...revisions].sort((a, b) => a - b),
  )
  assert.equal(new Set(revisions).size, revisions.length)
  assert.ok(revisions.every(Number.isSafeInteger))
})

test('a node is healthy when it is heard and its engines run, warming up while they start', () => {
  const document = documentWithBucket(2)
  const [member] = document.members
  assert.ok(member)
  assert.equal(healthOf(sourceOf(document), member), 'healthy')
  assert.equal(healthOf(sourceOf(document, [1]), member), 'unhealthy')
  const engine = { ...UNKNOWN_STATUS, bucket: 'b', shard: 0, port: 12_000 }
  const source = sourceOf(document)
  const statuses = (['running', 'loading'] as const).map((state) => ({ ...engine, state }))
  const report = source.status(1)
  assert.ok(report)
  source.status = () => ({ ...report, engines: statuses })
  assert.equal(healthOf(source, member), 'warmup')
})

test('the pool says when a rebalance or a failover is needed', () => {
  const document = documentWithBucket(2)
  const warnings = (source: ViewSource): unknown => poolView(source).failoverWarnings
  assert.deepEqual(warnings(sourceOf(document)), [])
  assert.deepEqual(warnings(sourceOf(document, [2])), ['failoverNeeded'])
  const [, second] = document.members
  if (second) second.membership = 'inactiveAdded'
  assert.deepEqual(warnings(sourceOf(document)), ['hardNodesNeeded', 'rebalanceNeeded'])
  assert.equal(poolView(sourceOf(document)).balanced, false)
})

test('the pool shows no secret', () => {
  const document = documentWithBucket(2)
  document.admin = { username: 'Administrator', passwordHash: 'scrypt$hash' }
  const text = JSON.stringify(poolView(sourceOf(document)))
  for (const secret of [document.secret, 'scrypt$hash', bucketOf(document).engineDataPassword]) {
    assert.ok(!text.includes(secret))
  }
})

test('clients of today find the members at the positions that the map means', () => {
  const document = documentWithBucket(3)
  const source = { ...sourceOf(document), self: 2 }
  const terse = terseView(source, bucketOf(document))
  const { serverList } = mapOf(terse)
  const nodesExt = terse.nodesExt as { hostname: string; services: { kv: number } }[]
  const places = nodesExt.map(({ hostname, services }) => `${hostname}:${services.kv}`)
  assert.deepEqual(places, serverList)
  assert.deepEqual(bucketView(source, bucketOf(document)).nodesExt, nodesExt)
})

test('a later term is a higher epoch', () => {
  const document = { ...documentWithBucket(1), term: 3, rev: 9 }
  const { rev, revEpoch } = terseView(sourceOf(document), bucketOf(document))
  assert.deepEqual([rev, revEpoch], [9, 3])
})

test('a node that knows itself by a loopback address is shown as it was reached', () => {
  const document = documentWithBucket(2)
  for (const member of document.members) member.host = '127.0.0.1'
  const source = { ...sourceOf(document), localAddress: '::ffff:10.0.0.9' }
  const { nodes } = poolView(source) as { nodes: { hostname: string }[] }
  assert.deepEqual(
    nodes.map((node) => node.hostname),
    ['10.0.0.9:8091', '127.0.0.1:8091'],
  )
  assert.equal(mapOf(terseView(source, bucketOf(document))).serverList[0], '10.0.0.9:11210')
})

test('a node in detail tells its storage, and its cookie to the admin only', () => {
  const document = documentWithBucket(1)
  const [member] = document.members
  assert.ok(member)
  const source = sourceOf(document)
  const keys = Object.keys(nodeDetailView(source, member))
  for (const key of ['availableStorage', 'memoryQuota', 'storageTotals', 'storage', 'otpNode']) {
    assert.ok(keys.includes(key), key)
  }
  assert.ok(!keys.includes('otpCookie'))
  const forAdmin = nodeDetailView(source, member, { admin: true })
  assert.ok('otpCookie' in forAdmin)
  assert.ok(!JSON.stringify(forAdmin).includes(document.secret))
})
