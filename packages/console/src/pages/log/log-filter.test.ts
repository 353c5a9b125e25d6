import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogEntry } from '../../rest/types.ts'
import { ALL, filtered, nodesOf } from './log-filter.ts'

const list = (['info', 'critical', 'warning'] as const).map(
  (type, index): LogEntry => ({
    node: `ns_${(index % 2) + 1}@a`,
    type,
    code: 1,
    module: 'm',
    tstamp: 1000 + index,
    shortText: type,
    text: type,
  }),
)

test('events are shown newest first, from a weight on, of one node or of all', () => {
  const shown = (weight: 'all' | 'warning' | 'critical', node: string): string[] =>
    filtered(list, { weight, node }).map((e) => e.text)
  assert.deepEqual(shown(ALL, ALL), ['warning', 'critical', 'info'])
  assert.deepEqual(shown('warning', ALL), ['warning', 'critical'])
  assert.deepEqual(shown('critical', ALL), ['critical'])
  assert.deepEqual(shown(ALL, 'ns_1@a'), ['warning', 'info'])
})

test('the nodes to choose from are those that have told something', () => {
  assert.deepEqual(nodesOf(list), ['ns_1@a', 'ns_2@a'])
})
