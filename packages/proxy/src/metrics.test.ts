import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Operation, Outcome, UPSTREAM_ORDER_SHARDS } from '@holdfast/client'
import { Op } from '@holdfast/protocol'
import { BUCKETS_SHOWN_MAX, metricsText, SERVERS_SHOWN_MAX } from './metrics.ts'
import { ProcessMeter } from './process-meter.ts'
import { Statistics } from './statistics.ts'
import type { BucketSnapshot, ProxySnapshot } from './stats-snapshot.ts'

const upstream = {
  readsOutstanding: new Int32Array(UPSTREAM_ORDER_SHARDS),
  writesOutstanding: new Int32Array(UPSTREAM_ORDER_SHARDS),
  slotSettled: (): void => {},
}

function bucketOf(name: string, servers = 1): BucketSnapshot {
  const statistics = new Statistics()
  for (const seconds of [0.000_05, 0.001, 0.3]) {
    const get = new Operation(upstream, 0)
    get.kind = Op.Get
    get.decide(Outcome.Miss)
    statistics.countReply(get, seconds)
  }
  statistics.countLocal(Op.Version)
  return {
    name,
    statistics: statistics.snapshot(),
    source: { configRev: 4, configsReceived: 1, configsRefused: 0 },
    backend: {
      kind: 'memcached',
      usable: true,
      outstanding: 5,
      servers: Array.from({ length: servers }, (_, i) => ({
        address: `10.0.0.${i}:11211`,
        state: 'connected',
        held: 1,
        outstanding: 2,
        connects: 3,
        failures: 4,
      })),
      counters: { retries: 6 },
    },
  }
}

function proxyOf(buckets: BucketSnapshot[]): ProxySnapshot {
  return {
    version: '1',
    pid: 1,
    startedAtMs: 1000,
    workers: 1,
    draining: false,
    cpuUserSeconds: 1,
    cpuSystemSeconds: 2,
    slow: { seen: 3, suppressed: 1 },
    unbound: new Statistics().snapshot(),
    buckets,
    clients: [],
    followed: [],
  }
}

/** Series of a text, by name and labels. */
function seriesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const match = /^([a-z0-9_]+(?:\{.*\})?) (\S+)$/.exec(line)
      assert.ok(match, line)
      return [match[1] ?? '', Number(match[2])]
    }),
  )
}

test('counters have bucket, server, command and result', async () => {
  const series = seriesOf(await metricsText(proxyOf([bucketOf('default')]), []))
  const expected: Record<string, number> = {
    'commands_total{bucket="default",command="get",result="miss"}': 3,
    'commands_total{bucket="default",command="version",result="local"}': 1,
    'events_total{bucket="default",event="retries"}': 6,
    'server_state{bucket="default",server="10.0.0.0:11211",state="connected"}': 1,
    'server_state{bucket="default",server="10.0.0.0:11211",state="away"}': 0,
    'server_failures_total{bucket="default",server="10.0.0.0:11211"}': 4,
    'outstanding{bucket="default"}': 5,
    slow_requests_total: 3,
    workers: 1,
  }
  for (const [name, value] of Object.entries(expected)) {
    assert.equal(series.get(`holdfast_proxy_${name}`), value, name)
  }
})

test('latencies are one proper histogram', async () => {
  const text = await metricsText(proxyOf([bucketOf('default')]), [])
  assert.equal(text.match(/^# TYPE holdfast_proxy_latency_seconds histogram$/gm)?.length, 1)
  assert.ok(!text.includes('# TYPE holdfast_proxy_latency_seconds_bucket'))
  const series = seriesOf(text)
  const at = (le: string): number | undefined => {
    return series.get(
      `holdfast_proxy_latency_seconds_bucket{bucket="default",class="read",le="${le}"}`,
    )
  }
  assert.deepEqual([at('0.000064'), at('0.001024'), at('0.262144')], [1, 2, 2])
  assert.deepEqual([at('0.524288'), at('+Inf')], [3, 3])
  assert.equal(series.get('holdfast_proxy_latency_seconds_count{bucket="default",class="read"}'), 3)
  const sum = series.get('holdfast_proxy_latency_seconds_sum{bucket="default",class="read"}') ?? 0
  assert.ok(Math.abs(sum - 0.301_05) < 1e-9)
})

test('labels are escaped', async () => {
  const text = await metricsText(proxyOf([bucketOf('a"b\\c\nd')]), [])
  assert.match(text, /outstanding\{bucket="a\\"b\\\\c\\nd"\} 5\n/)
})

test('the number of series is bounded, and nothing is lost', async () => {
  const many = Array.from({ length: BUCKETS_SHOWN_MAX + 20 }, (_, i) => bucketOf(`b${i}`, 0))
  const series = seriesOf(await metricsText(proxyOf(many), []))
  const outstanding = [...series].filter(([name]) => name.startsWith('holdfast_proxy_outstanding{'))
  assert.equal(outstanding.length, BUCKETS_SHOWN_MAX + 1)
  assert.equal(series.get('holdfast_proxy_outstanding{bucket="other"}'), 100)
  const large = bucketOf('large', SERVERS_SHOWN_MAX + 10)
  const servers = [...seriesOf(await metricsText(proxyOf([large]), []))].filter(([name]) => {
    return name.startsWith('holdfast_proxy_server_held{')
  })
  assert.equal(servers.length, SERVERS_SHOWN_MAX + 1)
  assert.equal(
    servers.reduce((sum, [, held]) => sum + held, 0),
    SERVERS_SHOWN_MAX + 10,
  )
})

test('process metrics of several workers are aggregated', async () => {
  const measured = await new ProcessMeter().collect()
  const one = seriesOf(await metricsText(proxyOf([]), [measured]))
  const sent = JSON.parse(JSON.stringify(measured)) as object[]
  const two = seriesOf(await metricsText(proxyOf([]), [measured, sent]))
  const memory = one.get('process_resident_memory_bytes') ?? 0
  assert.ok(memory > 1e6)
  assert.equal(two.get('process_resident_memory_bytes'), memory * 2)
})
