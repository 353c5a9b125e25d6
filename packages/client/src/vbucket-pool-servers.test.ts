import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBucketConfig } from '@holdfast/topology'
import { poolCredentialsOf, poolServersOf } from './vbucket-pool-servers.ts'

test('a memcached bucket is a pool of its healthy nodes, with the bucket as login', () => {
  const node = (hostname: string, status: string): object => ({
    hostname,
    status,
    ports: { proxy: 11211, direct: 11210 },
  })
  const config = parseBucketConfig(
    JSON.stringify({
      name: 'cache',
      bucketType: 'memcached',
      saslPassword: 'secret',
      nodeLocator: 'ketama',
      nodes: [
        node('10.0.0.1:8091', 'healthy'),
        node('10.0.0.2:8091', 'unhealthy'),
        node('[::1]:8091', 'healthy'),
      ],
    }),
  )
  assert.deepEqual(poolServersOf(config), [
    { host: '10.0.0.1', port: 11210, weight: 1 },
    { host: '::1', port: 11210, weight: 1 },
  ])
  assert.deepEqual(poolCredentialsOf(config), { username: 'cache', password: 'secret' })
})
