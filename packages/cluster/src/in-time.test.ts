import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inTime } from './in-time.ts'

const LONG_MS = 60_000

test('work that ends in time is heard, however it ends', async () => {
  assert.equal(await inTime(Promise.resolve('done'), LONG_MS), 'done')
  await assert.rejects(inTime(Promise.reject(new Error('broken')), LONG_MS), /^Error: broken$/)
})

test('work that never ends is given up', async () => {
  await assert.rejects(inTime(new Promise(() => {}), 5), /^Error: not within 5 ms$/)
})
