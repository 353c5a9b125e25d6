import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StoredView } from '@holdfast/session/operator'
import { sessionRow, VALUES_BYTES_MAX } from './session-rows.ts'

const NOW_MS = 1_800_000_000_000
const MINUTE_MS = 60_000
const LIFE_SECONDS = 1800
const VIEW: StoredView = {
  encoding: 'json',
  compressed: false,
  encrypted: false,
  times: {
    createdMs: NOW_MS - 60 * MINUTE_MS,
    lastAccessedMs: NOW_MS - 20 * MINUTE_MS,
    maxInactiveSeconds: LIFE_SECONDS,
  },
  attributes: [{ name: 'user', type: 'string', sizeBytes: 5, value: 'ann' }],
  note: undefined,
}
const FACTS = { bucket: 'default', prefix: undefined, user: 'ann', nowMs: NOW_MS }

function item(expiresAtMs: number): { key: string; value: Buffer; expiresAtMs: number } {
  return { key: 'shop_abcdefghijklmnopqrstuvwxyz012345', value: Buffer.alloc(70), expiresAtMs }
}

test('a row tells key, times, size and attributes, and values only when they are asked for', () => {
  const row = sessionRow(item(NOW_MS + 10 * MINUTE_MS), VIEW, FACTS)
  assert.deepEqual(row, {
    id: 'shop_abcdefghijklmnopqrstuvwxyz012345',
    bucket: 'default',
    prefix: 'shop_',
    user: 'ann',
    createdAt: NOW_MS - 60 * MINUTE_MS,
    lastAccessedAt: NOW_MS - 20 * MINUTE_MS,
    ageSeconds: 3600,
    idleSeconds: 1200,
    expiresInSeconds: 600,
    sizeBytes: 70,
    encoding: 'json',
    compressed: false,
    encrypted: false,
    attributes: [{ name: 'user', type: 'string', sizeBytes: 5 }],
  })
  const shown = sessionRow(item(0), VIEW, { ...FACTS, values: true })
  assert.deepEqual(shown.values, { user: 'ann' })
  assert.equal(shown.cut, undefined)
})

test('a session that was only renewed since it was stored is as young as its expiry says', () => {
  const row = sessionRow(item(NOW_MS + LIFE_SECONDS * 1000), VIEW, FACTS)
  assert.ok((row.idleSeconds ?? 0) <= 61)
  const ahead = sessionRow(item(NOW_MS + 2 * LIFE_SECONDS * 1000), VIEW, FACTS)
  assert.equal(ahead.idleSeconds, 0)
})

test('a session that never expires says so; one whose times are not readable has none', () => {
  assert.equal(sessionRow(item(0), VIEW, FACTS).expiresInSeconds, null)
  const sealed = { ...VIEW, times: undefined, attributes: [], note: 'encrypted' }
  const row = sessionRow(item(NOW_MS + 1000), sealed, FACTS)
  assert.deepEqual([row.createdAt, row.ageSeconds, row.idleSeconds], [null, null, null])
  assert.deepEqual([row.expiresInSeconds, row.note], [1, 'encrypted'])
})

test('times that no calendar has do not break a row', () => {
  const times = { createdMs: 1e300, lastAccessedMs: -1e300, maxInactiveSeconds: 1e300 }
  const row = sessionRow(item(NOW_MS), { ...VIEW, times }, FACTS)
  assert.equal(row.createdAt, null)
})

test('values are cut at their bound', () => {
  const value = 'x'.repeat(VALUES_BYTES_MAX)
  const sizeBytes = VALUES_BYTES_MAX + 2
  const view = { ...VIEW, attributes: [{ name: 'big', type: 'string', sizeBytes, value }] }
  const row = sessionRow(item(0), view, { ...FACTS, values: true })
  assert.deepEqual(row.cut, ['big'])
  assert.equal(String(row.values?.big).length, VALUES_BYTES_MAX)
})
