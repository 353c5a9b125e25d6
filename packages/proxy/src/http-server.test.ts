import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { createHttpServer } from './http-server.ts'
import { Statistics } from './statistics.ts'
import type { BucketSnapshot, ProxySnapshot } from './stats-snapshot.ts'

let server: FastifyInstance
let snapshot: ProxySnapshot

function bucketOf(name: string, usable: boolean): BucketSnapshot {
  return {
    name,
    statistics: new Statistics().snapshot(),
    source: { configRev: 4, configsReceived: 1, configsRefused: 0 },
    backend: { kind: 'memcached', usable, outstanding: 0, servers: [], counters: {} },
  }
}

function proxyOf(buckets: BucketSnapshot[], draining = false): ProxySnapshot {
  return {
    version: '1',
    pid: 1,
    startedAtMs: 1000,
    workers: 1,
    draining,
    cpuUserSeconds: 1,
    cpuSystemSeconds: 2,
    slow: { seen: 3, suppressed: 1 },
    unbound: new Statistics().snapshot(),
    buckets,
    clients: [],
    followed: [],
  }
}

async function get(path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${server.listeningOrigin}${path}`)
  return { status: response.status, body: await response.json() }
}

before(async () => {
  server = createHttpServer({ snapshot: () => snapshot, processes: async () => [] })
  await server.listen({ host: '127.0.0.1', port: 0 })
})

after(async () => {
  await server?.close()
})

test('health is about the process, ready about every bucket', async () => {
  snapshot = proxyOf([bucketOf('a', true), bucketOf('b', false)])
  const health = await get('/health')
  assert.equal(health.status, 200)
  assert.deepEqual(health.body, {
    ok: true,
    draining: false,
    workers: 1,
    kind: 'memcached',
    bucket: 'a',
    configRev: 4,
    servers: [],
    buckets: [
      { bucket: 'a', kind: 'memcached', usable: true, configRev: 4 },
      { bucket: 'b', kind: 'memcached', usable: false, configRev: 4 },
    ],
  })
  assert.deepEqual(await get('/ready'), {
    status: 503,
    body: { ready: false, draining: false, unusable: ['b'] },
  })
  snapshot = proxyOf([bucketOf('a', true)])
  assert.equal((await get('/ready')).status, 200)
})

test('a proxy that stops is neither healthy nor ready', async () => {
  snapshot = proxyOf([bucketOf('a', true)], true)
  assert.equal((await get('/health')).status, 503)
  assert.equal((await get('/ready')).status, 503)
})

test('a proxy of which no bucket works is not healthy', async () => {
  snapshot = proxyOf([bucketOf('a', false)])
  assert.equal((await get('/health')).status, 503)
})

test('a proxy that waits for its first bucket is healthy but not ready', async () => {
  snapshot = proxyOf([])
  assert.equal((await get('/health')).status, 200)
  assert.equal((await get('/ready')).status, 503)
})

test('the index names what there is', async () => {
  const response = await fetch(`${server.listeningOrigin}/`)
  assert.equal(response.status, 200)
  assert.match(await response.text(), /\/health.*\/ready.*\/metrics/s)
})

test('metrics are served as Prometheus wants them', async () => {
  snapshot = proxyOf([bucketOf('a', true)])
  const response = await fetch(`${server.listeningOrigin}/metrics`)
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  assert.match(await response.text(), /^holdfast_proxy_usable\{bucket="a"\} 1$/m)
})
