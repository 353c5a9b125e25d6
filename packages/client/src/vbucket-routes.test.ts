import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BucketConfig, buildBucketConfig, parseBucketConfig } from '@holdfast/topology'
import { routesAlike, supersedes, VBucketRoutes } from './vbucket-routes.ts'

const SERVERS = ['a:1', 'b:2', 'c:3']

function configOf(map: number[], forward?: number[]): BucketConfig {
  const rows = (actives: number[]): number[][] => actives.map((active) => [active])
  return parseBucketConfig(
    JSON.stringify(
      buildBucketConfig({
        name: 'default',
        bucketType: 'membase',
        nodes: [],
        serverList: SERVERS,
        vBucketMap: rows(map),
        ...(forward && { vBucketMapForward: rows(forward) }),
        replicaNumber: 0,
        quota: { ram: 1, rawRAM: 1 },
      }),
    ),
  )
}

test('a refused vBucket goes where the forward map says, then round all servers', () => {
  const routes = new VBucketRoutes(configOf([1, 0], [2, 0]))
  assert.equal(routes.addressOf(0), 'b:2')
  const asked = ['b:2', 'c:3', 'a:1', 'b:2', 'c:3', 'a:1'].map((address) => {
    assert.ok(routes.correct(0, address))
    return routes.addressOf(0)
  })
  assert.deepEqual(asked, ['c:3', 'a:1', 'b:2', 'c:3', 'a:1', 'b:2'])
})

test('a forward row that names the refusing server is of no use', () => {
  const routes = new VBucketRoutes(configOf([1, 0], [1, 0]))
  assert.ok(routes.correct(0, 'b:2'))
  assert.equal(routes.addressOf(0), 'c:3')
})

test('a refusal by a server that the route does not name corrects nothing', () => {
  const routes = new VBucketRoutes(configOf([0, 1]))
  assert.equal(routes.correct(0, 'b:2'), false)
  assert.equal(routes.addressOf(0), 'a:1')
  assert.ok(routes.correct(0, 'a:1'))
  assert.equal(routes.correct(0, 'a:1'), false)
  assert.equal(routes.addressOf(0), 'b:2')
  assert.equal(routes.addressOf(1), 'b:2')
})

test('a vBucket without active copy has no server', () => {
  const routes = new VBucketRoutes(configOf([-1, 1]))
  assert.equal(routes.serverOf(0), -1)
  assert.equal(routes.addressOf(0), undefined)
})

test('configs route alike when servers, map and forward map are the same', () => {
  const config = configOf([0, 1], [1, 1])
  assert.ok(routesAlike(config, configOf([0, 1], [1, 1])))
  assert.ok(!routesAlike(config, configOf([0, 1])))
  assert.ok(!routesAlike(config, configOf([1, 1], [1, 1])))
})

test('of numbered configs the newer one holds, of others the last one', () => {
  const config = configOf([0, 1])
  const at = (rev: number | null, revEpoch = 0): BucketConfig => ({ ...config, rev, revEpoch })
  assert.ok(supersedes(at(5), at(4)))
  assert.ok(supersedes(at(5), at(5)))
  assert.ok(!supersedes(at(4), at(5)))
  assert.ok(supersedes(at(1, 2), at(9, 1)))
  assert.ok(!supersedes(at(9, 1), at(1, 2)))
  assert.ok(supersedes(at(null), at(5)))
  assert.ok(supersedes(at(4), at(null)))
  assert.ok(supersedes({ ...at(1), uuid: 'made anew' }, { ...at(5), uuid: 'before' }))
  assert.ok(!supersedes({ ...at(1), uuid: 'known' }, at(5)))
})
