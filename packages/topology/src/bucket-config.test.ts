import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { HoldfastExtension } from './bucket-config.ts'
import { type BucketConfigInput, buildBucketConfig } from './build-bucket-config.ts'
import { ConfigError } from './config-error.ts'
import { parseBucketConfig, parseBucketConfigs } from './parse-bucket-config.ts'
import { shardRanges } from './shards.ts'

const NODE = {
  hostname: '10.0.0.1:8091',
  status: 'healthy',
  clusterMembership: 'active',
  version: '1.7.2',
  os: 'x86_64-unknown-linux-gnu',
  ports: { proxy: 11211, direct: 11210 },
} as const

const INPUT: BucketConfigInput = {
  name: 'default',
  bucketType: 'membase',
  nodes: [NODE, { ...NODE, hostname: '10.0.0.2:8091' }],
  serverList: ['10.0.0.1:11210', '10.0.0.2:11210'],
  vBucketMap: [
    [0, 1],
    [1, 0],
    [0, 1],
    [1, -1],
  ],
  vBucketMapForward: [
    [0, 1],
    [1, 0],
    [1, 0],
    [1, 0],
  ],
  replicaNumber: 1,
  quota: { ram: 209715200, rawRAM: 104857600 },
  basicStats: {
    quotaPercentUsed: 0.05,
    opsPerSec: 0,
    diskFetches: 0,
    itemCount: 1,
    diskUsed: 660033,
    memUsed: 1276497,
  },
}

const HOLDFAST: HoldfastExtension = {
  rev: 17,
  durability: 'replicated',
  degradedWrites: 'refuse',
  shards: [
    { vBuckets: [0, 511], primary: '127.0.0.1:12000', replicas: ['127.0.0.1:12100'] },
    { vBuckets: [512, 1023], primary: null, replicas: [] },
  ],
  auth: { username: 'holdfast-data', password: 'secret' },
}

test('a membase bucket is built member by member as the original shows it', () => {
  const node = (host: string): string =>
    `{"replication":1,"clusterMembership":"active","status":"healthy","hostname":"${host}:8091",` +
    '"clusterCompatibility":1,"version":"1.7.2","os":"x86_64-unknown-linux-gnu",' +
    '"ports":{"proxy":11211,"direct":11210}}'
  assert.equal(
    JSON.stringify(buildBucketConfig(INPUT)),
    '{"name":"default","bucketType":"membase","authType":"sasl","saslPassword":"","proxyPort":0,' +
      '"uri":"/pools/default/buckets/default",' +
      '"streamingUri":"/pools/default/bucketsStreaming/default",' +
      '"flushCacheUri":"/pools/default/buckets/default/controller/doFlush",' +
      `"nodes":[${node('10.0.0.1')},${node('10.0.0.2')}],` +
      '"stats":{"uri":"/pools/default/buckets/default/stats",' +
      '"directoryURI":"/pools/default/buckets/default/statsDirectory",' +
      '"nodeStatsListURI":"/pools/default/buckets/default/nodes"},"nodeLocator":"vbucket",' +
      '"vBucketServerMap":{"hashAlgorithm":"CRC","numReplicas":1,' +
      '"serverList":["10.0.0.1:11210","10.0.0.2:11210"],' +
      '"vBucketMap":[[0,1],[1,0],[0,1],[1,-1]],"vBucketMapForward":[[0,1],[1,0],[1,0],[1,0]]},' +
      '"replicaNumber":1,"quota":{"ram":209715200,"rawRAM":104857600},' +
      '"basicStats":{"quotaPercentUsed":0.05,"opsPerSec":0,"diskFetches":0,"itemCount":1,' +
      '"diskUsed":660033,"memUsed":1276497}}',
  )
})

test('what is built parses back to what it was built from', () => {
  const json = JSON.stringify(buildBucketConfig({ ...INPUT, uuid: 'u-1', holdfast: HOLDFAST }))
  assert.deepEqual(parseBucketConfig(json), {
    name: 'default',
    bucketType: 'membase',
    uuid: 'u-1',
    rev: null,
    revEpoch: 0,
    saslPassword: '',
    proxyPort: 0,
    nodeLocator: 'vbucket',
    nodes: INPUT.nodes.map(({ hostname, status, clusterMembership, ports }) => ({
      hostname,
      status,
      clusterMembership,
      ports,
    })),
    serverList: INPUT.serverList,
    numReplicas: 1,
    vBucketMap: INPUT.vBucketMap,
    vBucketMapForward: INPUT.vBucketMapForward,
    holdfast: HOLDFAST,
  })
})

