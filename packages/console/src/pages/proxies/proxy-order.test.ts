import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProxyReport } from '../../rest/types.ts'
import { byUrgency, totalsOf } from './proxy-order.ts'

function proxy(hostname: string, differs: Partial<ProxyReport> = {}): ProxyReport {
  return {
    id: hostname,
    hostname,
    pid: 1,
    version: '1',
    kind: 'proxy',
    node: 'ns_1@a',
    buckets: ['default'],
    rev: 7,
    upToDate: true,
    upstreamConnections: 10,
    clients: [],
    operationsPerSecond: 100,
    errorsPerSecond: 0,
    errors: 0,
    getP99Ms: 1,
    setP99Ms: 1,
    uptimeSeconds: 1,
    lastSeenSeconds: 1,
    ...differs,
  }
}

test('what needs a look comes first: silent, behind, with errors, then by name', () => {
  const list = [
    proxy('b'),
    proxy('a'),
    proxy('errors', { errorsPerSecond: 0.5 }),
    proxy('behind', { upToDate: false }),
    proxy('silent', { lastSeenSeconds: 8 }),
  ]
  assert.deepEqual(
    byUrgency(list).map((p) => p.hostname),
    ['silent', 'behind', 'errors', 'a', 'b'],
  )
})

test('totals are sums, and count who is behind', () => {
  assert.deepEqual(totalsOf([proxy('a'), proxy('b', { upToDate: false, errorsPerSecond: 2 })]), {
    behind: 1,
    connections: 20,
    operationsPerSecond: 200,
    errorsPerSecond: 2,
  })
})
