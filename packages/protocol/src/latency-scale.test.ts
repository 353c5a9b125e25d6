import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  LATENCY_STEPS,
  latencyQuantileUs,
  latencyStep,
  latencyStepStartUs,
} from './latency-scale.ts'

test('every time is in the step that begins at or below it', () => {
  for (let us = 0; us < 2 ** 26; us = us < 5000 ? us + 1 : Math.floor(us * 1.07)) {
    const step = latencyStep(us)
    assert.ok(latencyStepStartUs(step) <= us && us < latencyStepStartUs(step + 1), `${us} us`)
  }
})

test('what is beyond the scale is in its last step, what is below in its first', () => {
  assert.equal(latencyStep(1e12), LATENCY_STEPS - 1)
  assert.equal(latencyStep(Number.POSITIVE_INFINITY), LATENCY_STEPS - 1)
  assert.equal(latencyStep(-5), 0)
})

test('a quantile is the upper end of its step', () => {
  const steps = new Array<number>(LATENCY_STEPS).fill(0)
  assert.equal(latencyQuantileUs(steps, 0.5), 0)
  steps[latencyStep(100)] = 98
  steps[latencyStep(5000)] = 2
  assert.equal(latencyQuantileUs(steps, 0.5), 112)
  assert.equal(latencyQuantileUs(steps, 0.98), 112)
  assert.equal(latencyQuantileUs(steps, 0.99), 5120)
})