test('any shards that cover the vBuckets round-trip', () => {
  const address = fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 65_535 })).map((a) => a.join(':'))
  const routes = fc.integer({ min: 1, max: 1024 }).chain((count) =>
    fc
      .tuple(
        ...shardRanges(count)
          .slice(0, 64)
          .map(() => fc.tuple(fc.option(address), fc.array(address, { maxLength: 3 }))),
      )
      .map((lives) =>
        shardRanges(count).map((vBuckets, shard) => {
          const [primary, replicas] = lives[shard] ?? [null, []]
          return { vBuckets, primary, replicas }
        }),
      ),
  )
  fc.assert(
    fc.property(routes, (shards) => {
      const holdfast: HoldfastExtension = { ...HOLDFAST, shards }
      const json = JSON.stringify(buildBucketConfig({ ...INPUT, holdfast }))
      assert.deepEqual(parseBucketConfig(json).holdfast, holdfast)
    }),
    { numRuns: 30 },
  )
})

test('a memcached bucket has no map and is served by its healthy nodes', () => {
  const object = buildBucketConfig({
    ...INPUT,
    name: 'c%d',
    bucketType: 'memcached',
    saslPassword: 'pw',
    nodes: [NODE, { ...NODE, hostname: '10.0.0.2:8091', status: 'unhealthy' }],
    vBucketMap: [],
    replicaNumber: 0,
  })
  assert.equal('vBucketServerMap' in object, false)
  assert.equal(object.uri, '/pools/default/buckets/c%25d')
  const config = parseBucketConfig(JSON.stringify(object))
  assert.equal(config.bucketType, 'memcached')
  assert.equal(config.nodeLocator, 'ketama')
  assert.equal(config.saslPassword, 'pw')
  assert.deepEqual(config.serverList, ['10.0.0.1:11210'])
  assert.deepEqual(config.vBucketMap, [])
  assert.equal(config.holdfast, null)
})

test('an envelope, one bucket and a bare map are all understood', () => {
  const map =
    '{"hashAlgorithm":"CRC","numReplicas":0,"serverList":["$HOST:1"],"vBucketMap":[[0],[-1]]}'
  const bare = parseBucketConfig(map)
  assert.equal(bare.name, 'default')
  assert.deepEqual(bare.serverList, ['localhost:1'])
  assert.deepEqual(bare.vBucketMap, [[0], [-1]])
  const bucket = `{"name":"b","saslPassword":"p","vBucketServerMap":${map}}`
  assert.deepEqual(parseBucketConfig(bucket, { host: '10.9.9.9' }).serverList, ['10.9.9.9:1'])
  const names = parseBucketConfigs(`{"buckets":[{"vBucketServerMap":${map}},${bucket}]}`)
  assert.deepEqual(
    names.map(({ name }) => name),
    ['default', 'b'],
  )
  assert.deepEqual(parseBucketConfigs('{"buckets":[]}'), [])
})

test('one unusable bucket of several is left out and reported', () => {
  const good = '{"name":"good","nodeLocator":"ketama","vBucketServerMap":{"serverList":["a:1"]}}'
  const json = `{"buckets":[{"name":"new","vBucketServerMap":{}},${good}]}`
  const reported: string[] = []
  const configs = parseBucketConfigs(json, {
    onUnusable: (name, error) => reported.push(`${name}: ${error.message}`),
  })
  assert.deepEqual(
    configs.map(({ name }) => name),
    ['good'],
  )
  assert.deepEqual(reported, ['new: Expected number <= 4 for numReplicas'])
  assert.throws(() => parseBucketConfigs(json), ConfigError)
})

