import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Condition } from './alert-rules.ts'
import { Alerts, MOMENT_SHOWN_MS, TELL_AGAIN_MS, TELL_DISK_AGAIN_MS } from './alerts.ts'

const IP: Condition = { key: 'ip', about: 'n', text: 'moved' }
const DISK: Condition = { key: 'disk', about: 'n', text: 'full' }
const DEGRADED: Condition = { key: 'degraded', about: 'b', text: 'short' }

test('an alert is told once, shown while it lasts, and told over', () => {
  const alerts = new Alerts()
  assert.deepEqual(
    alerts.update([IP], 1000).told.map((a) => a.text),
    ['moved'],
  )
  assert.deepEqual(alerts.update([IP], 3000).told, [])
  assert.deepEqual(alerts.current, [{ ...IP, sinceMs: 1000 }])
  assert.equal(alerts.update([], 5000).over.length, 1)
  assert.deepEqual(alerts.current, [])
})

test('one that comes and goes is not told again before ten minutes, a disk not before a day half', () => {
  const alerts = new Alerts()
  const told = (nowMs: number) => alerts.update([IP, DISK], nowMs).told.map((a) => a.key)
  assert.deepEqual(told(0), ['ip', 'disk'])
  alerts.update([], 1000)
  assert.deepEqual(told(2000), [])
  assert.deepEqual(told(TELL_AGAIN_MS), ['ip'])
  assert.deepEqual(told(TELL_DISK_AGAIN_MS), ['ip', 'disk'])
})

test('fewer copies for a moment are no alert', () => {
  const alerts = new Alerts()
  assert.deepEqual(alerts.update([DEGRADED], 0).told, [])
  assert.deepEqual(alerts.update([], 2000).over, [])
  alerts.update([DEGRADED], 4000)
  assert.deepEqual(alerts.current, [])
  assert.equal(alerts.update([DEGRADED], 14_000).told.length, 1)
})

test('what happened at one moment is shown for a while and told once', () => {
  const alerts = new Alerts()
  const failover: Condition = { key: 'auto_failover_node', about: 'x', text: 'failed over' }
  assert.equal(alerts.happened(failover, 0)?.text, 'failed over')
  assert.equal(alerts.happened(failover, 1000), null)
  assert.equal(alerts.update([], 2000).over.length, 0)
  assert.equal(alerts.current.length, 1)
  alerts.update([], 1000 + MOMENT_SHOWN_MS)
  assert.deepEqual(alerts.current, [])
})
