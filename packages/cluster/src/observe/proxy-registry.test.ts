import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latencyStep, type ProxyReport } from '@holdfast/protocol'
import { proxyReportSchema, proxyRows } from './proxy-figures.ts'
import { PROXIES_MAX, PROXY_GONE_MS, ProxyRegistry } from './proxy-registry.ts'

type Bucket = ProxyReport['buckets'][number]

function bucketOf(more: Partial<Bucket> = {}): Bucket {
  return {
    ...{ name: 'sessions', rev: 7, connections: 3, operations: 200, errors: 2, errorsTotal: 5 },
    ...{ gets: [], sets: [] },
    ...more,
  }
}

function reportOf(more: Partial<ProxyReport> = {}): ProxyReport {
  return {
    ...{ id: 'p1', source: 'sessions', hostname: 'app1', pid: 10, version: '0.1.0' },
    ...{ uptimeSeconds: 60, intervalMs: 2000, clients: [] },
    buckets: [bucketOf()],
    ...more,
  }
}

const step = (ms: number): number => latencyStep(ms * 1000)

test('a proxy is shown while it reports and gone ten seconds after its last report', () => {
  let nowMs = 0
  const registry = new ProxyRegistry(() => nowMs)
  assert.equal(registry.take(reportOf(), 'proxy'), true)
  nowMs = PROXY_GONE_MS
  assert.deepEqual(
    registry.list().map(({ report, ageMs }) => [report.id, ageMs]),
    [['p1', PROXY_GONE_MS]],
  )
  nowMs++
  assert.deepEqual(registry.list(), [])
})

test('a report replaces the one before, and there is room for so many proxies', () => {
  const registry = new ProxyRegistry(() => 0)
  for (let i = 0; i < PROXIES_MAX; i++) registry.take(reportOf({ id: `p${i}` }), 'proxy')
  assert.equal(registry.take(reportOf({ id: 'another' }), 'proxy'), false)
  assert.equal(registry.take(reportOf({ id: 'p5', pid: 55 }), 'gateway'), true)
  assert.equal(registry.list().length, PROXIES_MAX)
  assert.equal(registry.list().find(({ report }) => report.id === 'p5')?.report.pid, 55)
})

test('quantiles are those of all requests, not the mean of what each proxy has', () => {
  const registry = new ProxyRegistry(() => 0)
  const busy = bucketOf({ gets: [[step(1), 990]] })
  const slow = bucketOf({ gets: [[step(100), 5]], sets: [[step(8), 1]] })
  registry.take(reportOf({ buckets: [busy] }), 'proxy')
  registry.take(reportOf({ id: 'p2', buckets: [slow] }), 'proxy')
  const figures = registry.figuresOf('sessions')
  assert.ok(figures?.getP99Ms && figures.getP99Ms < 1.3, `${figures?.getP99Ms}`)
  assert.ok(figures.getP50Ms && figures.getP50Ms < 1.3)
  assert.ok(figures.setP99Ms && figures.setP99Ms >= 8 && figures.setP99Ms <= 10.3)
  assert.equal(figures.connections, 6)
  assert.equal(figures.errorsPerSecond, 2)
  assert.equal(registry.figuresOf('other'), null)
})

test('what nobody did has no time', () => {
  const registry = new ProxyRegistry(() => 0)
  registry.take(reportOf(), 'proxy')
  assert.equal(registry.figuresOf('sessions')?.getP99Ms, null)
})

test('a proxy with an older map is behind, once it had a moment to take the new one', () => {
  let nowMs = 0
  const registry = new ProxyRegistry(() => nowMs)
  registry.noteMap()
  const withTerm = 3 * 2 ** 31 + 7
  registry.take(reportOf({ buckets: [bucketOf({ rev: withTerm })] }), 'proxy')
  assert.deepEqual(registry.counts(8), { seen: 1, behind: 0 })
  nowMs = 4000
  assert.deepEqual(registry.counts(8), { seen: 1, behind: 1 })
  assert.deepEqual(registry.counts(7), { seen: 1, behind: 0 })
})

test('a row sums the streams of a proxy, and one that has moved is shown where it is', () => {
  const seen = (report: ProxyReport, ageMs: number) => ({ kind: 'proxy' as const, report, ageMs })
  const carts = bucketOf({ name: 'carts', rev: 6, operations: 20, errors: 0, errorsTotal: 0 })
  const byNode = new Map([
    ['ns_1@a', [seen(reportOf({ version: 'before' }), 6000)]],
    [
      'ns_1@b',
      [seen(reportOf(), 500), seen(reportOf({ source: 'carts', buckets: [carts] }), 1000)],
    ],
  ])
  const [row, ...others] = proxyRows(byNode, 7)
  assert.deepEqual(others, [])
  assert.ok(row)
  assert.equal(row.node, 'ns_1@b')
  assert.equal(row.version, '0.1.0')
  assert.deepEqual(row.buckets, ['carts', 'sessions'])
  assert.deepEqual([row.rev, row.upToDate], [6, false])
  assert.equal(row.upstreamConnections, 6)
  assert.equal(row.operationsPerSecond, 110)
  assert.deepEqual([row.errorsPerSecond, row.errors], [1, 5])
  assert.equal(row.lastSeenSeconds, 0.5)
})

test('a report that is none, or beyond its bounds, is refused', () => {
  const refused = [
    {},
    reportOf({ hostname: 'x'.repeat(256) }),
    reportOf({ buckets: [] }),
    reportOf({ intervalMs: 0 }),
    reportOf({ buckets: [bucketOf({ gets: [[100, 1]] })] }),
    reportOf({ clients: new Array(17).fill({ address: '10.0.0.1', connections: 1 }) }),
  ]
  for (const body of refused) assert.equal(proxyReportSchema.safeParse(body).success, false)
  assert.equal(proxyReportSchema.safeParse(reportOf()).success, true)
})