test('a memcached bucket with engines is usable without a healthy node', () => {
  const nodes = [{ ...NODE, status: 'warmup' as const }]
  const input: BucketConfigInput = { ...INPUT, bucketType: 'memcached', nodes }
  const json = JSON.stringify(buildBucketConfig({ ...input, holdfast: HOLDFAST }))
  assert.deepEqual(parseBucketConfig(json).serverList, [])
  assert.deepEqual(parseBucketConfig(json).holdfast, HOLDFAST)
  assert.throws(() => parseBucketConfig(JSON.stringify(buildBucketConfig(input))), ConfigError)
})

test('a ketama bucket may name its servers itself', () => {
  const config = parseBucketConfig(
    '{"nodeLocator":"ketama","vBucketServerMap":{"serverList":["a:11211","b:11211"]}}',
  )
  assert.deepEqual(config.serverList, ['a:11211', 'b:11211'])
})

const map = (members: object): string =>
  JSON.stringify({
    vBucketServerMap: {
      numReplicas: 1,
      serverList: ['a:1', 'b:1'],
      vBucketMap: [[0, 1]],
      ...members,
    },
  })
const extended = (members: object): string =>
  JSON.stringify(buildBucketConfig({ ...INPUT, holdfast: { ...HOLDFAST, ...members } }))

test('a bucket says whether its replicas may be read', () => {
  assert.equal(parseBucketConfig(extended({ replicaReads: true })).holdfast?.replicaReads, true)
  assert.equal(parseBucketConfig(extended({})).holdfast?.replicaReads, undefined)
  const key = { salt: 'c2FsdA==', iterations: 4096, storedKey: 'aw==', serverKey: 'aw==' }
  const login = { sha512: key, sha256: key, sha1: key }
  assert.deepEqual(parseBucketConfig(extended({ login })).holdfast?.login, login)
  assert.equal(parseBucketConfig(extended({ login: null })).holdfast?.login, null)
  const admin = { username: 'Administrator', login }
  assert.deepEqual(parseBucketConfig(extended({ admin })).holdfast?.admin, admin)
})

test('an unusable config is refused with the reason that moxi gives', () => {
  const cases: [json: string, why: string][] = [
    ['', 'invalid, empty config from REST server'],
    ['[]', 'Expected an object'],
    ['{"buckets":[]}', 'No buckets available'],
    ['{"buckets":[1]}', 'Expected an object'],
    ['{"buckets":{}}', 'Expected array for buckets'],
    ['{}', 'Expected object for vBucketServerMap'],
    ['{"nodeLocator":"x"}', 'Expected vbucket or ketama for nodeLocator'],
    [map({ vBucketMap: [] }), 'No vBuckets available; service maybe still initializing'],
    [map({ vBucketMap: 1 }), 'Expected array for vBucketMap'],
    [map({ numReplicas: 5 }), 'Expected number <= 4 for numReplicas'],
    [map({ numReplicas: '1' }), 'Expected number <= 4 for numReplicas'],
    [map({ serverList: [] }), 'Empty serverList'],
    [map({ serverList: 'a' }), 'Expected array for serverList'],
    [map({ serverList: [1] }), 'Expected string for serverList'],
    [
      map({
        vBucketMap: [
          [0, 1],
          [0, 1],
          [0, 1],
        ],
      }),
      'Number of vBuckets must be a power of two > 0 and <= 65536',
    ],
    [map({ vBucketMap: [[0, 2]] }), 'Server ID must be >= -1 and < num_servers'],
    [map({ vBucketMap: [[0, -2]] }), 'Server ID must be >= -1 and < num_servers'],
    [
      map({ vBucketMap: [[0]] }),
      'Expected array of arrays each with numReplicas + 1 ints for vBucketMap',
    ],
    [
      map({ vBucketMap: [[0, '1']] }),
      'Expected array of arrays each with numReplicas + 1 ints for vBucketMap',
    ],
    [
      map({
        vBucketMapForward: [
          [0, 1],
          [0, 1],
        ],
      }),
      'Expected as many rows in vBucketMapForward as in vBucketMap',
    ],
    ['{"nodeLocator":"ketama"}', 'Expected array for nodes'],
    ['{"nodeLocator":"ketama","nodes":[]}', 'Empty serverList'],
    [extended({ rev: -1 }), 'Expected number >= 0 for rev'],
    [extended({ durability: 'maybe' }), 'Expected replicated or none for durability'],
    [extended({ degradedWrites: 1 }), 'Expected allow or refuse for degradedWrites'],
    [extended({ replicaReads: 'yes' }), 'Expected true or false for replicaReads'],
    [extended({ shards: [] }), 'No shards available; service maybe still initializing'],
    [extended({ auth: null }), 'Expected object for holdfast auth'],
    [extended({ login: {} }), 'Expected salt, iterations and keys for holdfast login'],
    [extended({ shards: HOLDFAST.shards.slice(0, 1) }), 'Shards do not cover every vBucket'],
    [
      extended({ shards: HOLDFAST.shards.slice(1) }),
      'Expected shard range from 0, contiguous within 0..1023',
    ],
    [
      extended({ shards: [{ vBuckets: [0, 1023], primary: 'nowhere', replicas: [] }] }),
      'Expected host:port for shard primary',
    ],
  ]
  for (const [json, why] of cases) {
    const matches = (error: unknown): boolean => {
      assert.ok(error instanceof ConfigError)
      assert.equal(error.message, why, json.slice(0, 200))
      return true
    }
    assert.throws(() => parseBucketConfig(json), matches)
  }
})

