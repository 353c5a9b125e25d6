import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { METRICS_DOCUMENT, metricsDocument } from './metrics-document.ts'
import { STATS_DOCUMENT, statsDocument } from './stats-document.ts'

test('the reference of statistics is what the tables say', () => {
  assert.equal(
    readFileSync(STATS_DOCUMENT, 'utf8'),
    statsDocument(),
    'write it anew: node packages/proxy/src/stats-document.ts',
  )
})

test('the reference of metrics is what the tables say', () => {
  assert.equal(
    readFileSync(METRICS_DOCUMENT, 'utf8'),
    metricsDocument(),
    'write it anew: node packages/proxy/src/metrics-document.ts',
  )
})
