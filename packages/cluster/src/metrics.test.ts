import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { METRICS_DOCUMENT, metricsDocument } from './metrics-document.ts'
import { STORE_METRICS } from './metrics-table.ts'

test('the reference is what the table says', () => {
  assert.equal(
    readFileSync(METRICS_DOCUMENT, 'utf8'),
    metricsDocument(),
    'write it anew: node packages/cluster/src/metrics-document.ts',
  )
})

test("names are Prometheus' and in the table once; counters end in _total", () => {
  const names = STORE_METRICS.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  for (const { name, type } of STORE_METRICS) {
    assert.match(name, /^holdfast_[a-z_]+$/)
    assert.equal(name.endsWith('_total'), type === 'counter', name)
  }
})
