import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from './testing/engines.ts'
import { WaitNudge } from './wait-nudge.ts'

test('a WAIT that is not answered is helped along, once', async () => {
  let nudges = 0
  const nudge = new WaitNudge(() => nudges++)
  nudge.waits(performance.now())
  await until('nudged', () => nudges > 0)
  // Whatever was set before fires before.
  await new Promise((resolve) => setTimeout(resolve, nudge.patienceMs + 1))
  assert.equal(nudges, 1)
})

test('a WAIT that is answered is left alone', async () => {
  let nudges = 0
  const nudge = new WaitNudge(() => nudges++)
  nudge.waits(performance.now())
  nudge.answered(performance.now())
  await new Promise((resolve) => setTimeout(resolve, nudge.patienceMs + 1))
  assert.equal(nudges, 0)
})

test('where WAITs usually take long, patience is longer, within a bound', () => {
  const nudge = new WaitNudge(() => {})
  const atFirstMs = nudge.patienceMs
  for (let i = 0; i < 200; i++) {
    nudge.waits(0)
    nudge.answered(4)
  }
  const slowerMs = nudge.patienceMs
  assert.ok(slowerMs > atFirstMs)
  for (let i = 0; i < 200; i++) {
    nudge.waits(0)
    nudge.answered(1000)
  }
  assert.ok(nudge.patienceMs > slowerMs)
  assert.ok(nudge.patienceMs < 40, 'a nudge comes before the peer confirms by itself')
  nudge.cancel()
})
