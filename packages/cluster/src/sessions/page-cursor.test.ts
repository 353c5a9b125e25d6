import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cursorText, FIRST_PAGE, parseCursor } from './page-cursor.ts'
import { CursorError } from './session-browser.ts'

test('a place comes back as it was', () => {
  const cursor = { shard: 7, member: 3, scan: '18446744073709551615', skip: 12 }
  assert.deepEqual(parseCursor(cursorText(cursor)), cursor)
})

test('without a place it is the beginning', () => {
  assert.deepEqual(parseCursor(undefined), FIRST_PAGE)
  assert.deepEqual(parseCursor(''), FIRST_PAGE)
})

test('what no page has given is refused', () => {
  for (const text of ['x', '1', '1.2.3', '1.2.3.4.5', '-1.2.3.4', '1.2.3.4\n', '1.1e3.2.3']) {
    assert.throws(() => parseCursor(text), CursorError, text)
  }
})