test('what is not JSON is refused without quoting it, it may hold a password', () => {
  for (const text of ['{"saslPassword":"hunter2" x', 'hunter2', '{"a":"hunter2']) {
    assert.throws(
      () => parseBucketConfig(text),
      (error: unknown) => error instanceof ConfigError && !String(error.stack).includes('hunter2'),
    )
  }
})

test('any JSON is read or refused with a ConfigError', () => {
  const key = fc.constantFrom(
    'buckets',
    'nodes',
    'nodeLocator',
    'vBucketServerMap',
    'vBucketMap',
    'serverList',
    'holdfast',
    'numReplicas',
    'shards',
    'name',
  )
  const tree = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, 0, 1, -1, 1e300, '', 'ketama', 'a:1', true),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(key, tie('value'), { maxKeys: 5 }),
    ),
  })).value
  fc.assert(
    fc.property(tree, (value) => {
      try {
        assert.ok(Array.isArray(parseBucketConfigs(JSON.stringify(value))))
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error))
      }
    }),
    { numRuns: 500 },
  )
})

test('a terse config of Couchbase is read: rev, $HOST, ports in nodesExt, unknown members', () => {
  const json = JSON.stringify({
    rev: 1273,
    revEpoch: 1,
    name: 'travel',
    nodeLocator: 'vbucket',
    uuid: '2b1c',
    uri: '/pools/default/buckets/travel?bucket_uuid=2b1c',
    nodes: [{ hostname: '$HOST:8091', ports: { direct: 11210 } }, { hostname: '$HOST:9000' }],
    nodesExt: [
      { services: { mgmt: 8091, kv: 11210 }, thisNode: true },
      { services: { kv: 12000 } },
    ],
    bucketCapabilitiesVer: '',
    bucketCapabilities: ['collections', 'durableWrite', 'tombstonedUserXAttrs'],
    vBucketServerMap: {
      hashAlgorithm: 'CRC',
      numReplicas: 1,
      serverList: ['$HOST:11210', '$HOST:12000'],
      vBucketMap: [
        [0, 1],
        [1, 0],
      ],
    },
    clusterCapabilitiesVer: [1, 0],
    clusterCapabilities: { n1ql: ['costBasedOptimizer'] },
  })
  const config = parseBucketConfig(json, { host: '10.1.1.7' })
  assert.equal(config.rev, 1273)
  assert.equal(config.revEpoch, 1)
  assert.equal(config.bucketType, 'membase')
  assert.deepEqual(config.serverList, ['10.1.1.7:11210', '10.1.1.7:12000'])
  assert.deepEqual(config.nodes[1]?.ports, { proxy: 0, direct: 0 })
  const overV6 = parseBucketConfig(json, { host: '::1' })
  assert.deepEqual(overV6.serverList, ['[::1]:11210', '[::1]:12000'])
})

test('configs of Membase have no rev', () => {
  const config = parseBucketConfig(JSON.stringify(buildBucketConfig(INPUT)))
  assert.equal(config.rev, null)
  assert.equal(config.revEpoch, 0)
})
