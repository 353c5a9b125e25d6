import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplyWindow, WINDOW_BYTES, WINDOW_FIRST } from './reply-window.ts'

test('a connection begins with few requests, and may have all once its replies prove small', () => {
  const window = new ReplyWindow(1024)
  assert.equal(window.requests, WINDOW_FIRST)
  assert.equal(window.sliceBytes, 32)
  window.learn(120)
  assert.equal(window.requests, 1024)
  assert.equal(window.sliceBytes, 8192)
})

test('large replies leave room for few requests, and are not forgotten at once', () => {
  const window = new ReplyWindow(1024)
  window.learn(WINDOW_BYTES / 4)
  assert.equal(window.requests, 4)
  window.learn(10)
  assert.equal(window.requests, 4)
  for (let replies = 0; replies < 100; replies++) window.learn(10)
  assert.equal(window.requests, 1024)
})

test('a reply beyond the whole window still leaves room for one request', () => {
  const window = new ReplyWindow(1024)
  window.learn(WINDOW_BYTES * 20)
  assert.equal(window.requests, 1)
  assert.equal(window.sliceBytes, 32)
})

test('the configured bound is never exceeded', () => {
  const window = new ReplyWindow(3)
  assert.equal(window.requests, 3)
  window.learn(1)
  assert.equal(window.requests, 3)
})
