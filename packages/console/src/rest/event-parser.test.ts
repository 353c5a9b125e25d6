import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventParser } from './event-parser.ts'

const STREAM =
  ':\n\nevent: watch\nid: 7\ndata: {"a":\ndata: 1}\n\nevent:expired\r\ndata: {}\r\n\r\n'
const EVENTS = [
  { event: 'watch', data: '{"a":\n1}' },
  { event: 'expired', data: '{}' },
]

test('events are the same whole, letter by letter, and two glued', () => {
  assert.deepEqual(new EventParser().push(STREAM), EVENTS)
  const parser = new EventParser()
  assert.deepEqual(
    [...STREAM].flatMap((letter) => parser.push(letter)),
    EVENTS,
  )
  assert.deepEqual(new EventParser().push(STREAM + STREAM), [...EVENTS, ...EVENTS])
})

test('comments and blank lines are no events', () => {
  assert.deepEqual(new EventParser().push(':\n:\n\n\n: a word\n\n'), [])
})

test('a line without an end is given up', () => {
  const parser = new EventParser()
  const piece = 'x'.repeat(1024 * 1024)
  assert.throws(() => {
    for (let n = 0; n < 16; n++) parser.push(piece)
  }, /has no end/)
})
