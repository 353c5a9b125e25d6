import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BucketConfig, parseBucketConfig } from '@holdfast/topology'
import { isNewer, publishBucket, publishCluster } from './published-config.ts'

const OWN = { host: '10.0.0.2', port: 11210, managementPort: 8091 }

function node(host: string, fields: object = {}): object {
  return {
    hostname: `${host}:8091`,
    status: 'healthy',
    clusterMembership: 'active',
    ports: { proxy: 11211, direct: 11210 },
    ...fields,
  }
}

function config(fields: object = {}): BucketConfig {
  const bucket = {
    name: 'shop',
    uuid: 'u',
    bucketType: 'membase',
    saslPassword: 'secret',
    nodeLocator: 'vbucket',
    nodes: [node('10.0.0.1'), node('10.0.0.2', { thisNode: true }), node('10.0.0.3')],
    vBucketServerMap: {
      hashAlgorithm: 'CRC',
      numReplicas: 1,
      serverList: ['10.0.0.2:11210', '10.0.0.1:11210'],
      vBucketMap: [
        [0, 1],
        [1, 0],
      ],
    },
    ...fields,
  }
  return parseBucketConfig(JSON.stringify(bucket))
}

function extensionOf(json: string): { hostname: string; thisNode?: boolean }[] {
  const told = JSON.parse(json) as { nodesExt: { hostname: string; thisNode?: boolean }[] }
  return told.nodesExt
}

test('a bucket without replicated writes does not offer durable ones', () => {
  const offers = (durability: string): boolean => {
    const auth = { username: 'u', password: 'p' }
    const shards = [{ vBuckets: [0, 1023], primary: '10.0.0.2:12000', replicas: [] }]
    const holdfast = { rev: 1, durability, degradedWrites: 'allow', auth, shards }
    const { json } = publishBucket(config({ holdfast }), OWN)
    const told = JSON.parse(json) as { bucketCapabilities: string[] }
    return told.bucketCapabilities.includes('durableWrite')
  }
  assert.equal(offers('replicated'), true)
  assert.equal(offers('none'), false)
})

test('nodes stand in the order of the server list, the others behind', () => {
  const published = publishBucket(config(), OWN)
  assert.equal(published.self, 0)
  assert.deepEqual(
    extensionOf(published.json).map(({ hostname, thisNode }) => [hostname, thisNode]),
    [
      ['10.0.0.2', true],
      ['10.0.0.1', undefined],
      ['10.0.0.3', undefined],
    ],
  )
  const { nodes } = JSON.parse(published.json) as { nodes: { hostname: string }[] }
  assert.deepEqual(
    nodes.map(({ hostname }) => hostname),
    ['10.0.0.2:8091', '10.0.0.1:8091', '10.0.0.3:8091'],
  )
})

test('a node that holds nothing of the bucket names itself all the same', () => {
  const nodes = [node('10.0.0.1'), node('10.0.0.2'), node('10.0.0.3', { thisNode: true })]
  const published = publishBucket(config({ nodes }), { ...OWN, host: '10.0.0.3' })
  assert.equal(published.self, -1)
  const own = extensionOf(published.json).filter(({ thisNode }) => thisNode === true)
  assert.deepEqual(
    own.map(({ hostname }) => hostname),
    ['10.0.0.3'],
  )
})

test('failed over nodes that serve nothing are not told', () => {
  const failed = node('10.0.0.3', { clusterMembership: 'inactiveFailed' })
  const nodes = [node('10.0.0.1'), node('10.0.0.2', { thisNode: true }), failed]
  const published = publishBucket(config({ nodes }), OWN)
  assert.equal(extensionOf(published.json).length, 2)
})

test('tells no password, and the map as it is', () => {
  const { json } = publishBucket(config(), OWN)
  assert.doesNotMatch(json, /secret/)
  assert.deepEqual(parseBucketConfig(json).vBucketMap, [
    [0, 1],
    [1, 0],
  ])
})

test('there is no config without a node, also when nothing is known', () => {
  for (const published of [publishCluster(undefined, OWN), publishCluster(config(), OWN)]) {
    assert.ok(extensionOf(published.json).some(({ thisNode }) => thisNode === true))
  }
  const bare = publishBucket(config({ nodes: [] }), OWN)
  assert.equal(extensionOf(bare.json).length, 2)
})

test('a memcached bucket has no map', () => {
  const { json } = publishBucket(
    config({ nodeLocator: 'ketama', bucketType: 'memcached', vBucketServerMap: undefined }),
    OWN,
  )
  assert.doesNotMatch(json, /vBucketServerMap/)
  assert.match(json, /"nodeLocator":"ketama"/)
})

test('a mere revision changes the config, and nothing of its content', () => {
  const [one, other] = [config({ rev: 4 }), config({ rev: 5 })]
  const [first, second] = [publishBucket(one, OWN), publishBucket(other, OWN)]
  assert.notEqual(first.json, second.json)
  assert.equal(first.content, second.content)
  assert.ok(isNewer(other, one))
  assert.ok(!isNewer(one, other))
  assert.ok(isNewer(config({ rev: 1, revEpoch: 3 }), other))
})

test('an IPv6 host is told without its brackets', () => {
  const nodes = [node('[::1]', { thisNode: true })]
  const map = { numReplicas: 0, serverList: ['[::1]:11210'], vBucketMap: [[0]] }
  const { json } = publishBucket(config({ nodes, vBucketServerMap: map }), OWN)
  assert.deepEqual(
    extensionOf(json).map(({ hostname }) => hostname),
    ['::1'],
  )
})
