import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentValues } from './recent-values.ts'

const ENTRIES_MAX = 100

test('what keeps coming is kept, whatever else comes', () => {
  const recent = new RecentValues<number>(ENTRIES_MAX)
  recent.set('again', 1)
  for (let index = 0; index < 10 * ENTRIES_MAX; index++) {
    recent.set(`once ${index}`, index)
    assert.equal(recent.get('again'), 1)
  }
})

test('what does not come again is forgotten: there are never more than the bound', () => {
  const recent = new RecentValues<number>(ENTRIES_MAX)
  const texts = Array.from({ length: 5 * ENTRIES_MAX }, (_, index) => `text ${index}`)
  for (const [index, text] of texts.entries()) recent.set(text, index)
  // Looking may move an entry to the younger generation, so it is looked at once.
  const kept = texts.filter((text) => recent.get(text) !== undefined)
  assert.ok(kept.length <= ENTRIES_MAX, `${kept.length}`)
  assert.ok(kept.includes(texts.at(-1) ?? ''))
  assert.equal(recent.get('never'), undefined)
})
