import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { Registry } from 'prom-client'
import { Browser, eventually, startSite } from '../test-support/test-site.ts'
import { metricsReference } from './session-metrics.ts'

const REFERENCE = new URL('../../../../docs/reference/session-metrics.md', import.meta.url)

test('docs/reference/session-metrics.md is made from the table of metrics', async () => {
  assert.equal(await readFile(REFERENCE, 'utf8'), metricsReference())
})

test('a registry of prom-client shows what requests did, and no session id', async () => {
  const store = await MemcachedProcess.start()
  const options = { memcachedNodes: `n1:${store.address}` }
  const app1 = await startSite({ ...options, route: 'app1', sessionBackupAsync: false })
  const app2 = await startSite({ ...options, route: 'app2', sessionBackupAsync: false })
  const registries = [new Registry(), new Registry()] as const
  app1.sessions.sessionManager.registerMetrics(registries[0])
  app2.sessions.sessionManager.registerMetrics(registries[1])
  const browser = new Browser()
  try {
    await browser.get(`${app1.url}/set?user=ann`)
    const firstId = browser.sessionId
    await browser.get(`${app1.url}/read`)
    await browser.get(`${app1.url}/none`)
    await browser.get(`${app2.url}/read`)
    const here = await registries[0].metrics()
    const there = await registries[1].metrics()
    assert.match(here, /^holdfast_session_loads_total\{result="hit_local"\} 2$/m)
    assert.match(here, /^holdfast_session_saves_total\{result="written"\} 1$/m)
    assert.match(here, /^holdfast_session_saves_total\{result="skipped_clean"\} 2$/m)
    assert.match(here, /^holdfast_session_save_duration_seconds_bucket\{le="\+Inf"\} 1$/m)
    assert.match(here, /^holdfast_session_save_duration_seconds_count 1$/m)
    assert.match(here, /^holdfast_session_events_total\{event="created"\} 1$/m)
    assert.match(here, /^holdfast_session_sessions_local 1$/m)
    assert.match(here, /^holdfast_session_node_up\{node="n1"\} 1$/m)
    assert.match(there, /^holdfast_session_loads_total\{result="takeover"\} 1$/m)
    assert.match(
      there,
      /^holdfast_session_failovers_total\{kind="server",from="app1",to="app2"\} 1$/m,
    )
    for (const id of [firstId, browser.sessionId]) {
      assert.equal(`${here}${there}`.includes(id.split('-')[0] ?? id), false)
    }
    const statistics = app2.sessions.sessionManager.statistics()
    assert.equal(statistics.requestsWithTomcatFailover, 1)
    assert.equal(statistics.requestsWithSession, 1)
    assert.equal(statistics.backup.count, 1)
  } finally {
    await app1.close()
    await app2.close()
    await store.kill()
  }
})

test('a store that is away shows as a node that is down and as sessions that are not stored', async () => {
  const store = await MemcachedProcess.start()
  const site = await startSite({
    memcachedNodes: store.address,
    operationTimeout: 300,
    storeWait: 250,
  })
  const registry = new Registry()
  site.sessions.sessionManager.registerMetrics(registry)
  try {
    await store.kill()
    await new Browser().get(`${site.url}/set?user=ann`)
    await eventually(async () => /backup_queue_length 1$/m.test(await registry.metrics()))
    const isDown = /^holdfast_session_node_up\{node="127\.0\.0\.1:\d+"\} 0$/m
    await eventually(async () => isDown.test(await registry.metrics()))
    const text = await registry.metrics()
    assert.match(text, /^holdfast_session_saves_total\{result="error"\} 1$/m)
    assert.equal(site.sessions.sessionManager.statistics().requestsWithBackupFailures, 1)
  } finally {
    await site.close()
  }
})

test('how often and how long a node was away is counted, and what its probes met', async () => {
  const store = await MemcachedProcess.start()
  const site = await startSite({ memcachedNodes: `n1:${store.address}`, storeWait: 100 })
  const registry = new Registry()
  site.sessions.sessionManager.registerMetrics(registry)
  const value = async (series: string): Promise<number> => {
    const line = (await registry.metrics()).split('\n').find((one) => one.startsWith(series))
    return Number(line?.split(' ').at(-1))
  }
  const openings = 'holdfast_session_circuit_openings_total{node="n1"}'
  const failed = 'holdfast_session_node_probes_total{node="n1",outcome="failed"}'
  const answered = 'holdfast_session_node_probes_total{node="n1",outcome="answered"}'
  const away = 'holdfast_session_node_away_seconds_total{node="n1"}'
  try {
    for (const series of [openings, failed, answered, away]) assert.equal(await value(series), 0)
    for (const round of [1, 2]) {
      await store.freeze()
      await new Browser().get(`${site.url}/set?user=ann`)
      await eventually(async () => (await value(openings)) === round)
      await eventually(async () => (await value(failed)) >= round)
      assert.ok((await value(away)) > 0, 'the present absence counts')
      store.thaw()
      await eventually(async () => (await value(answered)) === round)
    }
    const before = await value(away)
    await new Browser().get(`${site.url}/set?user=ann`)
    assert.equal(await value(away), before)
  } finally {
    store.thaw()
    await site.close()
    await store.kill()
  }
})
