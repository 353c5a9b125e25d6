import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExpiringSet } from './expiring-set.ts'
import { LearntRequests, MODIFYING_KINDS_MAX, READ_ONLY_KINDS_MAX } from './learnt-requests.ts'

test('beyond its size the member used longest ago goes', () => {
  const set = new ExpiringSet(2, 100)
  set.add('a', 0)
  set.add('b', 0)
  assert.equal(set.has('a', 1), true)
  set.add('c', 1)
  assert.equal(set.size, 2)
  assert.equal(set.has('b', 1), false)
  assert.equal(set.has('a', 1), true)
  assert.equal(set.has('c', 1), true)
})

test('a member lives until its life is over, which an add renews and a look does not', () => {
  const set = new ExpiringSet(2, 100)
  set.add('a', 0)
  set.add('b', 0)
  set.add('b', 50)
  assert.equal(set.has('a', 99), true)
  assert.equal(set.has('a', 100), false)
  assert.equal(set.has('b', 149), true)
  assert.equal(set.size, 1)
})

test('made-up paths cannot make what is learnt grow beyond its limits', () => {
  const learnt = new LearntRequests()
  learnt.learn('GET /known', true, 0)
  const heapBefore = process.memoryUsage().heapUsed
  const url = `/${'x'.repeat(200)}?${'q'.repeat(8000)}`
  for (let n = 0; n < 3 * MODIFYING_KINDS_MAX; n++) {
    // As the policy makes them: a part of a long text, which must not keep that text alive.
    learnt.learn(`POST ${`${n}${url}`.split('?', 1)[0]}`, n % 2 === 0, 1)
  }
  const { readOnly, modifying } = learnt.sizes
  assert.ok(readOnly <= READ_ONLY_KINDS_MAX && readOnly > 0.9 * READ_ONLY_KINDS_MAX)
  assert.ok(modifying <= MODIFYING_KINDS_MAX && modifying > 0.9 * MODIFYING_KINDS_MAX)
  assert.ok(process.memoryUsage().heapUsed - heapBefore < 200 * 1024 * 1024)
})
