import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SPENT_IDS_MAX, SpentIds } from './spent-ids.ts'

test('a name is spent once, and forgotten when it would be over anyway', () => {
  const spent = new SpentIds()
  assert.equal(spent.add('a', 100, 0), true)
  assert.equal(spent.add('a', 100, 0), false)
  assert.equal(spent.has('a'), true)
  spent.add('b', 300, 200)
  assert.equal(spent.has('a'), false)
})

test('of too many names the one that would be over first is forgotten', () => {
  const spent = new SpentIds()
  for (let n = 0; n < SPENT_IDS_MAX; n++) spent.add(`id-${n}`, 10_000 - n, 0)
  spent.add('one more', 20_000, 0)
  assert.equal(spent.has(`id-${SPENT_IDS_MAX - 1}`), false)
  assert.equal(spent.has('id-0'), true)
  assert.equal(spent.has('one more'), true)
})
