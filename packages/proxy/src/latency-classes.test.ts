import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latencyStep, latencyStepStartUs, Op } from '@holdfast/protocol'
import { LATENCY_CLASSES, latencyClass } from './latency-classes.ts'
import { LATENCY_BOUNDS_US } from './metrics-table.ts'

test('the bounds of the metrics are beginnings of steps', () => {
  for (const bound of LATENCY_BOUNDS_US) {
    assert.equal(latencyStepStartUs(latencyStep(bound)), bound)
  }
})

test('every command that a store carries out has a class', () => {
  const classes = [Op.Gets, Op.Cas, Op.Decr, Op.Delete, Op.Gat, Op.FlushAll].map((op) => {
    return LATENCY_CLASSES[latencyClass(op)]
  })
  assert.deepEqual(classes, ['read', 'store', 'count', 'delete', 'touch', 'flush'])
})
