import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildNodeServices, buildTerseConfig, type TerseConfigInput } from './build-terse-config.ts'
import { parseBucketConfig } from './parse-bucket-config.ts'

const INPUT: TerseConfigInput = {
  rev: 7,
  revEpoch: 2,
  name: 'a b',
  bucketType: 'membase',
  uuid: 'feed',
  nodes: [
    { hostname: '10.0.0.2', mgmt: 8091, kv: 11_210 },
    { hostname: '10.0.0.1', mgmt: 8091, kv: 11_210, mgmtSSL: 18_091, thisNode: true },
    { hostname: '10.0.0.3', mgmt: 8091 },
  ],
  serverList: ['10.0.0.2:11210', '10.0.0.1:11210'],
  vBucketMap: [
    [0, 1],
    [1, 0],
  ],
  replicaNumber: 1,
}

test('a terse config is one that our own parser reads as the same map', () => {
  const config = parseBucketConfig(JSON.stringify(buildTerseConfig(INPUT)))
  assert.equal(config.name, 'a b')
  assert.deepEqual([config.rev, config.revEpoch], [7, 2])
  assert.deepEqual(config.serverList, INPUT.serverList)
  assert.deepEqual(config.vBucketMap, INPUT.vBucketMap)
})

test('positions in nodesExt are those of the server list; members without data have no kv', () => {
  const { nodesExt } = buildTerseConfig(INPUT)
  assert.deepEqual(nodesExt, [
    { services: { mgmt: 8091, kv: 11_210 }, hostname: '10.0.0.2' },
    { services: { mgmt: 8091, mgmtSSL: 18_091, kv: 11_210 }, thisNode: true, hostname: '10.0.0.1' },
    { services: { mgmt: 8091 }, hostname: '10.0.0.3' },
  ])
})

test('a memcached bucket has no map', () => {
  const config = buildTerseConfig({ ...INPUT, bucketType: 'memcached' })
  assert.equal('vBucketServerMap' in config, false)
  assert.equal(config.nodeLocator, 'ketama')
})

test('the config without a bucket always names the members', () => {
  const config = buildNodeServices({ rev: 1, revEpoch: 1 }, INPUT.nodes)
  assert.equal(Array.isArray(config.nodesExt) && config.nodesExt.length, 3)
})
